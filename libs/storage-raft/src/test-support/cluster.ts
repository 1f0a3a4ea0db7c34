import type { RaftNodeErrorCode } from "@trellis/raft-node";
import type { Clock } from "@trellis/resource";
import type { StoreLimits } from "@trellis/storage-memory";
import { createVirtualClock, type VirtualClock } from "@trellis/testing";

import { Replica } from "./replica.ts";

/** The store id of the tests' clusters. */
export const STORE_ID = "01JZ0000000000000000000000";
/** Where every replica begins. */
const FIRST_INDEX = 1;

/** What a cluster of the tests is made of. */
export interface ClusterOptions {
  readonly replicas?: number;
  /** Turns of the event loop by which followers lag. */
  readonly lagTurns?: number;
  readonly limits?: Partial<StoreLimits>;
  readonly clock?: VirtualClock;
}

/**
 * A replicated log that never fails by itself: what the leader proposes is committed at once and applied by each replica in its time. It shows
 * what the state machine and the backend make of a log; what becomes of the log under faults is the node's business.
 */
export class Cluster {
  readonly clock: VirtualClock;
  readonly replicas: readonly Replica[];
  term = 1;
  leader = 1;
  /** What all proposals are refused with. */
  refusal: RaftNodeErrorCode | undefined;
  readonly #log: (Uint8Array | undefined)[] = [];
  #losses: ("before" | "after")[] = [];

  private constructor({ replicas = 1, lagTurns = 0, limits, clock = createVirtualClock() }: ClusterOptions) {
    this.clock = clock;
    this.replicas = Array.from(
      { length: replicas },
      (_, position) =>
        new Replica(this, { id: position + 1, clock: clock satisfies Clock, limits, lagTurns }),
    );
  }

  static async form(options: ClusterOptions = {}): Promise<Cluster> {
    const cluster = new Cluster(options);
    for (const replica of cluster.replicas) await replica.begin(STORE_ID, FIRST_INDEX);
    return cluster;
  }

  get lastIndex(): number {
    return FIRST_INDEX + this.#log.length;
  }

  /** The replica that leads. */
  get leading(): Replica {
    return this.replica(this.leader);
  }

  replica(id: number): Replica {
    const found = this.replicas[id - 1];
    if (found === undefined) throw new RangeError(`the cluster has no replica ${id}`);
    return found;
  }

  /** An entry; undefined for one that says nothing, as a new leader's first one. */
  entry(index: number): Uint8Array | undefined {
    return this.#log[index - FIRST_INDEX - 1];
  }

  append(entry: Uint8Array | undefined): number {
    this.#log.push(entry);
    for (const replica of this.replicas) replica.wake();
    return this.lastIndex;
  }

  /** Another replica leads from now on. */
  lead(id: number): void {
    this.replica(id).catchUp();
    this.leader = id;
    this.term++;
    this.append(undefined);
  }

  /** The next proposal does not get there, or its answer does not come back. */
  lose(what: "before" | "after"): void {
    this.#losses.push(what);
  }

  takeLoss(): "before" | "after" | undefined {
    return this.#losses.shift();
  }

  /** Gives a replica the state of another in the place of its own, as a snapshot does. */
  async sendSnapshot(from: Replica, to: Replica): Promise<void> {
    const { applied } = from;
    await to.install(from.machine.capture().chunks(), applied);
  }

  async stop(): Promise<void> {
    for (const replica of this.replicas) await replica.stop();
  }
}
