import {
  type Entry,
  type LogIndex,
  type Message,
  none,
  type NodeId,
  type RaftCore,
  RaftError,
  type ReadState,
  type Term,
} from "@trellis/raft";
import type { Wal } from "@trellis/wal";

import { closeAll, hadToStop, notCleanly, wasStopped } from "./close-all.ts";
import { Consensus } from "./consensus.ts";
import { RaftNodeError } from "./errors.ts";
import type { NodeEvent } from "./events.ts";
import { Inbox } from "./inbox.ts";
import { Leadership } from "./leadership.ts";
import type { LoadedNode } from "./load-node.ts";
import type { Machines } from "./machines.ts";
import type { Member, SnapshotHeader } from "./member.ts";
import { MemberChanges } from "./member-changes.ts";
import { isVoterIn, MembershipTable } from "./membership-table.ts";
import type { ResolvedOptions } from "./options.ts";
import type { Announcement, IncomingSnapshot, PeerNetwork, PeerReceiver } from "./peers.ts";
import { unknownOutcome } from "./pending-proposals.ts";
import type { NodeClock, Random } from "./ports.ts";
import { noSpace, notLeading, ProposalDesk } from "./proposal-desk.ts";
import { ReadRequests } from "./read-requests.ts";
import { SnapshotWork } from "./snapshot-work.ts";
import { Ticker } from "./ticker.ts";
import { TransferDesk } from "./transfer-desk.ts";

/** What a node works with, once its state is loaded. */
export interface NodeParts {
  readonly clock: NodeClock;
  readonly random: Random;
  readonly network: PeerNetwork;
  readonly machines: Machines;
  readonly onEvent: (event: NodeEvent) => void;
}

/**
 * The loop around the core. Whatever comes in (messages, proposals, reads, time, answers of the disk) waits for the next turn of the event loop; a
 * turn gives all of it to the core and does what the core orders. So what came in from sockets is seen before time is counted, proposals of one
 * turn share an append, and reads of one turn share a question.
 */
export class NodeLoop implements PeerReceiver {
  readonly id: NodeId;
  readonly clusterId: string;
  readonly stopped: Promise<RaftNodeError | undefined>;
  readonly #parts: NodeParts;
  readonly #options: ResolvedOptions;
  readonly wal: Wal;
  readonly table: MembershipTable;
  readonly #consensus: Consensus;
  readonly desk: ProposalDesk;
  readonly reads: ReadRequests;
  readonly snapshots: SnapshotWork;
  readonly #ticker: Ticker;
  readonly changes: MemberChanges;
  readonly transfers: TransferDesk;
  readonly #leadership: Leadership;
  readonly inbox = new Inbox();
  readonly #listeners = new Set<() => void>();
  #isAwake = false;
  /** Why nothing more is done; set once. */
  #over: RaftNodeError | undefined;
  #resolveStopped: (error: RaftNodeError | undefined) => void = () => undefined;
  #hadSpace = true;

