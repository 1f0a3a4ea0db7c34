import {
  createRaftNode,
  type DataDirectory,
  type NodeEvent,
  type PeerNetwork,
  type RaftNode,
  type RaftNodeConfig,
  type StateChunk,
  type StateMachine,
} from "@trellis/raft-node";
import {
  createRaftBackend,
  emptyContent,
  type RaftBackend,
  STORAGE_KIND,
  StorageMachine,
  storeIdOf,
} from "@trellis/storage-raft";

import type { SimulatedProcess } from "../world/simulated-process.ts";

/** What a replica is given to work with. */
export interface ReplicaEnvironment {
  /** Clock and event loop. */
  readonly process: SimulatedProcess;
  readonly random: () => number;
  readonly data: DataDirectory;
  readonly network: PeerNetwork;
  readonly config: RaftNodeConfig;
  readonly onEvent: (event: NodeEvent) => void;
  /** Puts the simulator's checks around the state machine. */
  readonly observed: (machine: StateMachine) => StateMachine;
}

/** A replica at work: the parts under test, put together as a storage node puts them together. */
export class Replica {
  readonly node: RaftNode;
  readonly backend: RaftBackend;

  private constructor(node: RaftNode, backend: RaftBackend) {
    this.node = node;
    this.backend = backend;
  }

  /** Starts one on what its directory holds. */
  static async start(environment: ReplicaEnvironment): Promise<Replica> {
    const { process, random, data, network, config, onEvent, observed } = environment;
    const nextTurn = (): Promise<void> => new Promise((resolve) => process.nextTurn(resolve));
    const machine = new StorageMachine({ clock: process, nextTurn });
    const node = await createRaftNode(
      { clock: process, random, data, network, machines: [observed(machine)], onEvent },
      config,
    );
    return new Replica(node, createRaftBackend({ node, machine, clock: process }));
  }

  /** Stops in good order. */
  async stop(): Promise<void> {
    await this.node.stop();
    await this.backend.close();
  }
}

/** What the state machines of a new cluster begin with, the same on all its members. */
export async function* firstChunks(clusterId: string): AsyncGenerator<StateChunk> {
  for await (const bytes of emptyContent(storeIdOf(clusterId))) yield { kind: STORAGE_KIND, bytes };
}
