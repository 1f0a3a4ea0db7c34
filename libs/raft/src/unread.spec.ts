import { describe, expect, it } from "@jest/globals";
import type { Entry } from "./entry.ts";
import { MemoryStorage } from "./log/memory-storage.ts";
import { RaftLog } from "./log/raft-log.ts";
import { type Storage, unread } from "./log/storage.ts";
import { message, type Message } from "./message.ts";
import type { LogIndex } from "./numbers.ts";
import { createRaftCore, type RaftCore } from "./raft-core.ts";
import { entry, snapshotAt } from "./test-support/test-node.ts";

/** Eight entries of term 1, of which those from `from` on are in memory. */
class LogOnDisk implements Storage {
  readonly memory = new MemoryStorage();
  from: LogIndex = 6;
  readonly asked: LogIndex[] = [];

  constructor() {
    this.memory.applySnapshot(snapshotAt(1, 1, { voters: [1, 2] }));
    this.memory.append([2, 3, 4, 5, 6, 7, 8].map((index) => entry(1, index)));
    this.memory.setHardState({ term: 1, vote: 0, commit: 1 });
  }

  initialState() {
    return this.memory.initialState();
  }

  firstIndex() {
    return this.memory.firstIndex();
  }

  lastIndex() {
    return this.memory.lastIndex();
  }

  term(index: LogIndex) {
    return this.memory.term(index);
  }

  entries(from: LogIndex, to: LogIndex, maxBytes: number) {
    return this.isUnread(from) ? unread : this.memory.entries(from, to, maxBytes);
  }

  isUnread(index: LogIndex) {
    const isUnread = index >= this.firstIndex() && index < this.from;
    if (isUnread) this.asked.push(index);
    return isUnread;
  }

  nextConfChange(after: LogIndex, to: LogIndex) {
    return this.memory.nextConfChange(after, to);
  }

  snapshot() {
    return this.memory.snapshot();
  }
}

/** Does what a Ready says, and answers the messages for node 2. */
function drain(core: RaftCore, { memory }: LogOnDisk): readonly Message[] {
  const sent: Message[] = [];
  while (core.hasReady()) {
    const { hardState, entries, messages } = core.ready();
    if (hardState !== undefined) memory.setHardState(hardState);
    memory.append(entries);
    sent.push(...messages);
    core.advance();
  }
  return sent;
}

/** A leader whose follower has nothing but the snapshot's entry. */
function leaderOn(storage: LogOnDisk): RaftCore {
  const core = createRaftCore({
    id: 1,
    storage,
    electionTicks: 10,
    heartbeatTicks: 1,
    random: () => 0,
    preVote: false,
    checkQuorum: false,
  });
  core.campaign();
  drain(core, storage);
  core.step(message({ type: "MsgVoteResp", from: 2, to: 1, term: core.term }));
  drain(core, storage);
  return core;
}

const indexesIn = (messages: readonly Message[]): readonly (readonly LogIndex[])[] =>
  messages.map(({ entries }) => entries.map(({ index }) => index));

describe("entries that are not in memory", () => {
  it("are sent to the member that lacks them once they were read, and nothing before", () => {
    const storage = new LogOnDisk();
    const core = leaderOn(storage);
    const refusal = { type: "MsgAppResp", from: 2, to: 1, term: core.term, reject: true } as const;
    core.step(message({ ...refusal, index: 8, rejectHint: 1, logTerm: 1 }));
    expect(drain(core, storage)).toEqual([]);
    expect(storage.asked).toEqual([2]);
    storage.from = 2;
    core.entriesRead();
    expect(indexesIn(drain(core, storage))).toEqual([[2, 3, 4, 5, 6, 7, 8, 9]]);
  });

  it("are replaced by a snapshot for who lacks them, if they were compacted when they were to be read", () => {
    const storage = new LogOnDisk();
    const core = leaderOn(storage);
    const heard = { type: "MsgHeartbeatResp", from: 2, to: 1, term: core.term } as const;
    core.step(message({ ...heard }));
    const refusal = { type: "MsgAppResp", from: 2, to: 1, term: core.term, reject: true } as const;
    core.step(message({ ...refusal, index: 8, rejectHint: 1, logTerm: 1 }));
    drain(core, storage);
    storage.memory.createSnapshot(5, storage.initialState().confState, new Uint8Array());
    storage.memory.compact(5);
    core.entriesRead();
    expect(drain(core, storage).map(({ type }) => type)).toEqual(["MsgSnap"]);
  });

  it("make no difference to whom nobody follows", () => {
    const storage = new LogOnDisk();
    const core = leaderOn(storage);
    core.stepDown();
    drain(core, storage);
    core.entriesRead();
    expect(drain(core, storage)).toEqual([]);
  });

  it("are handed out to be applied once they were read, as far as they were", () => {
    const storage = new LogOnDisk();
    const log = new RaftLog(storage, Number.POSITIVE_INFINITY);
    log.commitTo(8);
    expect(log.hasNextCommitted(false)).toBe(false);
    expect(log.nextCommitted(false)).toEqual([]);
    storage.from = 2;
    expect(log.hasNextCommitted(false)).toBe(true);
    expect(log.nextCommitted(false).map(({ index }) => index)).toEqual([2, 3, 4, 5, 6, 7, 8]);
  });

  it("are known as membership changes: those in storage, and those that replace them", () => {
    const change = (index: LogIndex): Entry => ({ ...entry(1, index), type: "EntryConfChangeV2" });
    const storage = new LogOnDisk();
    storage.memory.append([change(3), entry(1, 4), entry(1, 5), change(6), entry(1, 7)]);
    const log = new RaftLog(storage, Number.POSITIVE_INFINITY);
    expect([1, 3, 6].map((after) => log.nextConfChange(after, 7))).toEqual([3, 6, undefined]);
    expect([log.nextConfChange(3, 5), log.nextConfChange(1, 2)]).toEqual([undefined, undefined]);
    log.append([entry(2, 5), entry(2, 6), { ...change(7), term: 2 }]);
    expect([1, 3, 7].map((after) => log.nextConfChange(after, 7))).toEqual([3, 7, undefined]);
    expect(storage.asked).toEqual([]);
  });
});
