import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { RaftNodeOptions } from "@trellis/raft-node";

import { StorageNode } from "./storage-node.ts";

/** How long a cluster may take until somebody leads, on a busy machine. */
const LEADER_MS = 60_000;
const LOOK_AGAIN_MS = 20;

/** How to start a cluster. */
export interface StorageClusterOptions {
  readonly nodes: number;
  /** Where their directories are; a new one, which goes with the cluster, when left out. */
  readonly directory?: string | undefined;
  readonly options?: RaftNodeOptions;
}

/** Storage nodes as processes on the loopback, which form a cluster. */
export class StorageCluster {
  readonly nodes: StorageNode[] = [];
  readonly directory: string;
  readonly #options: RaftNodeOptions;
  readonly #isOwnDirectory: boolean;

  private constructor({ directory, options = {} }: StorageClusterOptions) {
    this.#isOwnDirectory = directory === undefined;
    this.directory = directory ?? mkdtempSync(join(tmpdir(), "trellis-storage-cluster-"));
    this.#options = options;
  }

  /** Starts the nodes and waits until they are a cluster. */
  static async start(options: StorageClusterOptions): Promise<StorageCluster> {
    const cluster = new StorageCluster(options);
    try {
      const names = Array.from({ length: options.nodes }, (_, number) => `node-${number + 1}`);
      await Promise.all(
        names.map(async (name, number) => {
          cluster.nodes[number] = await cluster.#start(name, 0);
        }),
      );
      const members = cluster.nodes.map(({ member }) => member);
      await Promise.all(cluster.nodes.map((node) => node.call("form", members)));
      await cluster.leader();
      return cluster;
    } catch (error) {
      await cluster.end();
      throw error;
    }
  }

  /** Starts a node that has stopped, on its port and directory, and waits until it takes part. */
  async restart(node: StorageNode): Promise<StorageNode> {
    const again = await this.#start(node.name, node.port);
    this.nodes[this.nodes.indexOf(node)] = again;
    await again.call(
      "form",
      this.nodes.map(({ member }) => member),
    );
    return again;
  }

  /** Starts a node with an empty directory that waits to become a member. */
  async startNewcomer(name: string): Promise<StorageNode> {
    const { clusterId } = await (await this.leader()).call("status", undefined);
    const newcomer = await this.#start(name, 0);
    this.nodes.push(newcomer);
    await newcomer.call("join", clusterId);
    return newcomer;
  }

  /** Has the leader take a newcomer for a learner. */
  async addLearner(newcomer: StorageNode): Promise<void> {
    const { id } = await newcomer.call("status", undefined);
    const leader = await this.leader();
    await leader.call("changeMembership", { kind: "add-learner", member: { id, ...newcomer.member } });
  }

  /** The node that leads, as soon as one says that it does; of these, unless told otherwise. */
  async leader(among: readonly StorageNode[] = this.nodes): Promise<StorageNode> {
    for (const untilMs = performance.now() + LEADER_MS; performance.now() < untilMs;) {
      for (const node of among) {
        const { role } = await node.call("status", undefined);
        if (role === "leader") return node;
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
    throw new Error(`nobody leads after ${LEADER_MS} ms`);
  }

  /** Ends the processes, and removes the directory unless it was given. */
  async end(): Promise<void> {
    // Those that did not start leave holes.
    await Promise.all(this.nodes.map((node) => node.kill()));
    if (this.#isOwnDirectory) rmSync(this.directory, { recursive: true, force: true });
  }

  #start(name: string, port: number): Promise<StorageNode> {
    const directory = join(this.directory, name);
    return StorageNode.start({ directory, name, port, options: this.#options });
  }
}
