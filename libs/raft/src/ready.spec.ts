import { describe, expect, it } from "@jest/globals";
import type { Entry } from "./entry.ts";
import { MemoryStorage } from "./log/memory-storage.ts";
import { message, messageTypes, isLocalMessage, isResponse, type Message } from "./message.ts";
import { appendThread, applyThread } from "./numbers.ts";
import { createRaftCore, type RaftCore } from "./raft-core.ts";
import { confChangeV1 } from "./confchange/conf-change.ts";
import { freshNetwork } from "./test-support/test-network.ts";
import { seededRandom } from "./test-support/random.ts";
import { bytes, entry, leaderOf, snapshotAt, TestNode } from "./test-support/test-node.ts";

// The contract of Ready (numbers N1 to N5 of the specification).

const one = { id: 1, electionTicks: 10, heartbeatTicks: 1, random: seededRandom(1) };

/** A storage of one voter with these entries, of which `commit` are committed. */
function storedLog(entries: readonly Entry[], commit: number): MemoryStorage {
  const storage = new MemoryStorage();
  storage.applySnapshot(snapshotAt(1, 1, { voters: [1] }));
  storage.append(entries);
  storage.setHardState({ term: 1, vote: 1, commit });
  return storage;
}

const log = [entry(1, 2, "a"), entry(1, 3, "b"), entry(1, 4, "c"), entry(1, 5, "d")];

describe("after a restart", () => {
  it("raft N1 what is committed and not applied is handed out once", () => {
    const core = createRaftCore({ ...one, storage: storedLog(log, 4), applied: 2 });
    expect(core.ready()).toMatchObject({
      softState: undefined,
      hardState: undefined,
      entries: [],
      committedEntries: [log[1], log[2]],
      messages: [],
      mustSync: false,
    });
    core.advance();
    expect(core.hasReady()).toBe(false);
  });

  it("raft N1 from a snapshot nothing of it is handed out again", () => {
    const core = createRaftCore({ ...one, storage: storedLog(log.slice(0, 2), 3) });
    expect(core.ready().committedEntries).toEqual(log.slice(0, 2));
    core.advance();
    expect(core.hasReady()).toBe(false);
    expect(core.status()).toMatchObject({ applied: 3, firstIndex: 2, lastIndex: 3 });
  });

  it("what was applied was committed, even if the record of that was lost", () => {
    const core = createRaftCore({ ...one, storage: storedLog(log, 1), applied: 4 });
    expect(core.status()).toMatchObject({ applied: 4, hardState: { commit: 4 } });
  });

  it("what is in a snapshot was committed, even if the record of that was lost: a commit index alone is not synced", () => {
    const storage = storedLog(log, 1);
    storage.createSnapshot(4, snapshotAt(4, 1, { voters: [1] }).metadata.confState, bytes("state"));
    storage.compact(4);
    const core = createRaftCore({ ...one, storage });
    expect(core.status()).toMatchObject({ applied: 4, hardState: { term: 1, vote: 1, commit: 4 } });
  });

  it("does not start on a log that lost what was committed", () => {
    expect(() => createRaftCore({ ...one, storage: storedLog(log, 6) })).toThrow(/commit index 6/);
  });
});

