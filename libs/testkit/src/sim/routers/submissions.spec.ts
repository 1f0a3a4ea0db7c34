import { describe, expect, it } from "@jest/globals";

import { Submissions } from "./submissions.ts";

function begin() {
  const violations: string[] = [];
  const submissions = new Submissions((violation) => violations.push(violation));
  const request = (sequence: number) => ({
    session: { id: "s", openedAt: 4 },
    sequence,
    lowestUnanswered: 1,
  });
  return { submissions, violations, request };
}

describe("requests of sessions", () => {
  it("are counted when their origin sends them once more", () => {
    const { submissions, request } = begin();
    for (const sequence of [1, 2, 1, 1]) submissions.originSends(request(sequence));
    expect(submissions.repeated).toBe(2);
  });

  it("are sent by a forwarder as often as by their origin", () => {
    const { submissions, violations, request } = begin();
    for (let time = 0; time < 2; time++) {
      submissions.originSends(request(1));
      submissions.forwarderSends("f1", request(1));
    }
    expect(violations).toEqual([]);
    submissions.forwarderSends("f1", request(1));
    expect(violations).toEqual(["f1 sends request 1 of session s 3 times, its origin sent it 2 times"]);
  });

  it("may be sent on again when the answer was that nothing was applied", () => {
    const { submissions, violations, request } = begin();
    submissions.originSends(request(1));
    const takeBack = submissions.forwarderSends("f1", request(1));
    takeBack();
    submissions.forwarderSends("f1", request(1));
    expect(violations).toEqual([]);
  });
});