  constructor(parts: NodeParts, options: ResolvedOptions, loaded: LoadedNode, header: SnapshotHeader) {
    const { id, clusterId, wal } = loaded;
    const wake = (): void => this.wake();
    const core = (): RaftCore => this.core;
    this.id = id;
    this.clusterId = clusterId;
    this.#parts = parts;
    this.#options = options;
    this.wal = wal;
    this.table = new MembershipTable(header);
    this.stopped = new Promise((resolve) => {
      this.#resolveStopped = resolve;
    });
    this.reads = new ReadRequests({ ...options, askAgainMs: options.electionMs / 2 }, parts.random);
    this.desk = new ProposalDesk({ core, limits: options, refusal: () => this.refusal(), wake });
    this.snapshots = this.#createSnapshots(loaded);
    this.#consensus = this.#createConsensus(loaded);
    this.changes = new MemberChanges({
      table: this.table,
      core,
      heard: this.inbox.heard,
      promotionLag: options.promotionLag,
      propose: (type, data, call) => this.desk.propose(type, data, call),
    });
    this.#leadership = new Leadership({
      self: id,
      options,
      core,
      table: this.table,
      changes: this.changes,
      desk: this.desk,
      reads: this.reads,
      hasSpace: () => this.hasSpace(),
      onEvent: parts.onEvent,
      onChange: () => {
        this.#changed();
        this.wake();
      },
    });
    this.transfers = new TransferDesk({
      target: (to) => this.#transferTarget(to),
      begin: (target) => this.core.transferLeadership(target),
      wake,
    });
    this.#ticker = new Ticker({ clock: parts.clock, tickMs: options.tickMs, onDue: wake });
  }

  #createSnapshots({ wal, window, snapshots, snapshot, hardState }: LoadedNode): SnapshotWork {
    const deps = {
      ...this.#parts,
      wal,
      window,
      store: snapshots,
      headerAt: (index: LogIndex, term: Term) => this.table.headerAt(index, term),
      applied: () => this.#consensus.applied,
      replayedThrough: hardState.commit,
      onSent: (to: NodeId, outcome: "delivered" | "failed") => {
        this.inbox.snapshotSent(to, outcome);
        this.wake();
      },
      onReceived: (message: Message) => {
        this.inbox.add(message);
        this.wake();
      },
      onFailure: (error: unknown) => this.#fail(error),
      hasSpace: () => this.hasSpace(),
    };
    return new SnapshotWork(deps, this.#options, snapshot);
  }

  #createConsensus({ id, wal, window, snapshot, hardState }: LoadedNode): Consensus {
    const deps = {
      ...this.#parts,
      id,
      wal,
      window,
      table: this.table,
      snapshots: this.snapshots,
      hasSpace: () => this.hasSpace(),
      wake: () => this.wake(),
      commandOf: (entry: Entry) => this.desk.pending.commandOf(entry),
      onApplied: (entry: Entry, result: unknown) => {
        this.snapshots.note(entry);
        this.desk.pending.applied(entry, result);
      },
      onMembership: () => this.#membershipChanged(),
      onFeatureLevel: () =>
        this.#parts.onEvent({ kind: "feature-level-raised", level: this.table.featureLevel }),
      onRead: ({ context, index }: ReadState) => this.reads.answered(context, index),
      onInstalled: (index: LogIndex) => {
        this.desk.pending.hiddenThrough(index);
        this.#membershipChanged();
      },
      onFailure: (error: unknown) => this.#fail(error),
    };
    const start = { hardState, index: snapshot?.index ?? 0, term: snapshot?.term ?? 0 };
    return new Consensus(deps, this.#options, start);
  }

  /** Takes part from now on. */
  start(): void {
    const { network, onEvent } = this.#parts;
    const { tornTail } = this.wal;
    if (tornTail !== undefined) onEvent({ kind: "torn-tail", ...tornTail });
    network.start(this);
    network.setMembers(this.#others());
    this.#ticker.start();
    // Nobody else could be elected, and nobody else needs to be asked.
    if (this.isAlone() && this.hasSpace()) this.core.campaign();
    this.wake();
  }

  get core(): RaftCore {
    return this.#consensus.core;
  }

  get applied(): LogIndex {
    return this.#consensus.applied.index;
  }

  /** Why the node does nothing any more; undefined while it does. */
  get over(): RaftNodeError | undefined {
    return this.#over;
  }

  /** Told of every change of leader, role, space and membership; the answer ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  // What comes in. None of this touches the core: it waits for the next turn.

  receive(from: NodeId, messages: readonly Message[], announcement: Announcement): void {
    if (this.#over !== undefined) return;
    this.inbox.receive(from, messages, { announcement, atMs: this.#parts.clock.monotonic() });
    this.wake();
  }

  async receiveSnapshot(from: NodeId, incoming: IncomingSnapshot): Promise<void> {
    if (this.#over !== undefined) throw this.#over;
    if (!this.hasSpace())
      throw new RaftNodeError("no-space", `member ${this.id} has no space for a snapshot`);
    await this.snapshots.receive(from, incoming);
  }

  lost(to: NodeId): void {
    this.inbox.lost(to);
    this.wake();
  }

  /** The log has space again, or has none any more. */
  spaceChanged(): void {
    if (this.hasSpace() === this.#hadSpace) return;
    this.#hadSpace = this.hasSpace();
    this.#parts.onEvent({ kind: "space", hasSpace: this.#hadSpace });
    this.#changed();
    this.wake();
  }

  /** The core has no snapshot for a member. */
  snapshotWanted(): void {
    this.snapshots.want();
  }

  /** Takes a turn, after what comes in by then. */
  wake(): void {
    if (this.#isAwake || this.#over !== undefined) return;
    this.#isAwake = true;
    this.#parts.clock.nextTurn(() => {
      this.#isAwake = false;
      if (this.#over !== undefined) return;
      try {
        this.#turn();
      } catch (error) {
        this.#fail(error);
      }
    });
  }

  #turn(): void {
    const nowMs = this.#parts.clock.monotonic();
    this.#stepDownAfterStall(nowMs);
    this.transfers.take();
    this.#takeInbox();
    if (this.#ticker.take()) this.#tick(nowMs);
    this.desk.take();
    this.#askToRead(nowMs);
    this.#consensus.work();
    this.#consensus.letGo(this.inbox.heard, nowMs - this.#options.electionMs);
    this.reads.applied(this.#consensus.applied.index);
    this.#send();
    this.#leadership.note(nowMs);
    this.snapshots.dropUnused((index) => this.#consensus.isInstalling(index));
    this.snapshots.consider();
    if (this.#consensus.isBusy || this.#ticker.isDue) this.wake();
  }

  /**
   * A leader that was not running for as long as an election takes, or whose disk was not, may have been replaced: it steps down before it
   * answers or takes anything. One that nobody can replace goes on.
   */
  #stepDownAfterStall(nowMs: number): void {
    if (this.core.role !== "leader" || this.isAlone()) return;
    const loopMs = nowMs - this.#ticker.lastTickMs;
    const diskMs = this.wal.oldestPendingMs();
    const { electionMs } = this.#options;
    if (loopMs < electionMs && diskMs < electionMs) return;
    this.core.stepDown();
    const reason = loopMs >= electionMs ? "loop-stalled" : "disk-stalled";
    this.#parts.onEvent({ kind: "stepped-down", reason, ms: Math.max(loopMs, diskMs) });
  }

  #takeInbox(): void {
    for (const message of this.inbox.take(this.core)) {
      // Without space no entry can be stored; the leader tries again.
      if (message.type === "MsgApp" && message.entries.length > 0 && !this.hasSpace()) continue;
      this.#consensus.step(message);
    }
  }

  #transferTarget(to: NodeId | undefined): NodeId {
    const refused = this.#over ?? notLeading(this.id, this.core);
    if (refused !== undefined) throw refused;
    return this.changes.transferTarget(this.id, to);
  }

  #tick(nowMs: number): void {
    // Who cannot store a vote for itself should not ask for others', nor win an election for whose first entry there is no space.
    const isDiskStuck = this.wal.oldestPendingMs() >= this.#options.electionMs;
    const mayCampaign = !isDiskStuck && (this.hasSpace() || !this.isAlone());
    if (this.core.role === "leader" || mayCampaign) this.core.tick();
    if (this.reads.tick(nowMs)) this.wake();
    this.desk.pending.failAborted();
    this.#leadership.tick(nowMs);
  }

  #askToRead(nowMs: number): void {
    const context = this.core.leader === none ? undefined : this.reads.ask(nowMs);
    if (context === undefined) return;
    try {
      this.core.readIndex(context);
    } catch (error) {
      // It is asked again.
      if (!RaftError.is(error)) throw error;
    }
  }

  #send(): void {
    const announcement = {
      featureLevel: this.#options.featureLevel,
      hasSpace: this.hasSpace(),
      applied: this.#consensus.applied.index,
    };
    for (const [to, messages] of this.#consensus.takeOutbox())
      this.#parts.network.send(to, messages, announcement);
  }

  #membershipChanged(): void {
    const { confState, members } = this.table;
    const { voters, learners } = confState;
    this.#parts.network.setMembers(this.#others());
    this.inbox.forgetAllBut(new Set(members.map(({ id }) => id)));
    this.#parts.onEvent({ kind: "membership-changed", voters, learners });
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }

  #others(): readonly Member[] {
    return this.table.members.filter(({ id }) => id !== this.id);
  }

  /** True when this node is the only voter: nobody can replace it. */
  isAlone(): boolean {
    const { voters, votersOutgoing } = this.table.confState;
    return (
      isVoterIn(this.table.confState, this.id) &&
      voters.length === 1 &&
      votersOutgoing.every((id) => id === this.id)
    );
  }

  hasSpace(): boolean {
    return this.wal.state !== "out-of-space";
  }

  /** Why no proposal is taken now; undefined when one is. */
  refusal(): RaftNodeError | undefined {
    const refused = this.#over ?? notLeading(this.id, this.core);
    // Alone there is nobody else to ask: a node that has no space to lead says so.
    const isAboutSpace =
      !this.hasSpace() && (refused === undefined || (this.isAlone() && this.#over === undefined));
    return isAboutSpace ? noSpace(this.id) : refused;
  }

  #fail(error: unknown): void {
    void this.end(hadToStop(this.id, error));
  }

  /** Gives up what waits, and closes everything; `stopped` resolves then. */
  async end(failure: RaftNodeError | undefined): Promise<void> {
    if (this.#over !== undefined) return;
    const over = failure ?? wasStopped(this.id);
    this.#over = over;
    this.#consensus.end();
    this.#ticker.stop();
    this.desk.refuseAll(over);
    this.transfers.take();
    this.desk.pending.failAll(unknownOutcome("the node stopped", failure));
    this.reads.failAll(over);
    try {
      await closeAll([
        async () => this.#changed(),
        () => this.#parts.network.stop(),
        () => this.snapshots.stop(),
        () => this.wal.close(),
      ]);
    } catch (error) {
      this.#resolveStopped(failure ?? notCleanly(this.id, error));
      return;
    }
    this.#resolveStopped(failure);
  }
}