describe("committed entries", () => {
  /** Applies by pages, as the storage threads would; the append thread is `lag` Readies behind. */
  function runAsync(
    core: RaftCore,
    storage: MemoryStorage,
    lag: number,
  ): { applied: number[]; pages: number[] } {
    const applied: number[] = [];
    const pages: number[] = [];
    const appends: Message[] = [];
    for (let round = 0; round < 100 && (core.hasReady() || appends.length > 0); round++) {
      const messages = core.hasReady() ? core.ready().messages : [];
      for (const work of messages.filter(({ to }) => to === applyThread)) {
        pages.push(work.entries.length);
        applied.push(...work.entries.map(({ index }) => index));
        for (const response of work.responses) core.step(response);
      }
      appends.push(...messages.filter(({ to }) => to === appendThread));
      if (appends.length > lag || messages.length === 0) {
        const work = appends.shift();
        storage.append(work?.entries ?? []);
        for (const response of work?.responses ?? []) core.step(response);
      }
    }
    return { applied, pages };
  }

  it("raft N2 come by pages over a restart, without gap and without repetition", () => {
    for (const limit of [1, 25, 26, 40, 1000]) {
      const entries = Array.from({ length: 10 }, (_, at) => entry(1, at + 2, "x".repeat(at + 1)));
      const core = createRaftCore({
        ...one,
        storage: storedLog(entries, 11),
        maxCommittedBytesPerReady: limit,
      });
      const applied: number[] = [];
      while (core.hasReady()) {
        applied.push(...core.ready().committedEntries.map(({ index }) => index));
        core.advance();
      }
      expect(applied).toEqual(entries.map(({ index }) => index));
    }
  });

  it.each([0, 1, 3])("raft N2 come by pages with asynchronous writes %i behind", (lag) => {
    const storage = storedLog([], 1);
    const core = createRaftCore({ ...one, storage, asyncStorageWrites: true, maxCommittedBytesPerReady: 30 });
    core.campaign();
    runAsync(core, storage, lag);
    for (let at = 0; at < 20; at++) core.propose(bytes(`${at}`));
    const { applied, pages } = runAsync(core, storage, lag);
    expect(applied).toEqual(Array.from({ length: 20 }, (_, at) => at + 3));
    expect(Math.max(...pages)).toBe(3);
  });

  it("are not handed out while a snapshot is to be stored", () => {
    const node = new TestNode({ voters: [1, 2] });
    node.receive({ type: "MsgSnap", from: 2, term: 1, snapshot: snapshotAt(5, 1, { voters: [1, 2] }) });
    node.receive({ type: "MsgApp", from: 2, index: 5, logTerm: 1, entries: [entry(1, 6, "x")], commit: 6 });
    const ready = node.processReady();
    expect(ready.snapshot?.metadata.index).toBe(5);
    expect(ready.committedEntries).toEqual([]);
    node.drain();
    expect(node.values).toEqual(["x"]);
  });

  it("may be applied before they are stored, but with asynchronous writes only after", () => {
    const append = {
      type: "MsgApp",
      from: 2,
      to: 1,
      term: 1,
      entries: [entry(1, 1, "x")],
      commit: 1,
    } as const;
    const synchronous = new TestNode({ voters: [1, 2] });
    synchronous.receive(append);
    expect(synchronous.core.ready()).toMatchObject({
      entries: [{ index: 1 }],
      committedEntries: [{ index: 1 }],
    });
    const asynchronous = new TestNode({ voters: [1, 2], asyncStorageWrites: true });
    asynchronous.receive(append);
    const ready = asynchronous.core.ready();
    expect(ready).toMatchObject({ entries: [{ index: 1 }], committedEntries: [] });
    asynchronous.storage.append(ready.entries);
    for (const response of ready.messages[0]?.responses ?? []) {
      if (response.to === 1) asynchronous.receive(response);
    }
    expect(asynchronous.core.ready().committedEntries).toMatchObject([{ index: 1 }]);
  });
});

describe("growth", () => {
  it("raft N3 a leader without a quorum takes no more than its limit", () => {
    const network = freshNetwork(3, { maxUncommittedBytes: 1000, maxPendingReads: 5 });
    network.campaign(1);
    network.isolate(1);
    const leader = network.node(1);
    let dropped = 0;
    for (let at = 0; at < 100; at++) {
      try {
        leader.propose("x".repeat(100));
      } catch {
        dropped++;
      }
      leader.tick();
      leader.drain();
    }
    expect(dropped).toBe(90);
    expect(leader.state.log.lastIndex).toBe(11);
    expect(leader.state.log.unstable.entries).toEqual([]);
    network.heal();
    network.on(1, (node) => node.tick());
    expect(network.node(3).values).toHaveLength(10);
    network.on(1, (node) => node.propose("again"));
    expect(leader.state.uncommittedBytes).toBe(0);
  });
});

describe("the order of calls", () => {
  it("raft N4 a Ready must be advanced before the next", () => {
    const node = new TestNode({ voters: [1] });
    node.core.campaign();
    node.core.ready();
    expect(() => node.core.ready()).toThrow(/two Readies without advance/);
    node.core.advance();
    expect(() => node.core.advance()).toThrow(/advance\(\) without a Ready/);
  });

  it("asynchronous writes know no advance, and any number of Readies", () => {
    const node = new TestNode({ voters: [1], asyncStorageWrites: true });
    node.core.campaign();
    node.core.ready();
    expect(node.core.hasReady()).toBe(false);
    node.core.ready();
    expect(() => node.core.advance()).toThrow(/asynchronous/);
  });
});

