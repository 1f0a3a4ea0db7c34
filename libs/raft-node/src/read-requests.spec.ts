import { describe, expect, it } from "@jest/globals";

import { ReadRequests } from "./read-requests.ts";

const LIMITS = { pendingReads: 6, readWaitMs: 1_000, askAgainMs: 300 };

function requests(random = 0.5): ReadRequests {
  return new ReadRequests(LIMITS, () => random);
}

function reader(reads: ReadRequests, nowMs = 0, signal?: AbortSignal) {
  const outcome: { index?: number; code?: string } = {};
  reads.confirm(nowMs, signal).then(
    (index) => {
      outcome.index = index;
    },
    ({ code }: { code: string }) => {
      outcome.code = code;
    },
  );
  return outcome;
}

function ask(reads: ReadRequests, nowMs = 0): Uint8Array {
  const context = reads.ask(nowMs);
  if (context === undefined) throw new Error("nobody asks");
  return context;
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("readers", () => {
  it("share a question, and wait until its answer's index is applied", async () => {
    const reads = requests();
    const [one, two] = [reader(reads), reader(reads)];
    const context = ask(reads);
    expect(reads.ask(0)).toBeUndefined();
    reads.answered(context, 7);
    reads.applied(6);
    await settled();
    expect(one).toEqual({});
    reads.applied(7);
    await settled();
    expect([one.index, two.index, reads.count]).toEqual([7, 7, 0]);
  });

  it("are not answered by a question that was asked before they came", async () => {
    const reads = requests();
    reader(reads);
    const context = ask(reads);
    const late = reader(reads);
    reads.answered(context, 7);
    reads.applied(100);
    await settled();
    expect(late).toEqual({});
    reads.answered(ask(reads), 9);
    reads.applied(9);
    await settled();
    expect(late).toEqual({ index: 9 });
  });

  it("ask again with another context when the leader changes, or no answer comes", async () => {
    const reads = requests();
    const outcome = reader(reads);
    const first = ask(reads);
    reads.leaderChanged();
    const second = ask(reads, 10);
    expect(second).not.toEqual(first);
    reads.answered(first, 3);
    reads.applied(3);
    await settled();
    expect(outcome).toEqual({});
    expect(reads.tick(309)).toBe(false);
    expect(reads.tick(310)).toBe(true);
    reads.answered(ask(reads, 310), 5);
    reads.applied(5);
    await settled();
    expect(outcome).toEqual({ index: 5 });
  });

  it("are given up after a time, by their caller, and when too many wait", async () => {
    const reads = requests();
    const controller = new AbortController();
    const [patient, impatient] = [reader(reads), reader(reads, 0, controller.signal)];
    controller.abort();
    const others = Array.from({ length: 6 }, () => reader(reads, 500));
    await settled();
    expect(impatient).toEqual({ code: "aborted" });
    expect(others.at(-1)).toEqual({ code: "unavailable" });
    expect(reads.count).toBe(6);
    reads.tick(1_000);
    await settled();
    expect(patient).toEqual({ code: "unavailable" });
    expect(others[0]).toEqual({});
    expect(reader(reads, 0, AbortSignal.abort())).toEqual({});
    await settled();
    expect(reads.count).toBe(5);
  });

  it("have at most four questions on their way", () => {
    const reads = requests();
    for (let question = 0; question < 4; question++) {
      reader(reads);
      expect(reads.ask(0)).toBeDefined();
    }
    reader(reads);
    expect(reads.ask(0)).toBeUndefined();
  });

  it("begin their contexts at random: an answer of another life is none of this one's", async () => {
    const before = requests(0.1);
    reader(before);
    const stale = ask(before);
    const reads = requests(0.7);
    const outcome = reader(reads);
    const own = ask(reads);
    expect(own).not.toEqual(stale);
    reads.answered(stale, 1);
    reads.answered(new Uint8Array(3), 1);
    reads.applied(1);
    await settled();
    expect(outcome).toEqual({});
  });

  it("are all told when the node is over", async () => {
    const reads = requests();
    const outcomes = [reader(reads)];
    const context = ask(reads);
    outcomes.push(reader(reads));
    ask(reads);
    reads.answered(context, 99);
    outcomes.push(reader(reads));
    reads.failAll(Object.assign(new Error("over"), { code: "stopped" }) as never);
    await settled();
    expect(outcomes.map(({ code }) => code)).toEqual(["stopped", "stopped", "stopped"]);
    expect(reads.count).toBe(0);
  });
});
