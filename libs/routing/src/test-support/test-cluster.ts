import { createVirtualClock, type VirtualClock } from "@trellis/testing";
import type { ServerAddress } from "@trellis/storage/wire";

import { TestNetwork } from "./test-network.ts";
import { TestNode } from "./test-node.ts";

/** The store of the tests' clusters. */
export const STORE_ID = "01JZ0000000000000000000000";
const FIRST_INDEX = 1;

/** Three storage nodes on a network that obeys the test. */
export class TestCluster {
  readonly clock: VirtualClock;
  readonly network: TestNetwork;
  readonly nodes: readonly TestNode[];
  term = 1;
  leader: number | undefined = 1;
  readonly #log: (Uint8Array | undefined)[] = [];

  private constructor(clock: VirtualClock, nodes: number, limits: { readonly historyCommits?: number }) {
    this.clock = clock;
    this.network = new TestNetwork(clock);
    this.nodes = Array.from({ length: nodes }, (_, at) => new TestNode(this, at + 1, clock, limits));
  }

  static async form({
    clock = createVirtualClock(),
    nodes = 3,
    limits = {},
  }: {
    readonly clock?: VirtualClock;
    readonly nodes?: number;
    readonly limits?: { readonly historyCommits?: number };
  } = {}): Promise<TestCluster> {
    const cluster = new TestCluster(clock, nodes, limits);
    for (const node of cluster.nodes) {
      await node.begin(STORE_ID, FIRST_INDEX);
      cluster.network.serve(node.address, { endpoint: node.backend, status: node });
    }
    return cluster;
  }

  get lastIndex(): number {
    return FIRST_INDEX + this.#log.length;
  }

  get addresses(): readonly string[] {
    return this.nodes.map(({ address }) => address);
  }

  get members(): readonly ServerAddress[] {
    return this.nodes.map(({ id, address }) => ({ nodeId: id, name: `node-${id}`, address }));
  }

  node(id: number): TestNode {
    const found = this.nodes[id - 1];
    if (found === undefined) throw new RangeError(`the cluster has no node ${id}`);
    return found;
  }

  entry(index: number): Uint8Array | undefined {
    return this.#log[index - FIRST_INDEX - 1];
  }

  append(entry: Uint8Array | undefined): void {
    this.#log.push(entry);
    for (const node of this.nodes) node.wake();
  }

  /** Another node leads from now on, or nobody; all nodes say so at once but those that a test has silenced. */
  lead(id: number | undefined): void {
    if (id !== undefined) {
      this.term++;
      this.node(id).catchUp();
    }
    this.leader = id;
    if (id !== undefined) this.append(undefined);
    for (const node of this.nodes) node.tell();
  }

  /** Gives a node the state of another in the place of its own, as a snapshot does: its history begins there. */
  async sendSnapshot(from: TestNode, to: TestNode): Promise<void> {
    await to.install(from.machine.capture().chunks(), from.applied);
  }

  async stop(): Promise<void> {
    for (const node of this.nodes) await node.backend.close();
  }
}
