import type { Entry, EntryType } from "../entry.ts";
import { noBytes } from "../entry.ts";
import type { HardState } from "../hard-state.ts";
import { MemoryStorage } from "../log/memory-storage.ts";
import { unread } from "../log/storage.ts";
import { message, type Message } from "../message.ts";
import { none, type LogIndex, type NodeId, type Term } from "../numbers.ts";
import type { RaftOptions } from "../options.ts";
import { RaftCore } from "../raft-core.ts";
import type { RaftState, ReadState } from "../raft-state.ts";
import type { Ready } from "../ready.ts";
import { becomeCandidate, becomeFollower, becomeLeader, becomePreCandidate } from "../roles.ts";
import { emptyConfState, type ConfState, type Snapshot } from "../snapshot.ts";
import { startRaft } from "../start.ts";
import { step } from "../step.ts";
import { tick } from "../tick.ts";
import type { ConfChange } from "../confchange/conf-change.ts";
import { decodeConfChange } from "../confchange/encoding.ts";
import { seededRandom } from "./random.ts";

/** What a test node starts with; the options default to a node without pre-vote and quorum check. */
export interface TestNodeOptions extends Partial<Omit<RaftOptions, "id" | "storage">> {
  readonly id?: NodeId;
  readonly voters?: readonly NodeId[];
  readonly learners?: readonly NodeId[];
  readonly confState?: Partial<ConfState>;
  /** Terms of the stored log's entries, from index 1. */
  readonly log?: readonly Term[];
  readonly hardState?: Partial<HardState>;
  /** Instead of all of the above. */
  readonly storage?: MemoryStorage;
}

/** A node whose insides a test may look into and touch, with a storage in memory and an application that keeps a list. */
export class TestNode {
  readonly state: RaftState;
  readonly core: RaftCore;
  readonly storage: MemoryStorage;
  /** What was applied since the start, in order. */
  readonly applied: Entry[] = [];
  readonly readStates: ReadState[] = [];
  confState: ConfState;

  constructor({ voters, learners, confState, log, hardState, storage, ...options }: TestNodeOptions = {}) {
    this.storage = storage ?? new MemoryStorage();
    if (storage === undefined) {
      const configuration = {
        ...emptyConfState,
        voters: voters ?? [1],
        learners: learners ?? [],
        ...confState,
      };
      // Every log of these tests stands on an empty snapshot at 0 that knows the configuration.
      this.storage = storageWith(configuration);
      this.storage.append((log ?? []).map((term, at) => entry(term, at + 1)));
      if (hardState !== undefined) {
        this.storage.setHardState({ term: 0, vote: none, commit: 0, ...hardState });
      }
    }
    this.confState = this.storage.initialState().confState;
    this.state = startRaft({
      id: 1,
      electionTicks: 10,
      heartbeatTicks: 1,
      random: seededRandom(options.id ?? 1),
      preVote: false,
      checkQuorum: false,
      ...options,
      storage: this.storage,
    });
    this.core = new RaftCore(this.state);
  }

  get id(): NodeId {
    return this.state.id;
  }

  /** A message as another node would send it, in the present term unless it says otherwise. */
  receive(fields: Partial<Message> & Pick<Message, "type">): void {
    step(this.state, message({ to: this.id, term: this.state.term, ...fields }));
  }

  tick(times = 1): void {
    for (let at = 0; at < times; at++) tick(this.state);
  }

  propose(...values: string[]): void {
    const proposals = values.map((value) => ({ type: "EntryNormal" as const, data: bytes(value) }));
    this.core.proposeAll(proposals);
  }

  /** Stores and applies what one Ready says. */
  processReady(): Ready {
    const ready = this.core.ready();
    if (ready.hardState !== undefined) this.storage.setHardState(ready.hardState);
    if (ready.snapshot !== undefined) this.#install(ready.snapshot);
    this.storage.append(ready.entries);
    this.readStates.push(...ready.readStates);
    for (const committed of ready.committedEntries) this.#apply(committed);
    this.core.advance();
    return ready;
  }

  /** Does everything there is to do, and returns what is to be sent. */
  drain(): Message[] {
    const messages: Message[] = [];
    while (this.core.hasReady()) messages.push(...this.processReady().messages);
    return messages;
  }

  /** Values applied, without the leaders' first entries and conf changes. */
  get values(): string[] {
    return this.applied
      .filter(({ type, data }) => type === "EntryNormal" && data.length > 0)
      .map(({ data }) => new TextDecoder().decode(data));
  }

  /** Terms of the whole log, from its first index. */
  get terms(): Term[] {
    const { log } = this.state;
    const entries = log.entries(log.firstIndex, Number.POSITIVE_INFINITY);
    return entries === undefined || entries === unread ? [] : entries.map(({ term }) => term);
  }

  /** Makes a change effective as if it were applied next. */
  change(change: ConfChange): void {
    this.confState = this.core.applyConfChange(change, this.state.configurationIndex + 1);
  }

  /** Compacts the log behind a snapshot at `index`. */
  compact(index: LogIndex): void {
    this.storage.createSnapshot(index, this.confState, bytes(`state at ${index}`));
    this.storage.compact(index);
  }

  #install(snapshot: Snapshot): void {
    this.storage.applySnapshot(snapshot);
    this.confState = snapshot.metadata.confState;
  }

  #apply(committed: Entry): void {
    this.applied.push(committed);
    const change = decodeConfChange(committed);
    if (change !== undefined) this.confState = this.core.applyConfChange(change, committed.index);
  }
}

/** A storage that holds nothing but a configuration. */
function storageWith(confState: ConfState): MemoryStorage {
  return new (class extends MemoryStorage {
    override initialState(): { hardState: HardState; confState: ConfState } {
      const stored = super.initialState();
      return super.snapshot()?.metadata.index === 0 ? { ...stored, confState } : stored;
    }
  })();
}

export function entry(term: Term, index: LogIndex, value = "", type: EntryType = "EntryNormal"): Entry {
  return { term, index, type, data: value === "" ? noBytes : bytes(value) };
}

export function bytes(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

/** A snapshot with this place and these members. */
export function snapshotAt(index: LogIndex, term: Term, members: Partial<ConfState>): Snapshot {
  return { data: bytes("snapshot"), metadata: { index, term, confState: { ...emptyConfState, ...members } } };
}

/** Brings a node into a role without asking anybody, and forgets what it would send for that. */
export function bringTo(node: TestNode, role: RaftState["role"], term?: Term): TestNode {
  const { state } = node;
  if (term !== undefined && term > state.term)
    becomeFollower(state, role === "candidate" || role === "leader" ? term - 1 : term, none);
  if (role === "follower") becomeFollower(state, state.term, none);
  if (role === "pre-candidate") becomePreCandidate(state);
  if (role === "candidate" || role === "leader") becomeCandidate(state);
  if (role === "leader") becomeLeader(state);
  return node;
}

/** A leader among these voters whose first entry is stored but not sent to anybody. */
export function leaderOf(voters: readonly NodeId[], options: TestNodeOptions = {}): TestNode {
  const node = bringTo(new TestNode({ voters, ...options }), "leader");
  node.drain();
  return node;
}
