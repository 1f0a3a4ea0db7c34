import {
  createRaftCore,
  type Entry,
  type HardState,
  type LogIndex,
  type Message,
  type NodeId,
  type RaftCore,
  RaftError,
  type ReadState,
} from "@trellis/raft";
import type { Wal } from "@trellis/wal";

import { AppendPipeline } from "./append-pipeline.ts";
import { Applier } from "./applier.ts";
import { encodeHardState, toWalEntry } from "./entry-codec.ts";
import type { Heard } from "./inbox.ts";
import { recoveredHardState } from "./load-node.ts";
import { LogReader } from "./log-reader.ts";
import type { LogWindow } from "./log-window.ts";
import type { Machines } from "./machines.ts";
import type { MembershipTable } from "./membership-table.ts";
import {
  APPEND_BYTES,
  APPLYING_BYTES,
  INFLIGHT_BYTES,
  INFLIGHT_MESSAGES,
  type ResolvedOptions,
} from "./options.ts";
import type { NodeClock, Random } from "./ports.ts";
import type { SnapshotWork } from "./snapshot-work.ts";

/** What the core is run with. */
export interface ConsensusDeps {
  readonly id: NodeId;
  readonly clock: NodeClock;
  readonly random: Random;
  readonly wal: Wal;
  readonly window: LogWindow;
  readonly machines: Machines;
  readonly table: MembershipTable;
  readonly snapshots: SnapshotWork;
  readonly hasSpace: () => boolean;
  /** There is something to do in the next turn. */
  readonly wake: () => void;
  readonly commandOf: (entry: Entry) => unknown;
  readonly onApplied: (entry: Entry, result: unknown) => void;
  readonly onMembership: () => void;
  readonly onFeatureLevel: () => void;
  readonly onRead: (state: ReadState) => void;
  /** A snapshot took the place of the log up to this index. */
  readonly onInstalled: (index: LogIndex) => void;
  readonly onFailure: (error: unknown) => void;
}

/**
 * The core and its two threads, of which none is one: what it orders to store goes through the pipeline, what it orders to apply through the
 * applier, and their answers come back to it; messages for others gather until the end of the turn.
 */
export class Consensus {
  readonly #deps: ConsensusDeps;
  readonly #options: ResolvedOptions;
  readonly #applier: Applier;
  readonly #reader: LogReader;
  /** Entries were read that the core has not been told of. */
  #hasRead = false;
  #core: RaftCore;
  #pipeline: AppendPipeline;
  /** Vote requests that wait until what was ordered with them is durable. */
  #heldVotes: { readonly behind: Message; readonly messages: readonly Message[] }[] = [];
  #responses: Message[] = [];
  #outbox = new Map<NodeId, Message[]>();
  #isOver = false;

