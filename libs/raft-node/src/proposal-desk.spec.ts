import { describe, expect, it } from "@jest/globals";
import { createRaftCore, emptyConfState, MemoryStorage, type RaftCore } from "@trellis/raft";

import { RaftNodeError } from "./errors.ts";
import { ProposalDesk } from "./proposal-desk.ts";

/** A node alone that leads, on a disk that does what it is told at once. */
function leader(maxUncommittedBytes = 1_000): RaftCore {
  const storage = new MemoryStorage();
  const confState = { ...emptyConfState, voters: [1] };
  storage.applySnapshot({ data: new Uint8Array(), metadata: { index: 1, term: 1, confState } });
  const core = createRaftCore({
    id: 1,
    storage,
    applied: 1,
    electionTicks: 10,
    heartbeatTicks: 1,
    random: () => 0,
    maxUncommittedBytes,
  });
  core.campaign();
  while (core.hasReady()) {
    const { entries, hardState } = core.ready();
    storage.append(entries);
    if (hardState !== undefined) storage.setHardState(hardState);
    core.advance();
  }
  return core;
}

class Bench {
  readonly core: RaftCore;
  refusal: RaftNodeError | undefined;
  readonly desk: ProposalDesk;

  constructor({ pendingProposals = 10, pendingBytes = 100, maxUncommittedBytes = 1_000 } = {}) {
    this.core = leader(maxUncommittedBytes);
    this.desk = new ProposalDesk({
      core: () => this.core,
      limits: { pendingProposals, pendingBytes },
      refusal: () => this.refusal,
      wake: () => undefined,
    });
  }

  propose(bytes: number, signal?: AbortSignal) {
    const outcome: { index?: number; code?: string } = {};
    this.desk.propose("EntryNormal", new Uint8Array(bytes), signal === undefined ? {} : { signal }).then(
      ({ index }) => {
        outcome.index = index;
      },
      ({ code }: RaftNodeError) => {
        outcome.code = code;
      },
    );
    return outcome;
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("the desk where proposals are taken", () => {
  it("puts those of a turn into the log together, in their order", async () => {
    const bench = new Bench();
    const outcomes = [bench.propose(1), bench.propose(2), bench.propose(3)];
    const before = bench.core.lastIndex;
    bench.desk.take();
    expect(bench.core.lastIndex).toBe(before + 3);
    const { term } = bench.core;
    for (let at = 1; at <= 3; at++) bench.desk.pending.applied({ index: before + at, term }, "done");
    await settled();
    expect(outcomes.map(({ index }) => index)).toEqual([before + 1, before + 2, before + 3]);
    expect(bench.desk.count).toBe(0);
  });

  it("lets so many wait, and so many bytes; one alone may have more", async () => {
    const few = new Bench({ pendingProposals: 2 });
    const outcomes = [few.propose(1), few.propose(1), few.propose(1)];
    await settled();
    expect(outcomes.map(({ code }) => code)).toEqual([undefined, undefined, "busy"]);
    const small = new Bench();
    expect(small.propose(500).code).toBeUndefined();
    const second = small.propose(1);
    await settled();
    expect(second.code).toBe("busy");
  });

  it("asks again when the turn has come: whoever lost the leadership meanwhile takes nothing", async () => {
    const bench = new Bench();
    const outcome = bench.propose(1);
    const before = bench.core.lastIndex;
    bench.refusal = new RaftNodeError("not-leader", "another leads");
    bench.desk.take();
    await settled();
    expect([outcome.code, bench.core.lastIndex]).toEqual(["not-leader", before]);
  });

  it("says busy, and that nothing was applied, when the core has too much that is not committed", async () => {
    const bench = new Bench({ pendingBytes: 1_000, maxUncommittedBytes: 10 });
    const first = bench.propose(10);
    bench.desk.take();
    const second = bench.propose(10);
    bench.desk.take();
    await settled();
    expect([first.code, second.code]).toEqual([undefined, "busy"]);
    expect(bench.desk.count).toBe(1);
  });

  it("ends the wait with the signal: not applied before it was taken, unknown after", async () => {
    const bench = new Bench();
    const early = new AbortController();
    const late = new AbortController();
    const outcomes = [bench.propose(1, early.signal), bench.propose(1, late.signal), bench.propose(1)];
    early.abort();
    const before = bench.core.lastIndex;
    bench.desk.take();
    expect(bench.core.lastIndex).toBe(before + 2);
    late.abort();
    bench.desk.pending.failAborted();
    await settled();
    expect(outcomes.map(({ code }) => code)).toEqual(["aborted", "outcome-unknown", undefined]);
    bench.desk.pending.applied({ index: before + 2, term: bench.core.term }, "done");
    const never = bench.propose(1, AbortSignal.abort());
    await settled();
    expect([outcomes[2]?.index, never.code]).toEqual([before + 2, "aborted"]);
  });

  it("refuses all that wait for their turn when the node is over", async () => {
    const bench = new Bench();
    const outcome = bench.propose(1);
    bench.desk.refuseAll(new RaftNodeError("stopping", "over"));
    bench.desk.take();
    await settled();
    expect([outcome.code, bench.desk.count]).toEqual(["stopping", 0]);
  });
});
