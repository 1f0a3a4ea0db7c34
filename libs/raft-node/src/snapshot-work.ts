import { type Entry, entrySize, type LogIndex, type Message, type NodeId, type Term } from "@trellis/raft";
import type { Wal } from "@trellis/wal";

import { RaftNodeError } from "./errors.ts";
import type { NodeEvent } from "./events.ts";
import { checkFeatureLevel } from "./feature-level.ts";
import type { LogWindow } from "./log-window.ts";
import type { Machines } from "./machines.ts";
import type { SnapshotHeader } from "./member.ts";
import {
  MAX_SNAPSHOTS_SENT,
  type ResolvedOptions,
  SNAPSHOT_IDLE_MS,
  SNAPSHOT_RETRY_MS,
  SNAPSHOT_SEND_MS,
  snapshotDue,
} from "./options.ts";
import type { IncomingSnapshot, PeerNetwork } from "./peers.ts";
import type { NodeClock } from "./ports.ts";
import type { OpenSnapshot } from "./raft-node.ts";
import { RoomKeeper } from "./room-keeper.ts";
import type { CheckedSnapshot, SnapshotStore } from "./snapshots/snapshot-store.ts";
import { withinTime } from "./snapshots/within-time.ts";
import type { PreparedState } from "./state-machine.ts";

/** One for which there is no space is tried again after so many times as long at most. */
const MAX_RETRY_FACTOR = 16;

/** What snapshots are made of, and for. */
export interface SnapshotWorkDeps {
  readonly clock: NodeClock;
  readonly network: PeerNetwork;
  readonly machines: Machines;
  readonly wal: Wal;
  readonly window: LogWindow;
  readonly store: SnapshotStore;
  readonly onEvent: (event: NodeEvent) => void;
  readonly headerAt: (index: LogIndex, term: Term) => SnapshotHeader;
  readonly applied: () => { readonly index: LogIndex; readonly term: Term };
  /** What is applied up to here was so before: until then a snapshot would only keep the node from its start. */
  readonly replayedThrough: LogIndex;
  readonly onSent: (to: NodeId, outcome: "delivered" | "failed") => void;
  readonly onReceived: (message: Message) => void;
  readonly onFailure: (error: unknown) => void;
  /** Whether there is room on the disk for the log and the next snapshot. */
  readonly hasSpace: () => boolean;
}

/** Makes snapshots, sends them, and takes them in. */
export class SnapshotWork {
  readonly #deps: SnapshotWorkDeps;
  readonly #options: ResolvedOptions;
  #newest: CheckedSnapshot | undefined;
  /** Entries applied since the newest snapshot, and their bytes. */
  #entries = 0;
  #bytes = 0;
  #isWanted = false;
  #making: Promise<LogIndex> | undefined;
  /** Of which entry that is; 0 when none is being made. */
  #makingIndex: LogIndex = 0;
  #retryAtMs = 0;
  #retryFactor = 1;
  readonly #room: RoomKeeper;
  readonly #sending = new Map<NodeId, AbortController>();
  /** One that is durable and that the core has been told of, or is coming in. */
  #incoming: { readonly index: LogIndex; readonly term: Term; isDurable: boolean } | undefined;
  /** One whose state is built and about to be put in. */
  #prepared: CheckedSnapshot | undefined;
  #isStopped = false;

