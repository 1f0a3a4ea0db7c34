import { join } from "node:path";

import type { ConnectRouter } from "@connectrpc/connect";
import { ClusterService } from "@trellis/protos/trellis/cluster/v1/cluster_pb.js";
import type { StoreLimits } from "@trellis/storage-memory";
import {
  clusterService,
  connectTo,
  type LocalStore,
  openDataDirectory,
  openLocalStore,
} from "@trellis/storage-raft";

import { BackendUrlError } from "./backend-url-error.ts";
import { lockHolder } from "./lock-holder.ts";
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
    throw new BackendUrlError(refusal(directory, error as Failure), { cause: error });
  }
  const { backend, node } = store;
  void node.stopped.then((failure) => {
    if (failure !== undefined) onFailure?.(failure);
  });
  return {
    capabilities: backend.capabilities,
    position: () => backend.position(),
    read: (key, options) => backend.read(key, options),
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

/** A failure of the storage, or of the disk below it. */
interface Failure {
  readonly message: string;
  readonly code?: string;
  /** A file of the log, without its folder. */
  readonly file?: string;
}

const DISK_REASONS: Readonly<Record<string, string>> = {
  EEXIST: "is no directory; name one, or what is not there yet",
  ENOTDIR: "is below a file; name a directory, or what is not there yet",
  EACCES: "may not be used by this user; give it the rights, or name another directory",
  EPERM: "may not be used by this user; give it the rights, or name another directory",
  EROFS: "is on a disk that is only read; name another directory",
  ENOSPC: "is on a disk that is full; make room, or name another directory",
};

/** Why a directory was not opened, in one line. */
function refusal(directory: string, { message, code = "", file }: Failure): string {
  const reason = DISK_REASONS[code];
  if (reason !== undefined) return `${directory} ${reason}`;
  if (code === "locked") {
    const holder = lockHolder(join(directory, "LOCK"));
    const who = holder === undefined ? "" : `, process ${holder}`;
    return `${directory} is in use by another server${who}; stop that one first, or give this one another directory`;
  }
  const found = file === undefined ? message : message.replace(file, join(directory, "wal", file));
  return `${directory} cannot be opened: ${found}`;
}
