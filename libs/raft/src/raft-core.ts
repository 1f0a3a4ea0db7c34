import { proposedEntry, type Proposal } from "./entry.ts";
import { RaftError } from "./errors.ts";
import type { HardState, Role } from "./hard-state.ts";
import { violated } from "./invariant.ts";
import { applyConfChange } from "./membership.ts";
import { isLocalMessage, isResponse, message, type Message } from "./message.ts";
import { isLocalThread, none, type LogIndex, type NodeId, type Term } from "./numbers.ts";
import type { RaftOptions } from "./options.ts";
import type { RaftState } from "./raft-state.ts";
import { confirmedAlone } from "./reads.ts";
import { collectReady, hardStateOf, hasReady, softStateOf, type KnownState, type Ready } from "./ready.ts";
import { sendReadEntries } from "./replication.ts";
import { becomeFollower } from "./roles.ts";
import type { ConfState } from "./snapshot.ts";
import { startRaft } from "./start.ts";
import { statusOf, type Status } from "./status.ts";
import { step } from "./step.ts";
import { storageAppendResponse, storageApplyResponse } from "./storage-messages.ts";
import { tick } from "./tick.ts";
import { encodeConfChange } from "./confchange/encoding.ts";
import type { ConfChange } from "./confchange/conf-change.ts";

/** Starts a node from what its storage holds, always as a follower. Errors: `invalid-options`, `invalid-conf-change`. */
export function createRaftCore(options: RaftOptions): RaftCore {
  return new RaftCore(startRaft(options));
}

/**
 * One node of a Raft cluster, without clock, disk and network: the driver brings ticks, messages and proposals in, and does
 * what each Ready says. Synchronous; not to be called from within itself. After an InvariantViolation it is not to be used.
 */
export class RaftCore {
  readonly #raft: RaftState;
  #known: KnownState;
  /** Steps that the driver's work of the Ready under way allows; undefined when there is no such Ready. */
  #onAdvance: readonly Message[] | undefined;

  constructor(raft: RaftState) {
    this.#raft = raft;
    this.#known = { softState: softStateOf(raft), hardState: hardStateOf(raft) };
  }