  constructor(deps: SnapshotWorkDeps, options: ResolvedOptions, newest: CheckedSnapshot | undefined) {
    this.#deps = deps;
    this.#options = options;
    this.#newest = newest;
    this.#room = new RoomKeeper({
      ...deps,
      onFailure: (error) => {
        if (!this.#isStopped) deps.onFailure(error);
      },
    });
    if (newest !== undefined) this.#room.compare(newest.bytes, deps.machines.approximateBytes);
  }

  get newestIndex(): LogIndex {
    return this.#newest?.index ?? 0;
  }

  /** An entry was applied. */
  note(entry: Entry): void {
    this.#entries++;
    this.#bytes += entrySize(entry);
  }

  /** A member needs a snapshot that there is not. */
  want(): void {
    this.#isWanted = true;
  }

  /** Makes a snapshot when one is due; to be called between two entries. */
  consider(): void {
    const { index } = this.#deps.applied();
    if (this.#isStopped || index < this.#deps.replayedThrough) return;
    this.#room.follow(this.#bytes);
    if (!this.#isDue() || this.#making !== undefined || index === this.newestIndex) return;
    if (this.#deps.clock.monotonic() < this.#retryAtMs) return;
    this.#making = this.#make();
    this.#making.catch((error: unknown) => {
      this.#deps.onEvent({
        kind: "snapshot-failed",
        reason: error instanceof Error ? error.message : String(error),
      });
      if (!isNoSpace(error)) return this.#deps.onFailure(error);
      this.#retryAtMs = this.#deps.clock.monotonic() + SNAPSHOT_RETRY_MS * this.#retryFactor;
      this.#retryFactor = Math.min(this.#retryFactor * 2, MAX_RETRY_FACTOR);
    });
  }

  #isDue(): boolean {
    const { snapshotEntries, snapshotBytes } = this.#options;
    const due = snapshotDue(this.#newest?.bytes ?? 0, { entries: snapshotEntries, bytes: snapshotBytes });
    return this.#isWanted || this.#entries >= due.entries || this.#bytes >= due.bytes || this.#winsSpace();
  }

  /** Whether a snapshot of now, for which room is kept, would win space back where there is none: the log before it, or what a larger state had. */
  #winsSpace(): boolean {
    if (this.#deps.hasSpace() || this.#incoming !== undefined) return false;
    const { trailingEntries, trailingBytes } = this.#options;
    const hasLongLog = this.#entries > trailingEntries || this.#bytes > trailingBytes;
    return hasLongLog || this.#room.estimate * 2 < (this.#newest?.bytes ?? 0);
  }

  /** Makes a snapshot of now; one that is being made may be of earlier, then another follows. Rejects with `no-space`. */
  async take(): Promise<LogIndex> {
    await this.#making?.catch(() => undefined);
    if (this.newestIndex === this.#deps.applied().index) return this.newestIndex;
    this.#making ??= this.#make();
    try {
      return await this.#making;
    } catch (error) {
      if (!isNoSpace(error)) throw error;
      const message = "the disk has no space for a snapshot; free space, then try again";
      throw new RaftNodeError("no-space", message, { cause: error });
    }
  }

  async #make(): Promise<LogIndex> {
    const { machines, wal, store, window, headerAt, applied, onEvent } = this.#deps;
    const { index, term } = applied();
    const header = headerAt(index, term);
    const capture = machines.capture();
    const said = machines.approximateBytes;
    this.#isWanted = false;
    this.#makingIndex = index;
    const [entries, bytes] = [this.#entries, this.#bytes];
    try {
      const made = await wal.withSnapshotRoom(() => store.write(header, capture.chunks()));
      // One that came in meanwhile is newer.
      if (this.#isStopped || this.#prepared !== undefined || index < this.newestIndex) {
        if (!this.#isStopped) await store.retain(this.newestIndex);
        return this.newestIndex;
      }
      await wal.append({ snapshot: { index, term } });
      if (index < this.newestIndex) return this.newestIndex;
      this.#newest = made;
      this.#entries -= entries;
      this.#bytes -= bytes;
      this.#retryFactor = 1;
      this.#room.compare(made.bytes, said);
      window.noteSnapshot({ index, term }, header.confState);
      onEvent({ kind: "snapshot-written", index, bytes: made.bytes });
      const { trailingEntries, trailingBytes } = this.#options;
      const keepFrom = window.trailing(index, { entries: trailingEntries, bytes: trailingBytes });
      window.dropBefore(keepFrom);
      await wal.dropBefore(keepFrom);
      await store.retain(index);
      this.#room.renew(this.#bytes);
      return index;
    } finally {
      this.#making = undefined;
      this.#makingIndex = 0;
    }
  }

  /** The newest snapshot, to be read. */
  open(): OpenSnapshot {
    const newest = this.#newest;
    if (newest === undefined)
      throw new RaftNodeError("unavailable", "there is no snapshot yet; try again later");
    return { header: newest.header, bytes: newest.bytes, pieces: () => this.#deps.store.pieces(newest) };
  }

  /** The core wants a member to have a snapshot. */
  send(message: Message): void {
    const { network, store, onSent, onEvent, clock } = this.#deps;
    const { to, snapshot } = message;
    const newest = this.#newest;
    const fail = (reason: string): void => {
      onEvent({ kind: "snapshot-not-sent", to, reason });
      onSent(to, "failed");
    };
    if (newest === undefined || newest.index !== snapshot?.metadata.index)
      return fail("there is a newer one");
    if (this.#sending.has(to)) return fail("one is on its way");
    if (this.#sending.size >= MAX_SNAPSHOTS_SENT) return fail("as many as may be are on their way to others");
    const controller = new AbortController();
    this.#sending.set(to, controller);
    const cancel = clock.after(SNAPSHOT_SEND_MS, () => controller.abort());
    network
      .sendSnapshot(
        to,
        { message, header: newest.header, bytes: newest.bytes, chunks: () => store.pieces(newest) },
        controller.signal,
      )
      .then(
        () => {
          onEvent({ kind: "snapshot-sent", to, index: newest.index });
          onSent(to, "delivered");
        },
        (error: unknown) => fail(error instanceof Error ? error.message : String(error)),
      )
      .finally(() => {
        cancel();
        this.#sending.delete(to);
      });
  }

  /** Takes in a snapshot of a member and makes it durable; then the core is told. One at a time. */
  async receive(from: NodeId, { message, chunks }: IncomingSnapshot): Promise<void> {
    const { store, wal, onReceived } = this.#deps;
    const metadata = message.snapshot?.metadata;
    if (message.type !== "MsgSnap" || metadata === undefined) {
      throw new RaftNodeError(
        "invalid",
        `expected a message with a snapshot of member ${from}, found ${message.type}`,
      );
    }
    if (this.#incoming !== undefined) {
      throw new RaftNodeError(
        "busy",
        `a snapshot of entry ${this.#incoming.index} is being taken in; try again later`,
      );
    }
    const { index, term } = metadata;
    if (index <= this.#deps.applied().index) {
      // What it says of the committed index is of use; its content is known.
      onReceived(message);
      return;
    }
    const incoming = { index, term, isDurable: false };
    this.#incoming = incoming;
    const pieces = withinTime(chunks, { clock: this.#deps.clock, limitMs: SNAPSHOT_IDLE_MS });
    try {
      await wal.withSnapshotRoom(() => store.receive({ index, term }, pieces));
    } catch (error) {
      this.#incoming = undefined;
      throw error;
    }
    incoming.isDurable = true;
    onReceived(message);
  }

  /** The core has looked at all messages so far: what it did not take as a snapshot to install is of no use. */
  dropUnused(isInstalling: (index: LogIndex) => boolean): void {
    const incoming = this.#incoming;
    if (incoming?.isDurable !== true || isInstalling(incoming.index)) return;
    this.#incoming = undefined;
    const file = this.#deps.store.find(incoming.index, incoming.term);
    if (file === undefined || file.index <= Math.max(this.newestIndex, this.#makingIndex)) return;
    this.#deps.store.discard(file).catch((error: unknown) => this.#deps.onFailure(error));
  }

  /** Builds the state of a snapshot that came in, aside. */
  async prepare(
    index: LogIndex,
    term: Term,
  ): Promise<{ readonly header: SnapshotHeader; readonly prepared: PreparedState }> {
    const { store, machines } = this.#deps;
    const file = store.find(index, term);
    if (file === undefined)
      throw new RaftNodeError(
        "damaged",
        `the snapshot of entry ${index} of term ${term} is not there any more`,
      );
    const checked = await store.check(file);
    checkFeatureLevel({
      cluster: checked.header.featureLevel,
      supported: this.#options.featureLevel,
    });
    const prepared = await machines.restore(store.chunks(file), index);
    this.#prepared = checked;
    return { header: checked.header, prepared };
  }

  /** There was no space to say in the log that the prepared snapshot is the state now: it is not. */
  notInstalled(): void {
    this.#prepared = undefined;
  }

  /** The snapshot that was prepared is the state now. */
  async installed(index: LogIndex): Promise<void> {
    const installed = this.#prepared;
    this.#newest = installed;
    this.#prepared = undefined;
    this.#incoming = undefined;
    this.#entries = 0;
    this.#bytes = 0;
    if (installed !== undefined) this.#room.compare(installed.bytes, this.#deps.machines.approximateBytes);
    this.#deps.onEvent({ kind: "snapshot-installed", index });
    await this.#deps.store.retain(index);
    if (installed !== undefined) this.#room.renew(this.#bytes);
  }

  /** Gives up what is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const controller of this.#sending.values()) controller.abort();
    await this.#making?.catch(() => undefined);
  }
}

function isNoSpace(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return code === "ENOSPC" || code === "EDQUOT" || code === "no-space";
}
