import { type ConnectRouter, createRouterTransport, type Transport } from "@connectrpc/connect";
import { ClusterService } from "@trellis/protos/trellis/cluster/v1/cluster_pb";
import { systemClock } from "@trellis/resource";
import type { Operation } from "@trellis/storage";
import {
  clusterService,
  connectTo,
  type LocalStore,
  openDataDirectory,
  openLocalStore,
} from "@trellis/storage-raft";

/** A store on this machine's disk, with what operators ask of it behind a transport. */
export interface StoredServer {
  readonly store: LocalStore;
  readonly transport: Transport;
}

/** Opens the store in a directory. */
export async function openStoredServer(directory: string): Promise<StoredServer> {
  const nextTurn = (callback: () => void): void => void setImmediate(callback);
  const data = await openDataDirectory(directory);
  const store = await openLocalStore({ clock: systemClock, random: Math.random, nextTurn, data });
  const routes = (router: ConnectRouter): void => {
    const service = clusterService({
      clock: systemClock,
      random: Math.random,
      replica: () => store,
      connect: connectTo,
      pid: process.pid,
    });
    router.service(ClusterService, service);
  };
  return { store, transport: createRouterTransport(routes) };
}

/** Stores a resource of a type `test.KIND`, whose payload nobody reads. */
export function stored(kind: string, name: string, bytes = 10): Operation {
  const key = { group: "test", kind, partition: "default", namespace: "default", name };
  const record = {
    uid: "u",
    groupVersion: "v1",
    generation: "g",
    marked: false,
    bytes: new Uint8Array(bytes),
  };
  return { kind: "put", key, record, preconditions: [] };
}
