import type { LogIndex, NodeId } from "@trellis/raft";

import { NODE_KIND } from "./entry-codec.ts";
import { RaftNodeError } from "./errors.ts";
import type { NodeLoop, NodeParts } from "./node-loop.ts";
import { nodeStatus } from "./node-status.ts";
import type { ResolvedOptions } from "./options.ts";

import type {
  Applied,
  CallOptions,
  MembershipChange,
  NodeStatus,
  OpenSnapshot,
  ProposeOptions,
  RaftNode,
} from "./raft-node.ts";
import { awaitTransfer, beforeAbort } from "./transfer.ts";

/** What callers see of a node: it checks what they ask for, and has the loop do it. */
export class Replica implements RaftNode {
  readonly id: NodeId;
  readonly clusterId: string;
  readonly stopped: Promise<RaftNodeError | undefined>;
  readonly #parts: NodeParts;
  readonly #options: ResolvedOptions;
  readonly #loop: NodeLoop;

  constructor(loop: NodeLoop, parts: NodeParts, options: ResolvedOptions) {
    this.id = loop.id;
    this.clusterId = loop.clusterId;
    this.stopped = loop.stopped;
    this.#loop = loop;
    this.#parts = parts;
    this.#options = options;
  }

  status(): NodeStatus {
    return nodeStatus({
      id: this.id,
      clusterId: this.clusterId,
      core: this.#loop.core,
      table: this.#loop.table,
      applied: this.#loop.applied,
      snapshotIndex: this.#loop.snapshots.newestIndex,
      hasSpace: this.#loop.hasSpace(),
      heard: this.#loop.inbox.heard,
      nowMs: this.#parts.clock.monotonic(),
      oldestWriteMs: this.#loop.wal.oldestPendingMs(),
      pendingProposals: this.#loop.desk.count,
      isOver: this.#loop.over !== undefined,
    });
  }

  propose(entry: Uint8Array, options: ProposeOptions = {}): Promise<Applied> {
    const refused = this.#entryFault(entry);
    return refused === undefined
      ? this.#loop.desk.propose("EntryNormal", entry, options)
      : Promise.reject(refused);
  }

  #entryFault(entry: Uint8Array): RaftNodeError | undefined {
    const kind = entry[0];
    if (kind === NODE_KIND || !this.#parts.machines.has(kind)) {
      return new RaftNodeError(
        "invalid",
        `expected the first byte of an entry to be the kind of a state machine, found ${kind}`,
      );
    }
    const { entryBytes } = this.#options;
    if (entry.length <= entryBytes) return undefined;
    return new RaftNodeError(
      "too-large",
      `expected an entry of at most ${entryBytes} bytes, found ${entry.length}; split it up`,
    );
  }

  async confirmRead({ signal }: CallOptions = {}): Promise<LogIndex> {
    if (this.#loop.over !== undefined) throw this.#loop.over;
    const confirmed = this.#loop.reads.confirm(this.#parts.clock.monotonic(), signal);
    this.#loop.wake();
    return await confirmed;
  }

  isCurrent(): boolean {
    const { over, core, applied } = this.#loop;
    const confirmed = over === undefined ? core.confirmedIndex : undefined;
    return confirmed !== undefined && applied >= confirmed;
  }

  async changeMembership(change: MembershipChange, options: CallOptions = {}): Promise<void> {
    const refused = this.#loop.refusal();
    if (refused !== undefined) throw refused;
    await this.#loop.changes.change(change, options);
  }

  async transferLeadership(to?: NodeId, options: CallOptions = {}): Promise<void> {
    const target = await beforeAbort(this.#loop.transfers.ask(to), options.signal);
    await awaitTransfer({
      clock: this.#parts.clock,
      target,
      withinMs: 2 * this.#options.electionMs,
      isThrough: () => this.#loop.over !== undefined || this.#loop.core.role !== "leader",
      onChange: (listener) => this.onChange(listener),
      signal: options.signal,
    });
  }

  async takeSnapshot(): Promise<LogIndex> {
    if (this.#loop.over !== undefined) throw this.#loop.over;
    return await this.#loop.snapshots.take();
  }

  async openSnapshot(): Promise<OpenSnapshot> {
    await this.takeSnapshot();
    return this.#loop.snapshots.open();
  }

  onChange(listener: () => void): () => void {
    return this.#loop.onChange(listener);
  }

  async stop(): Promise<void> {
    if (this.#loop.over === undefined && this.#loop.core.role === "leader" && !this.#loop.isAlone()) {
      // Whoever cannot take over in time is elected later.
      await this.transferLeadership().catch(() => undefined);
    }
    await this.#loop.end(undefined);
    await this.stopped;
  }
}