  constructor(
    deps: ConsensusDeps,
    options: ResolvedOptions,
    start: { readonly hardState: HardState; readonly index: LogIndex; readonly term: number },
  ) {
    this.#deps = deps;
    this.#options = options;
    this.#applier = new Applier(
      { ...deps, core: () => this.#core, featureLevel: options.featureLevel },
      start,
    );
    this.#reader = new LogReader({
      ...deps,
      onRead: () => {
        this.#hasRead = true;
        deps.wake();
      },
    });
    this.#core = this.#newCore();
    this.#pipeline = this.#newPipeline(start.hardState);
  }

  /** To be asked anew on every turn: another one takes its place when there was no space for what it ordered. */
  get core(): RaftCore {
    return this.#core;
  }

  get applied(): { readonly index: LogIndex; readonly term: number } {
    return this.#applier.applied;
  }

  /** True when the next turn has something to do. */
  get isBusy(): boolean {
    return this.#applier.isBusy || this.#core.hasReady();
  }

  isInstalling(index: LogIndex): boolean {
    return this.#pipeline.isInstalling(index);
  }

  /** Nothing that comes from the disk now counts any more. */
  end(): void {
    this.#isOver = true;
    this.#reader.end();
  }

  /** Gives the core a message. One that is of no use to it is lost as by a network: whoever sent it asks again. */
  step(message: Message): void {
    try {
      this.#core.step(message);
    } catch (error) {
      if (!RaftError.is(error)) throw error;
    }
  }

  /** Carries out what the core orders, and gives it what that brings, until there is nothing left to be done at once. */
  work(): void {
    const untilMs = this.#deps.clock.monotonic() + this.#options.sliceMs;
    if (this.#hasRead) {
      this.#hasRead = false;
      this.#core.entriesRead();
    }
    for (
      let isFirst = true;
      isFirst || this.#responses.length > 0 || this.#core.hasReady();
      isFirst = false
    ) {
      for (const order of this.#applier.run(untilMs)) this.#responses.push(...order.responses);
      const responses = this.#responses;
      this.#responses = [];
      for (const response of responses) {
        if (response.to === this.#deps.id) this.step(response);
        else this.#post(response);
      }
      if (this.#core.hasReady()) this.#takeReady();
    }
    this.#reader.start();
  }

  /**
   * Lets go of entries in memory that were applied here, and that no member lacks which was heard since `sinceMs`: one that is down, or is sent a snapshot,
   * reads what it lacks from disk later.
   */
  letGo(heard: ReadonlyMap<NodeId, Pick<Heard, "atMs">>, sinceMs: number): void {
    const { window } = this.#deps;
    if (!window.hasGrown) return;
    let needed = this.applied.index + 1;
    // Known to a leader only, and of itself it does not hear.
    for (const [member, { state, match }] of this.#core.status().progress) {
      const heardMs = heard.get(member)?.atMs;
      if (heardMs !== undefined && heardMs >= sinceMs && state !== "snapshot")
        needed = Math.min(needed, match + 1);
    }
    window.letGoBefore(needed);
  }

  /** What is to be sent, by member. */
  takeOutbox(): ReadonlyMap<NodeId, readonly Message[]> {
    const outbox = this.#outbox;
    if (outbox.size > 0) this.#outbox = new Map();
    return outbox;
  }

  #takeReady(): void {
    const { messages, readStates } = this.#core.ready();
    for (const state of readStates) this.#deps.onRead(state);
    const append = messages.find(({ type }) => type === "MsgStorageAppend");
    const votes: Message[] = [];
    for (const message of messages) {
      if (message === append) continue;
      if (message.type === "MsgStorageApply") this.#applier.add(message);
      else if (message.type === "MsgSnap") this.#deps.snapshots.send(message);
      // Who has no space could not store what a leader writes first: it does not ask to lead, and votes for others.
      else if (message.type === "MsgPreVote" && !this.#deps.hasSpace()) continue;
      // DESIGN §5: not before the vote for itself is durable. Without that a crash would let the node vote again in the same term.
      else if (message.type === "MsgVote" && append !== undefined) votes.push(message);
      else this.#post(message);
    }
    if (append === undefined) return;
    if (votes.length > 0) this.#heldVotes.push({ behind: append, messages: votes });
    this.#pipeline.add(append);
  }

  #stored(order: Message): void {
    this.#responses.push(...order.responses);
    const held = this.#heldVotes.find(({ behind }) => behind === order);
    if (held !== undefined) {
      this.#heldVotes = this.#heldVotes.filter((other) => other !== held);
      this.#responses.push(...held.messages);
    }
    this.#deps.wake();
  }

  #post(message: Message): void {
    const there = this.#outbox.get(message.to);
    if (there === undefined) this.#outbox.set(message.to, [message]);
    else there.push(message);
  }

  /** A snapshot that came in becomes the state: prepared aside, made durable, then put in. */
  async #install(message: Message, hardState: HardState): Promise<void> {
    const { wal, window, table, snapshots } = this.#deps;
    const { snapshot, entries } = message;
    if (snapshot === undefined) return;
    const { index, term, confState } = snapshot.metadata;
    const { header, prepared } = await snapshots.prepare(index, term);
    await wal.append({
      snapshot: { index, term, installed: true },
      ...(entries.length > 0 && { entries: entries.map(toWalEntry) }),
      hardState: encodeHardState(hardState),
    });
    if (this.#isOver) return;
    // What was committed before it and is on its way is part of it; whoever proposed it gets his answer.
    for (const order of this.#applier.run(Number.POSITIVE_INFINITY)) this.#responses.push(...order.responses);
    prepared.install();
    window.install({ index, term }, confState);
    window.append(entries);
    table.install(header);
    this.#applier.installed({ index, term });
    this.#deps.onInstalled(index);
    await snapshots.installed(index);
  }

  /** There was no space for what the core ordered: it begins anew with what is durable, as after a crash, without the crash. */
  #beginAnew(): void {
    const { wal, window, table, snapshots, wake } = this.#deps;
    if (this.#isOver) return;
    this.#applier.clear();
    snapshots.notInstalled();
    this.#heldVotes = [];
    this.#responses = [];
    this.#outbox = new Map();
    const { term, vote, commit } = recoveredHardState(wal.hardState, window.newestSnapshot);
    const hardState = { term, vote, commit: Math.max(commit, this.applied.index) };
    window.restartWith(hardState, table.confState);
    this.#core = this.#newCore();
    this.#pipeline = this.#newPipeline(hardState);
    wake();
  }

  #newCore(): RaftCore {
    const { tickMs, heartbeatMs, electionMs, pendingBytes, pendingReads } = this.#options;
    const { id, random, window } = this.#deps;
    return createRaftCore({
      id,
      storage: window,
      applied: this.applied.index,
      electionTicks: Math.ceil(electionMs / tickMs),
      heartbeatTicks: Math.ceil(heartbeatMs / tickMs),
      random: (below) => Math.floor(random() * below),
      asyncStorageWrites: true,
      disableProposalForwarding: true,
      stepDownOnRemoval: true,
      maxMessageBytes: APPEND_BYTES,
      maxCommittedBytesPerReady: APPLYING_BYTES,
      maxUncommittedBytes: pendingBytes,
      maxInflightMessages: INFLIGHT_MESSAGES,
      maxInflightBytes: INFLIGHT_BYTES,
      maxPendingReads: pendingReads,
    });
  }

  #newPipeline(hardState: HardState): AppendPipeline {
    const { wal, window, onFailure } = this.#deps;
    const pipeline: AppendPipeline = new AppendPipeline({
      wal,
      window,
      writeBytes: this.#options.writeBytes,
      writingBytes: this.#options.writingBytes,
      hardState,
      install: (message, state) => this.#install(message, state),
      onDone: (message) => {
        if (pipeline === this.#pipeline && !this.#isOver) this.#stored(message);
      },
      onRefused: () => this.#beginAnew(),
      onFailure,
    });
    return pipeline;
  }
}
