import type { ConnectRouter } from "@connectrpc/connect";
import { ClusterService } from "@trellis/protos/trellis/cluster/v1/cluster_pb.js";
import type { StoreLimits } from "@trellis/storage-memory";
import {
  clusterService,
  connectTo,
  directoryRefusal,
  type DirectoryFailure,
  type LocalStore,
  openDataDirectory,
  openLocalStore,
} from "@trellis/storage-raft";

import { BackendUrlError } from "./backend-url-error.ts";
import type { BackendDeps, OpenedBackend } from "./open-backend.ts";

/** Opens the store of one replica in a directory of this machine. Throws {@link BackendUrlError} with what is wrong with the directory. */
export async function openLocalReplica(
  deps: BackendDeps & { readonly nextTurn: (callback: () => void) => void },
  { directory, limits }: { readonly directory: string; readonly limits: Partial<StoreLimits> },
): Promise<OpenedBackend> {
  const { clock, random, nextTurn, onEvent, onFailure } = deps;
  let store: LocalStore;
  try {
    const data = await openDataDirectory(directory);
    store = await openLocalStore({ clock, random, nextTurn, data, onEvent }, { limits });
  } catch (error) {
    throw new BackendUrlError(directoryRefusal(directory, error as DirectoryFailure), { cause: error });
  }
  const { backend, node } = store;
  void node.stopped.then((failure) => {
    if (failure !== undefined) onFailure?.(failure);
  });
  return {
    capabilities: backend.capabilities,
    position: () => backend.position(),
    read: (key, options) => backend.read(key, options),
    readNow: (key, options) => backend.readNow(key, options),
    list: (query, options) => backend.list(query, options),
    commit: (operations, options) => backend.commit(operations, options),
    watch: (query, options) => backend.watch(query, options),
    close: () => store.close(),
    operatorRoutes: (router: ConnectRouter) => {
      const service = clusterService({
        clock,
        random,
        replica: () => store,
        connect: connectTo,
        pid: process.pid,
      });
      router.service(ClusterService, service);
    },
  };
}
