import { EncodedStorageService, storageRoutes } from "@trellis/storage/wire";
import { NodeStatusSource } from "@trellis/storage-raft";

import type { StartedReplica } from "../cluster/machine.ts";
import type { Listeners } from "../network/listeners.ts";

/** Serves the storage of a replica to routers, as a storage node does. */
export function serveStorage(
  listeners: Listeners,
  { machine, replica, process, clusterId }: StartedReplica,
): void {
  const status = new NodeStatusSource({ clock: process, name: machine.name });
  status.identify(replica.node.id, clusterId);
  status.follow(replica);
  const nextTurn = (callback: () => void): void => process.nextTurn(callback);
  const routes = storageRoutes({ clock: process, nextTurn, endpoint: () => replica.backend, status });
  listeners.listen(
    `${machine.name}:7511`,
    process,
    (router) => void router.service(EncodedStorageService, routes),
  );
}
