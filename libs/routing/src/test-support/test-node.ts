import {
  type Applied,
  type CallOptions,
  type NodeStatus,
  type ProposeOptions,
  RaftNodeError,
} from "@trellis/raft-node";
import type { Clock } from "@trellis/resource";
import {
  createRaftBackend,
  emptyContent,
  type RaftBackend,
  StorageMachine,
  type StorageNode,
} from "@trellis/storage-raft";
import type { ServerStatus, StatusSource } from "@trellis/storage/wire";

import type { TestCluster } from "./test-cluster.ts";
import { nextTurn } from "./turns.ts";

/** A node of the tests' cluster: the real state machine on a log that never fails by itself. */
export class TestNode implements StatusSource {
  readonly id: number;
  readonly machine: StorageMachine;
  readonly backend: RaftBackend;
  applied = 0;
  /** While it is set, nothing of the log gets here. */
  isBehind = false;
  isStopping = false;
  leaderlessMs = 0;
  /** Whether it may answer strong reads by itself while it leads. */
  hasLease = false;
  /** False while nobody has told it who leads, as after a start. */
  knowsLeader = true;
  readonly #cluster: TestCluster;
  readonly #answers = new Map<number, (answer: unknown) => void>();
  readonly #listeners = new Set<() => void>();
  #forgottenBefore = 0;
  #waiting: { readonly index: number; readonly resolve: () => void }[] = [];

  constructor(cluster: TestCluster, id: number, clock: Clock, limits: { readonly historyCommits?: number }) {
    this.id = id;
    this.#cluster = cluster;
    this.machine = new StorageMachine({ clock, nextTurn, limits });
    const node = asStorageNode(this);
    this.backend = createRaftBackend({ node, machine: this.machine, clock });
    const submit = this.backend.submit.bind(this.backend);
    this.backend.submit = async (request, operations, options) =>
      request.session.openedAt < this.#forgottenBefore
        ? { outcome: "unknown", reason: "session-unknown" }
        : await submit(request, operations, options);
  }

  get address(): string {
    return `node-${this.id}:7511`;
  }

  async begin(storeId: string, index: number): Promise<void> {
    await this.install(emptyContent(storeId), index);
  }

  /** Puts a snapshot in the place of what it has. */
  async install(chunks: AsyncIterable<Uint8Array>, index: number): Promise<void> {
    (await this.machine.restore(chunks, index)).install();
    this.applied = index;
  }

  /** From now on it answers as if the sessions that there are had ended. */
  forgetSessions(): void {
    this.#forgottenBefore = this.#cluster.lastIndex + 1;
  }

  status(): ServerStatus {
    const { term, leader, members } = this.#cluster;
    return {
      role: "node",
      clusterId: "c".repeat(32),
      nodeId: this.id,
      name: `node-${this.id}`,
      position: this.machine.position,
      term,
      leaderId: this.knowsLeader ? leader : undefined,
      takesCommits: leader === this.id,
      leaderlessMs: this.leaderlessMs,
      isStopping: this.isStopping,
      members,
    };
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Tells clients how it stands. */
  tell(): void {
    for (const listener of this.#listeners) listener();
  }

  async propose(entry: Uint8Array, { signal }: ProposeOptions = {}): Promise<Applied> {
    const cluster = this.#cluster;
    if (cluster.leader !== this.id) throw new RaftNodeError("not-leader", `node ${this.id} does not lead`);
    if (signal?.aborted === true) throw new RaftNodeError("aborted", "not taken");
    return await new Promise<Applied>((resolve, reject) => {
      const index = cluster.lastIndex + 1;
      this.#answers.set(index, (result) => resolve({ index, result }));
      if (signal instanceof AbortSignal)
        signal.addEventListener("abort", () =>
          reject(new RaftNodeError("outcome-unknown", "not waited for")),
        );
      cluster.append(entry);
    });
  }

  async confirmRead({ signal }: CallOptions = {}): Promise<number> {
    const index = this.#cluster.lastIndex;
    if (this.applied >= index) return index;
    await new Promise<void>((resolve, reject) => {
      signal?.addEventListener("abort", () => reject(new RaftNodeError("aborted", "not waited for")));
      this.#waiting.push({ index, resolve });
    });
    return index;
  }

  /** Applies what the log has. */
  catchUp(): void {
    if (this.isBehind) return;
    const { lastIndex } = this.#cluster;
    const answers: (() => void)[] = [];
    for (let index = this.applied + 1; index <= lastIndex; index++) {
      const entry = this.#cluster.entry(index);
      if (entry === undefined) continue;
      const answer = this.machine.apply(entry.subarray(1), index);
      const waiting = this.#answers.get(index);
      this.#answers.delete(index);
      if (waiting !== undefined) answers.push(() => waiting(answer));
    }
    this.machine.reached(lastIndex);
    this.applied = lastIndex;
    for (const { resolve } of this.#waiting.filter(({ index }) => index <= lastIndex)) resolve();
    this.#waiting = this.#waiting.filter(({ index }) => index > lastIndex);
    for (const answer of answers) answer();
  }

  /** Lets what happens in the next turns be applied. */
  wake(): void {
    void nextTurn().then(() => this.catchUp());
  }
}

/** A node as its backend sees it. */
function asStorageNode(node: TestNode): StorageNode {
  return {
    propose: (entry, options) => node.propose(entry, options),
    confirmRead: (options) => node.confirmRead(options),
    isCurrent: () => node.hasLease && node.status().takesCommits,
    // The backend asks for no more of it than this.
    status: () =>
      ({
        role: node.status().takesCommits ? "leader" : "follower",
        applied: node.applied,
        term: node.status().term,
      }) as NodeStatus,
  };
}
