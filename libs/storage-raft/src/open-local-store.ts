import {
  createFormation,
  ensureIdentity,
  formCluster,
  type NodeEvent,
  type PeerNetwork,
  type RaftNode,
  RaftNodeError,
  type DataDirectory,
  type StateChunk,
} from "@trellis/raft-node";

import { STORAGE_KIND } from "./command.ts";
import type { RaftBackend } from "./raft-backend.ts";
import { emptyContent, storeIdOf } from "./snapshot/first-content.ts";
import { type ReplicaConfig, type ReplicaDeps, startReplica } from "./start-replica.ts";
import type { StorageMachine } from "./storage-machine.ts";

/** The first feature level: that of a new cluster. */
const FIRST_LEVEL = 1;

/** How often it is told how far a start has come. */
const PROGRESS_MS = 2_000;

/** What happens to a store of one replica that operators want to know of. */
export type LocalStoreEvent =
  | NodeEvent
  /** A start has applied its log up to an entry, and goes on to the last one before it serves. */
  | { readonly kind: "applying-log"; readonly applied: number; readonly last: number };

/** What a store of one replica works with. */
export interface LocalStoreDeps extends Omit<ReplicaDeps, "network" | "observe" | "onEvent"> {
  readonly onEvent?: ((event: LocalStoreEvent) => void) | undefined;
}

/** How a store of one replica is kept. */
export type LocalStoreConfig = ReplicaConfig;

/** A store of one replica: Raft of one, on this disk. */
export interface LocalStore {
  readonly backend: RaftBackend;
  readonly node: RaftNode;
  readonly machine: StorageMachine;
  /** Ends everything, in good order. */
  close(): Promise<void>;
}

/**
 * Opens the store in a directory; an empty one becomes a new store. Resolves when it can be written to. Rejects with `wrong-cluster` for a directory
 * of a member of a larger cluster, with `damaged` for one that has lost whose it is, with `no-space` when the disk has no room for what a start writes, with the log's `locked` for one that is open already, and as
 * `createRaftNode` does.
 */
export async function openLocalStore(
  deps: LocalStoreDeps,
  config: LocalStoreConfig = {},
): Promise<LocalStore> {
  const { data } = deps;
  // One opener: the log has a lock of its own, but who this node is is decided before it is opened.
  const lock = await data.identity.lock();
  try {
    await formAlone(deps);
    return await start(deps, config, () => lock.release());
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function formAlone({ data, random }: LocalStoreDeps): Promise<void> {
  const { nodeId, clusterId } = await ensureIdentity(data, random);
  if (clusterId !== undefined) return;
  const formation = createFormation([{ id: nodeId, name: "standalone", address: "" }], FIRST_LEVEL, random);
  await formCluster(data, formation, firstChunks, random);
}

/** What the state machines of a new cluster begin with; it follows from the cluster's id, so that all first members begin with the same. */
export async function* firstChunks({
  clusterId,
}: {
  readonly clusterId: string;
}): AsyncGenerator<StateChunk> {
  for await (const bytes of emptyContent(storeIdOf(clusterId))) yield { kind: STORAGE_KIND, bytes };
}

async function start(
  deps: LocalStoreDeps,
  config: LocalStoreConfig,
  release: () => Promise<void>,
): Promise<LocalStore> {
  const replica = await startReplica({ ...deps, network: nobody }, config);
  const { node, machine, backend } = replica;
  const close = async (): Promise<void> => {
    try {
      await replica.stop();
    } finally {
      await release();
    }
  };
  try {
    refuseCluster(deps.data, node);
    const stopTelling = tellProgress(deps, node);
    await leads(deps.data, node).finally(stopTelling);
    return { backend, node, machine, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Tells now and then how far the node has come, until the result is called: a long log takes its time. */
function tellProgress({ clock, onEvent }: LocalStoreDeps, node: RaftNode): () => void {
  const tell = (): void => {
    const { applied, lastIndex: last } = node.status();
    onEvent?.({ kind: "applying-log", applied, last });
    cancel = clock.after(PROGRESS_MS, tell);
  };
  let cancel = clock.after(PROGRESS_MS, tell);
  return () => cancel();
}

/** Resolves when the node leads and shows all that it had acknowledged. Rejects with `no-space` for want of room for the first entry of its term. */
async function leads(data: DataDirectory, node: RaftNode): Promise<void> {
  let stopListening = (): void => undefined;
  const isFull = new Promise<never>((_, reject) => {
    const look = (): void => {
      if (node.status().hasSpace) return;
      const message = `${data.description} has no room on its disk for the log and the next snapshot; free space, then start it again`;
      reject(new RaftNodeError("no-space", message));
    };
    stopListening = node.onChange(look);
    look();
  });
  try {
    await Promise.race([showsAll(node), isFull]);
  } finally {
    stopListening();
  }
}

/** Resolves when the node shows all that was acknowledged. A long log takes longer to apply than a read waits: it is asked again for as long as that goes on. */
async function showsAll(node: RaftNode): Promise<void> {
  for (let { applied } = node.status(); ;) {
    try {
      await node.confirmRead();
      return;
    } catch (error) {
      const now = node.status().applied;
      if (!RaftNodeError.is(error) || error.code !== "unavailable" || now <= applied) throw error;
      applied = now;
    }
  }
}

function refuseCluster(data: DataDirectory, node: RaftNode): void {
  const { members } = node.status();
  if (members.length === 1) return;
  throw new RaftNodeError(
    "wrong-cluster",
    `${data.description} belongs to one of ${members.length} members of cluster ${node.clusterId}; start it as a storage node`,
  );
}

/** The network of a node that is alone. */
const nobody: PeerNetwork = {
  start: () => undefined,
  setMembers: () => undefined,
  send: () => undefined,
  sendSnapshot: async () => {
    throw new RaftNodeError("unavailable", "there is no other member");
  },
  stop: async () => undefined,
};
