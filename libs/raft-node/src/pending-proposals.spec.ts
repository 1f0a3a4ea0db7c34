import { describe, expect, it } from "@jest/globals";

import type { RaftNodeError } from "./errors.ts";
import { PendingProposals, unknownOutcome } from "./pending-proposals.ts";

function waiting(pending: PendingProposals, index: number, term: number, bytes = 10) {
  const outcome: { result?: unknown; code?: string; forget?: () => boolean } = {};
  outcome.forget = pending.add(index, {
    term,
    bytes,
    resolve: ({ result }) => {
      outcome.result = result;
    },
    reject: ({ code }: RaftNodeError) => {
      outcome.code = code;
    },
  });
  return outcome;
}

describe("proposals that wait", () => {
  it("are answered by the entry of their index and term", () => {
    const pending = new PendingProposals();
    const [first, second] = [waiting(pending, 5, 2), waiting(pending, 6, 2)];
    pending.applied(5, 2, "five");
    expect([first.result, second.result]).toEqual(["five", undefined]);
    expect([pending.count, pending.bytes]).toEqual([1, 10]);
    pending.applied(6, 2, "six");
    expect([second.result, pending.count, pending.bytes]).toEqual(["six", 0, 0]);
  });

  it("were not applied when an entry of another term took their place", () => {
    const pending = new PendingProposals();
    const [older, newer] = [waiting(pending, 5, 2), waiting(pending, 5, 4)];
    pending.applied(5, 4, "newer");
    expect(older).toMatchObject({ code: "not-leader" });
    expect(newer).toMatchObject({ result: "newer" });
  });

  it("are unknown behind a snapshot, those after it go on waiting", () => {
    const pending = new PendingProposals();
    const [hidden, after] = [waiting(pending, 5, 2), waiting(pending, 6, 2)];
    pending.hiddenThrough(5);
    expect(hidden.code).toBe("outcome-unknown");
    expect(after.code).toBeUndefined();
    pending.failAll(unknownOutcome("over"));
    expect([after.code, pending.count, pending.bytes]).toEqual(["outcome-unknown", 0, 0]);
  });

  it("of earlier terms can be given up alone", () => {
    const pending = new PendingProposals();
    const [older, newer, other] = [waiting(pending, 5, 2), waiting(pending, 5, 4), waiting(pending, 9, 3)];
    pending.failBefore(4, unknownOutcome("nobody says"));
    expect([older.code, newer.code, other.code]).toEqual(["outcome-unknown", undefined, "outcome-unknown"]);
    expect([pending.count, pending.bytes]).toEqual([1, 10]);
  });

  it("are forgotten once when their caller gives up", () => {
    const pending = new PendingProposals();
    const outcome = waiting(pending, 5, 2);
    expect(outcome.forget?.()).toBe(true);
    expect(outcome.forget?.()).toBe(false);
    pending.applied(5, 2, "five");
    expect(outcome.result).toBeUndefined();
    expect([pending.count, pending.bytes]).toEqual([0, 0]);
  });
});