describe("what a Ready says", () => {
  it("names hard and soft state when they change, and asks for a sync when it matters", () => {
    const node = new TestNode({ voters: [1, 2] });
    node.core.campaign();
    expect(node.processReady()).toMatchObject({
      softState: { role: "candidate", leader: 0 },
      hardState: { term: 1, vote: 1, commit: 0 },
      mustSync: true,
    });
    node.receive({ type: "MsgVoteResp", from: 2 });
    expect(node.processReady()).toMatchObject({
      softState: { role: "leader", leader: 1 },
      hardState: undefined,
      entries: [entry(1, 1)],
      mustSync: true,
    });
    node.receive({ type: "MsgAppResp", from: 2, index: 1 });
    // A commit index alone needs none.
    expect(node.processReady()).toMatchObject({
      softState: undefined,
      hardState: { term: 1, vote: 1, commit: 1 },
      committedEntries: [entry(1, 1)],
      mustSync: false,
    });
  });

  it("asks for a sync of a vote that is given in the present term", () => {
    const node = new TestNode({ voters: [1, 2], hardState: { term: 3 } });
    node.receive({ type: "MsgVote", from: 2 });
    expect(node.core.ready()).toMatchObject({ hardState: { term: 3, vote: 2 }, mustSync: true });
  });

  it("lets what attests something wait for the writes, and the rest not", () => {
    const node = new TestNode({ voters: [1, 2, 3], asyncStorageWrites: true });
    node.receive({ type: "MsgVote", from: 2, term: 1 });
    const [work, ...others] = node.core.ready().messages;
    expect(others).toEqual([]);
    expect(work).toMatchObject({
      type: "MsgStorageAppend",
      to: appendThread,
      term: 1,
      vote: 2,
      responses: [{ type: "MsgVoteResp", to: 2 }],
    });
  });
});

describe("messages from outside", () => {
  it.each(messageTypes.filter(isLocalMessage))("%s is not taken", (type) => {
    const node = leaderOf([1, 2]);
    expect(() => node.core.step(message({ type, from: 2, to: 1 }))).toThrow(
      expect.objectContaining({ code: "local-message" }),
    );
  });

  it.each(messageTypes.filter((type) => isResponse(type) && !isLocalMessage(type)))(
    "%s of a stranger is not taken",
    (type) => {
      const node = leaderOf([1, 2]);
      expect(() => node.core.step(message({ type, from: 9, to: 1, term: 1 }))).toThrow(
        expect.objectContaining({ code: "unknown-peer" }),
      );
    },
  );
});

describe("stepping down", () => {
  it("keeps the term and the vote, and forgets the reads that wait", () => {
    const leader = leaderOf([1, 2]);
    leader.core.readIndex(bytes("r"));
    leader.core.stepDown();
    leader.core.stepDown();
    expect(leader.state).toMatchObject({ role: "follower", term: 1, vote: 1, leader: 0, earlyReads: [] });
  });
});

describe("status", () => {
  it("tells a leader's view of the members, as copies", () => {
    const leader = leaderOf([1, 2]);
    const status = leader.core.status();
    expect(status).toMatchObject({ id: 1, softState: { role: "leader" }, lastIndex: 1, transferee: 0 });
    const copy = status.progress.get(2);
    leader.change(confChangeV1("remove-node", 2));
    leader.receive({ type: "MsgAppResp", from: 2, index: 1 });
    expect(copy?.match).toBe(0);
    leader.core.stepDown();
    expect(leader.core.status().progress.size).toBe(0);
  });
});

describe("options", () => {
  it.each([
    { id: 0 },
    { id: 1.5 },
    { heartbeatTicks: 0 },
    { electionTicks: 1 },
    { maxInflightMessages: 0 },
    { maxUncommittedBytes: 0 },
    { maxMessageBytes: -1 },
    { maxMessageBytes: 1000, maxInflightBytes: 999 },
  ])("that cannot be are refused: %p", (wrong) => {
    const create = () => createRaftCore({ ...one, storage: new MemoryStorage(), ...wrong });
    expect(create).toThrow(expect.objectContaining({ code: "invalid-options" }));
  });

  it("random numbers out of range are noticed", () => {
    const create = () => createRaftCore({ ...one, storage: new MemoryStorage(), random: (below) => below });
    expect(create).toThrow(/must be an integer/);
  });
});
