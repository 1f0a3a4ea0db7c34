import { describe, expect, it } from "@jest/globals";

import { type Committed, judgeTerms } from "./judge-terms.ts";

const lease = (version: number, generation: string, holder: string): Committed => ({
  kind: "lease",
  version: BigInt(version),
  lease: "l",
  generation,
  holder,
});
const write = (version: number, term: string, writer: string): Committed => ({
  kind: "write",
  version: BigInt(version),
  key: "k",
  lease: "l",
  term,
  writer,
});

describe("the judge of terms", () => {
  it("finds nothing where each writes in its own term, however the watches tell it", () => {
    const history = [write(2, "g1", "a"), write(5, "g2", "b"), lease(1, "g1", "A"), lease(4, "g2", "B")];
    expect(judgeTerms(history)).toEqual({ writes: 2, terms: 2, findings: [] });
  });

  it.each([
    ["in a term that is over", [lease(1, "g1", "A"), lease(2, "g2", "B"), write(3, "g1", "a")]],
    ["in a term that had not begun", [write(1, "g1", "a"), lease(2, "g1", "A")]],
    ["while nobody held the lease", [lease(1, "g1", "A"), lease(2, "g2", ""), write(3, "g2", "a")]],
    ["in another's term", [lease(1, "g1", "A"), write(2, "g1", "a"), write(3, "g1", "b")]],
    [
      "in the next one's term, which wrote nothing yet",
      [lease(1, "g1", "A"), write(2, "g1", "a"), lease(3, "g2", "B"), write(4, "g2", "a")],
    ],
  ])("finds what was written %s", (_, history) => {
    expect(judgeTerms(history).findings).toHaveLength(1);
  });
});
