import {
  type Applied,
  type CallOptions,
  type NodeStatus,
  type ProposeOptions,
  RaftNodeError,
} from "@trellis/raft-node";
import type { Clock } from "@trellis/resource";
import type { StoreLimits } from "@trellis/storage-memory";

import { createRaftBackend, type RaftBackend, type StorageNode } from "../raft-backend.ts";
import { emptyContent } from "../snapshot/first-content.ts";
import { StorageMachine } from "../storage-machine.ts";
import type { Cluster } from "./cluster.ts";
import { nextTurn } from "./turns.ts";

/** How a replica of the tests behaves. */
export interface ReplicaOptions {
  readonly id: number;
  readonly clock: Clock;
  readonly limits?: Partial<StoreLimits> | undefined;
  /** Turns of the event loop by which it applies later than the leader. */
  readonly lagTurns: number;
}

/** A node of the tests' cluster, with its machine and backend: it applies what the cluster's log has, when it gets to it. */
export class Replica implements StorageNode {
  readonly id: number;
  readonly machine: StorageMachine;
  readonly backend: RaftBackend;
  /** While set it gets nothing. */
  isCutOff = false;
  /** While set it needs nobody to confirm its reads. */
  votesAlone = false;
  applied = 0;
  readonly #cluster: Cluster;
  readonly #lagTurns: number;
  #isGoing = false;
  #waiting: { readonly index: number; readonly resolve: () => void }[] = [];
  readonly #answers = new Map<number, (answer: unknown) => void>();

  constructor(cluster: Cluster, { id, clock, limits, lagTurns }: ReplicaOptions) {
    this.id = id;
    this.#cluster = cluster;
    this.#lagTurns = lagTurns;
    this.machine = new StorageMachine({ clock, nextTurn, limits });
    this.backend = createRaftBackend({ node: this, machine: this.machine, clock });
  }

  /** Begins as all members of a new cluster do: with the same snapshot. */
  async begin(storeId: string, index: number): Promise<void> {
    await this.install(emptyContent(storeId), index);
  }

  /** Puts a snapshot in. */
  async install(chunks: AsyncIterable<Uint8Array>, index: number): Promise<void> {
    (await this.machine.restore(chunks, index)).install();
    this.#moved(index);
  }

  status(): NodeStatus {
    const { term, leader, lastIndex } = this.#cluster;
    return {
      id: this.id,
      clusterId: "c".repeat(32),
      role: leader === this.id ? "leader" : "follower",
      term,
      leader,
      committed: lastIndex,
      applied: this.applied,
      firstIndex: 1,
      lastIndex,
      snapshotIndex: 0,
      featureLevel: 1,
      hasSpace: true,
      members: [],
      oldestWriteMs: 0,
      pendingProposals: this.#answers.size,
    };
  }

  async propose(entry: Uint8Array, { signal }: ProposeOptions = {}): Promise<Applied> {
    const cluster = this.#cluster;
    if (cluster.refusal !== undefined) throw new RaftNodeError(cluster.refusal, "refused by the test");
    if (cluster.leader !== this.id) {
      throw new RaftNodeError("not-leader", `node ${this.id} is no leader; ask ${cluster.leader}`, {
        leader: cluster.leader,
      });
    }
    if (signal?.aborted === true) throw new RaftNodeError("aborted", "not taken");
    const isLost = cluster.takeLoss();
    if (isLost === "before") throw new RaftNodeError("outcome-unknown", "lost on its way there");
    const index = cluster.append(entry);
    const applied = new Promise<Applied>((resolve, reject) => {
      this.#answers.set(index, (result) => resolve({ index, result }));
      if (signal instanceof AbortSignal)
        signal.addEventListener("abort", () =>
          reject(new RaftNodeError("outcome-unknown", "not waited for")),
        );
    });
    const answer = await applied;
    if (isLost === "after") throw new RaftNodeError("outcome-unknown", "lost on its way back");
    return answer;
  }

  isCurrent(): boolean {
    return this.votesAlone && this.applied >= this.#cluster.lastIndex;
  }

  async confirmRead({ signal }: CallOptions = {}): Promise<number> {
    if (this.isCutOff) throw new RaftNodeError("unavailable", "no leader confirmed the read");
    const index = this.#cluster.lastIndex;
    await new Promise<void>((resolve, reject) => {
      signal?.addEventListener("abort", () => reject(new RaftNodeError("aborted", "not waited for")));
      if (this.applied >= index) resolve();
      else this.#waiting.push({ index, resolve });
    });
    return index;
  }

  /** There is something in the log: applies it, all that is there together, when its time has come. */
  wake(): void {
    if (this.#isGoing || this.isCutOff) return;
    this.#isGoing = true;
    void this.#go();
  }

  async #go(): Promise<void> {
    const lag = this.#cluster.leader === this.id ? 0 : this.#lagTurns;
    for (let turn = 0; turn <= lag; turn++) await nextTurn();
    this.#isGoing = false;
    this.catchUp();
  }

  /** Applies what is there. */
  catchUp(): void {
    if (this.isCutOff) return;
    const answers: (() => void)[] = [];
    const { lastIndex } = this.#cluster;
    for (let index = this.applied + 1; index <= lastIndex; index++) {
      const entry = this.#cluster.entry(index);
      if (entry === undefined) continue;
      const answer = this.machine.apply(entry.subarray(1), index);
      const waiting = this.#answers.get(index);
      this.#answers.delete(index);
      if (waiting !== undefined) answers.push(() => waiting(answer));
    }
    this.machine.reached(lastIndex);
    this.#moved(lastIndex);
    for (const answer of answers) answer();
  }

  #moved(index: number): void {
    this.applied = index;
    const due = this.#waiting.filter((waiting) => waiting.index <= index);
    this.#waiting = this.#waiting.filter((waiting) => waiting.index > index);
    for (const { resolve } of due) resolve();
  }

  async stop(): Promise<void> {
    await this.backend.close();
  }
}
