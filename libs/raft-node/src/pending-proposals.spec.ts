import { describe, expect, it } from "@jest/globals";
import type { Entry } from "@trellis/raft";
import fc from "fast-check";

import { PendingProposals, unknownOutcome } from "./pending-proposals.ts";
import { Proposal } from "./proposal.ts";

interface Outcome {
  readonly data: Uint8Array;
  result?: unknown;
  code?: string;
}

function waiting(
  pending: PendingProposals,
  index: number,
  term: number,
  { command, signal }: { readonly command?: unknown; readonly signal?: AbortSignal } = {},
) {
  const data = new Uint8Array(10);
  const outcome: Outcome = { data };
  const proposal = new Proposal({
    type: "EntryNormal",
    data,
    signal,
    command,
    resolve: ({ result }) => {
      outcome.result = result;
    },
    reject: ({ code }) => {
      outcome.code = code;
    },
  });
  pending.add(proposal, index, term);
  return outcome;
}

const entry = (index: number, term: number, data: Uint8Array): Entry => ({
  type: "EntryNormal",
  index,
  term,
  data,
});

describe("proposals that wait", () => {
  it("are answered by the entry of their index and term", () => {
    const pending = new PendingProposals();
    const [first, second] = [waiting(pending, 5, 2), waiting(pending, 6, 2)];
    pending.applied({ index: 5, term: 2 }, "five");
    expect([first.result, second.result]).toEqual(["five", undefined]);
    expect([pending.count, pending.bytes]).toEqual([1, 10]);
    pending.applied({ index: 6, term: 2 }, "six");
    expect([second.result, pending.count, pending.bytes]).toEqual(["six", 0, 0]);
  });

  it("were not applied when an entry of another term took their place", () => {
    const pending = new PendingProposals();
    const [older, newer] = [waiting(pending, 5, 2), waiting(pending, 5, 4)];
    pending.applied({ index: 5, term: 4 }, "newer");
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

  it("are forgotten when their caller gives up", () => {
    const pending = new PendingProposals();
    const caller = new AbortController();
    const [given, kept] = [waiting(pending, 5, 2, { signal: caller.signal }), waiting(pending, 6, 2)];
    pending.failAborted();
    expect(given.code).toBeUndefined();
    caller.abort();
    pending.failAborted();
    pending.applied({ index: 5, term: 2 }, "five");
    expect([given.code, given.result, kept.code]).toEqual(["outcome-unknown", undefined, undefined]);
    expect([pending.count, pending.bytes]).toEqual([1, 10]);
  });

  it("are found at their place whatever the order in which they came and went", () => {
    const step = fc.record({
      index: fc.integer({ min: 1, max: 8 }),
      term: fc.integer({ min: 1, max: 4 }),
      fate: fc.constantFrom("stays", "stays", "stays", "given up", "hidden", "asked"),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const pending = new PendingProposals();
        let model: { index: number; term: number; outcome: Outcome; signal: AbortController }[] = [];
        for (const { index, term, fate } of steps) {
          const signal = new AbortController();
          const outcome = waiting(pending, index, term, {
            command: `${index} in ${term}`,
            signal: signal.signal,
          });
          model.push({ index, term, outcome, signal });
          if (fate === "given up") {
            signal.abort();
            pending.failAborted();
            model = model.filter(({ outcome: other }) => other !== outcome);
          } else if (fate === "hidden") {
            pending.hiddenThrough(index);
            model = model.filter((other) => other.index > index);
          } else if (fate === "asked") {
            expect(pending.commandOf(entry(index, term, outcome.data))).toBe(`${index} in ${term}`);
          }
          expect([pending.count, pending.bytes]).toEqual([model.length, 10 * model.length]);
        }
        const inOrder = model.toSorted((a, b) => a.index - b.index);
        for (const { index, term, outcome } of inOrder)
          expect(pending.commandOf(entry(index, term, outcome.data))).toBe(`${index} in ${term}`);
        for (const { index, term } of inOrder) pending.applied({ index, term }, "done");
        expect([pending.count, pending.bytes]).toEqual([0, 0]);
        for (const { outcome } of inOrder) expect(outcome.result ?? outcome.code).toMatch(/done|not-leader/);
      }),
    );
  });
});

describe("what was proposed with an entry", () => {
  it("is told for the very entry that was proposed, and for no other", () => {
    const pending = new PendingProposals();
    const older = waiting(pending, 5, 2, { command: "older" });
    const newer = waiting(pending, 5, 4, { command: "newer" });
    expect(pending.commandOf(entry(5, 2, older.data))).toBe("older");
    expect(pending.commandOf(entry(5, 4, newer.data))).toBe("newer");
    // The same bytes, and yet not the ones that were proposed; another term; another index.
    expect(pending.commandOf(entry(5, 4, newer.data.slice()))).toBeUndefined();
    expect(pending.commandOf(entry(5, 3, newer.data))).toBeUndefined();
    expect(pending.commandOf(entry(4, 4, newer.data))).toBeUndefined();
    expect(pending.commandOf(entry(6, 4, newer.data))).toBeUndefined();
  });

  it("is forgotten with the leadership, and when the proposal is answered or given up", () => {
    const pending = new PendingProposals();
    const [first, second] = [
      waiting(pending, 5, 2, { command: "first" }),
      waiting(pending, 6, 2, { command: "second" }),
    ];
    pending.applied({ index: 5, term: 2 }, "done");
    expect(pending.commandOf(entry(5, 2, first.data))).toBeUndefined();
    expect(pending.commandOf(entry(6, 2, second.data))).toBe("second");
    pending.forgetCommands();
    expect(pending.commandOf(entry(6, 2, second.data))).toBeUndefined();
    expect(pending.count).toBe(1);
  });
});
