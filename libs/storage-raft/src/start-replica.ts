import {
  createRaftNode,
  type DataDirectory,
  type NodeEvent,
  type PeerNetwork,
  type Random,
  type RaftNode,
  type RaftNodeConfig,
  type StateMachine,
} from "@trellis/raft-node";
import type { Clock } from "@trellis/resource";
import type { StoreLimits } from "@trellis/storage-memory";

import { createRaftBackend, type RaftBackend } from "./raft-backend.ts";
import { StorageMachine } from "./storage-machine.ts";

/** The highest feature level that this version of the storage supports. */
export const FEATURE_LEVEL = 1;

/** What a replica works with. */
export interface ReplicaDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** Calls back in the next turn of the event loop: `setImmediate`. */
  readonly nextTurn: (callback: () => void) => void;
  readonly data: DataDirectory;
  readonly network: PeerNetwork;
  readonly onEvent?: ((event: NodeEvent) => void) | undefined;
  /** Puts something around the state machine that the node drives, to look at what it does; nothing when left out. */
  readonly observe?: ((machine: StateMachine) => StateMachine) | undefined;
}

/** How a replica takes part, and what differs from the defaults of its store's bounds. */
export interface ReplicaConfig extends RaftNodeConfig {
  readonly limits?: Partial<StoreLimits> | undefined;
}

/** A replica of a store: the node, the state machine that it drives, and both as a backend. */
export interface Replica {
  readonly node: RaftNode;
  readonly machine: StorageMachine;
  readonly backend: RaftBackend;
  /** Ends watches and waits, then the node, in good order. */
  stop(): Promise<void>;
}

/** Starts a replica on what its directory holds. Rejects as `createRaftNode` does. */
export async function startReplica(
  { clock, random, nextTurn, data, network, onEvent, observe }: ReplicaDeps,
  { limits, ...config }: ReplicaConfig = {},
): Promise<Replica> {
  const machine = new StorageMachine({
    clock,
    limits,
    nextTurn: () => new Promise((resolve) => nextTurn(resolve)),
  });
  const node = await createRaftNode(
    {
      clock: {
        monotonic: () => clock.monotonic(),
        after: (delayMs, callback) => clock.after(delayMs, callback),
        nextTurn,
      },
      random,
      data,
      network,
      machines: [observe?.(machine) ?? machine],
      onEvent,
    },
    { featureLevel: FEATURE_LEVEL, ...config },
  );
  const backend = createRaftBackend({ node, machine, clock });
  return {
    node,
    machine,
    backend,
    async stop() {
      await backend.close();
      await node.stop();
    },
  };
}