  /** One unit of time has passed. */
  tick(): void {
    tick(this.#raft);
  }

  /** Asks for an election now, as if the election timeout had passed. */
  campaign(): void {
    this.#step({ type: "MsgHup", from: this.#raft.id });
  }

  /**
   * Proposes to append `data`; a follower forwards it. That it was taken does not mean that it will be committed: the
   * proposer recognises its entry among the committed ones, or gives up. Errors: `proposal-dropped`.
   */
  propose(data: Uint8Array): void {
    this.proposeAll([{ type: "EntryNormal", data }]);
  }

  /** Proposes several entries that are appended together or not at all. Errors: `proposal-dropped`. */
  proposeAll(proposals: readonly Proposal[]): void {
    this.#step({ type: "MsgProp", from: this.#raft.id, entries: proposals.map(proposedEntry) });
  }

  /**
   * Proposes a membership change. One that cannot be taken now (another is pending, or it does not fit a joint phase)
   * becomes an empty entry in the log. Errors: `proposal-dropped`.
   */
  proposeConfChange(change: ConfChange): void {
    this.proposeAll([encodeConfChange(change)]);
  }

  /**
   * Makes a committed conf change effective. To be called when its entry, at `index`, is applied; not at all when the
   * application refuses it. Does nothing for an index whose change is in the configuration already: repeated, or overtaken by
   * a snapshot. Returns the configuration for snapshots. Errors: `invalid-conf-change`.
   */
  applyConfChange(change: ConfChange, index: LogIndex): ConfState {
    return applyConfChange(this.#raft, change, index);
  }

  /**
   * A message has come in, of another node or of a local thread. Errors: `local-message` and `unknown-peer` (it is not for
   * this node; ignore them), `proposal-dropped`, `read-dropped`.
   */
  step(incoming: Message): void {
    const { type, from } = incoming;
    const isFromThread = isLocalThread(from);
    if (isLocalMessage(type) && !isFromThread) {
      throw new RaftError("local-message", `expected no ${type} from node ${from}: it never leaves a node`);
    }
    if (isResponse(type) && !isFromThread && this.#raft.tracker.get(from) === undefined) {
      throw new RaftError("unknown-peer", `expected ${type} from a member, ${from} is none`);
    }
    step(this.#raft, incoming);
  }

  /** True when `ready()` would not be empty. */
  hasReady(): boolean {
    return hasReady(this.#raft, this.#known);
  }

  /**
   * Hands over everything there is to do. Without asynchronous storage writes, `advance()` must follow once it is done, and
   * before the next Ready.
   */
  ready(): Ready {
    const raft = this.#raft;
    if (this.#onAdvance !== undefined) violated("two Readies without advance() between them");
    const ready = collectReady(raft, this.#known);
    if (!raft.options.asyncStorageWrites) {
      this.#onAdvance = [
        ...raft.messagesAfterAppend.filter(({ to }) => to === raft.id),
        ...storageAppendResponse(raft, ready),
        ...storageApplyResponse(raft, ready.committedEntries),
      ];
    }
    this.#accept(ready);
    return ready;
  }

  #accept({ softState, hardState, committedEntries }: Ready): void {
    const raft = this.#raft;
    this.#known = {
      softState: softState ?? this.#known.softState,
      hardState: hardState ?? this.#known.hardState,
    };
    raft.readStates = [];
    raft.messages = [];
    raft.messagesAfterAppend = [];
    raft.log.unstable.acceptInProgress();
    if (committedEntries.length > 0) {
      raft.log.acceptApplying(committedEntries, !raft.options.asyncStorageWrites);
    }
  }

  /** The Ready under way is done: stored, sent, applied. Not with asynchronous storage writes. */
  advance(): void {
    if (this.#raft.options.asyncStorageWrites) violated("advance() with asynchronous storage writes");
    const steps = this.#onAdvance;
    if (steps === undefined) violated("advance() without a Ready");
    this.#onAdvance = undefined;
    for (const pending of steps) step(this.#raft, pending);
  }

  /**
   * Asks from which index on a read sees everything that was committed when it was asked; the answer is a ReadState with
   * this context in a later Ready. It may get lost (no leader, a deposed one): read again after a timeout, with another
   * context. Errors: `read-dropped`.
   */
  readIndex(context: Uint8Array): void {
    this.#step({ type: "MsgReadIndex", entries: [proposedEntry({ type: "EntryNormal", data: context })] });
  }

  /**
   * The index from which on a read sees everything that was committed, where no other node needs to be asked: of a leader that is the only voter, once it has committed in its
   * term. Undefined for every other.
   */
  get confirmedIndex(): LogIndex | undefined {
    return confirmedAlone(this.#raft);
  }

  /** Asks to hand leadership to a voter; a follower forwards the wish. The leader gives up after an election timeout. */
  transferLeadership(to: NodeId): void {
    this.#step({ type: "MsgTransferLeader", from: to });
  }

  /**
   * Forgets who leads, until the leader is heard from again: so a follower can grant votes that it would refuse while it
   * believes in a leader. Nothing happens on leaders and candidates, and with lease-based reads.
   */
  forgetLeader(): void {
    this.#step({ type: "MsgForgetLeader" });
  }

  /** A leader follows again, in the same term; for drivers that find out that they were stalled. */
  stepDown(): void {
    if (this.#raft.role === "leader") becomeFollower(this.#raft, this.#raft.term, none);
  }

  /** The transport could not deliver the last message to a node. */
  reportUnreachable(id: NodeId): void {
    this.#step({ type: "MsgUnreachable", from: id });
  }

  /** The transport has delivered a snapshot, or failed to. To be called for every MsgSnap: until then it sends no appends. */
  reportSnapshot(id: NodeId, outcome: "delivered" | "failed"): void {
    this.#step({ type: "MsgSnapStatus", from: id, reject: outcome === "failed" });
  }

  /** The storage has entries in memory that it answered `unread` for, or knows by now that they are compacted. */
  entriesRead(): void {
    sendReadEntries(this.#raft);
  }

  status(): Status {
    return statusOf(this.#raft);
  }

  /** What this node does in its term; as in `status()`, without its copies, as are the next four: drivers look at them on every turn. */
  get role(): Role {
    return this.#raft.role;
  }

  get term(): Term {
    return this.#raft.term;
  }

  /** Who leads this term, 0 when unknown. */
  get leader(): NodeId {
    return this.#raft.leader;
  }

  /** The end of the log: right after a proposal was taken by a leader, where its last entry stands. */
  get lastIndex(): LogIndex {
    return this.#raft.log.lastIndex;
  }

  /** To whom leadership is being handed, 0 to nobody: meanwhile no proposals are taken. */
  get transferee(): NodeId {
    return this.#raft.transferee;
  }

  /** Term, vote and commit index, as they are now. */
  hardState(): HardState {
    return hardStateOf(this.#raft);
  }

  /** For tests and simulations: the present election timeout, instead of the one that was drawn. */
  overrideElectionTimeout(ticks: number): void {
    this.#raft.randomizedElectionTicks = ticks;
  }

  #step(fields: Partial<Message> & Pick<Message, "type">): void {
    step(this.#raft, message(fields));
  }
}
