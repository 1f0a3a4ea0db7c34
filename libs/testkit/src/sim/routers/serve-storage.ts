import { EncodedStorageService, type LocalLinkDeps, storageRoutes } from "@trellis/storage/wire";
import { NodeStatusSource } from "@trellis/storage-raft";

import type { StartedReplica } from "../cluster/machine.ts";
import type { Listeners } from "../network/listeners.ts";

/** What is served, and at which address. */
export interface ServedStorage {
  readonly address: string;
  /** The same for who is in that process and needs no network. */
  readonly served: LocalLinkDeps;
}

/** Serves the storage of a replica to routers, as a storage node does. */
export function serveStorage(
  listeners: Listeners,
  { machine, replica, process, clusterId }: StartedReplica,
): ServedStorage {
  const status = new NodeStatusSource({ clock: process, name: machine.name });
  status.identify(replica.node.id, clusterId);
  status.follow(replica);
  const nextTurn = (callback: () => void): void => process.nextTurn(callback);
  const served = { clock: process, endpoint: () => replica.backend, status };
  const routes = storageRoutes({ ...served, nextTurn });
  const address = `${machine.name}:7511`;
  listeners.listen(address, process, (router) => void router.service(EncodedStorageService, routes));
  return { address, served };
}
