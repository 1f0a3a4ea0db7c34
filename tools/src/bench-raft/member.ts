import {
  appendThread,
  createRaftCore,
  decodeConfChange,
  isEmptyHardState,
  isLocalThread,
  MemoryStorage,
  type Entry,
  type HardState,
  type LogIndex,
  type Message,
  type NodeId,
  type RaftCore,
  type Snapshot,
} from "@trellis/raft";

/** Entries that stay in a log when the ones before them are dropped, and as many that come before it happens again. */
const KEPT_ENTRIES = 1_024;
const ELECTION_TICKS = 10;
const HEARTBEAT_TICKS = 1;

export interface MemberOptions {
  readonly id: NodeId;
  readonly voters: readonly NodeId[];
  readonly asyncStorageWrites: boolean;
}

/** One node with all that a driver does for it, at no cost: a disk that writes at once, an application that counts. */
export class Member {
  readonly core: RaftCore;
  readonly #storage = new MemoryStorage();
  readonly #confState;
  readonly #isAsync: boolean;
  /** The index up to which the application has applied. */
  applied: LogIndex = 1;

  constructor({ id, voters, asyncStorageWrites }: MemberOptions) {
    const confState = { voters, learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
    this.#confState = confState;
    this.#isAsync = asyncStorageWrites;
    this.#storage.applySnapshot({ data: new Uint8Array(0), metadata: { index: 1, term: 1, confState } });
    this.core = createRaftCore({
      id,
      storage: this.#storage,
      applied: 1,
      electionTicks: ELECTION_TICKS,
      heartbeatTicks: HEARTBEAT_TICKS,
      // Nobody's time passes but the leader's: elections are asked for.
      random: () => 0,
      asyncStorageWrites,
    });
  }

  /** Does what the next Ready says; returns what goes out, to other nodes and to this one. */
  work(): readonly Message[] {
    const ready = this.core.ready();
    if (this.#isAsync) return ready.messages.flatMap((message) => this.#perform(message));
    this.#store(ready);
    this.#apply(ready.committedEntries);
    this.core.advance();
    return ready.messages;
  }

  /** A local thread's work is done as soon as it is given, and so answered. */
  #perform(work: Message): readonly Message[] {
    if (!isLocalThread(work.to)) return [work];
    if (work.to === appendThread) {
      const { term, vote, commit, entries, snapshot } = work;
      const hardState = { term, vote, commit };
      this.#store({ hardState: isEmptyHardState(hardState) ? undefined : hardState, entries, snapshot });
    } else {
      this.#apply(work.entries);
    }
    return work.responses;
  }

  #store(work: {
    readonly hardState: HardState | undefined;
    readonly entries: readonly Entry[];
    readonly snapshot: Snapshot | undefined;
  }): void {
    if (work.snapshot !== undefined) throw new Error("no member of this group ever needs a snapshot");
    if (work.hardState !== undefined) this.#storage.setHardState(work.hardState);
    this.#storage.append(work.entries);
  }

  #apply(entries: readonly Entry[]): void {
    for (const entry of entries) {
      const change = decodeConfChange(entry);
      if (change !== undefined) throw new Error("the members of this group never change");
      this.applied = entry.index;
    }
    if (this.applied - this.#storage.firstIndex() < 2 * KEPT_ENTRIES) return;
    this.#storage.createSnapshot(this.applied, this.#confState, new Uint8Array(0));
    this.#storage.compact(this.applied - KEPT_ENTRIES);
  }
}
