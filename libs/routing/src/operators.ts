import type { ConnectRouter, Transport } from "@connectrpc/connect";
import { ClusterService } from "@trellis/protos/trellis/cluster/v1/cluster_pb.js";
import { clusterRelay, connectStorage, type StorageConnection } from "@trellis/storage/wire";

/** What operators ask of a cluster, passed on to one of its servers. */
export interface Operators {
  readonly routes: (router: ConnectRouter) => void;
  close(): void;
}

/** Operators ask seldom. */
const IDLE_MS = 10_000;

/** Passes the cluster service on to the server that `address` names at the moment, over a connection of its own that is opened when it is first needed. */
export function createOperators(
  address: () => string | undefined,
  connect: (address: string) => StorageConnection = (each) => connectStorage(each, { idleMs: IDLE_MS }),
): Operators {
  let open: { readonly address: string; readonly connection: StorageConnection } | undefined;
  const transport = (): Transport | undefined => {
    const wanted = address();
    if (wanted === undefined) return undefined;
    if (open?.address !== wanted) {
      open?.connection.close();
      open = { address: wanted, connection: connect(wanted) };
    }
    return open.connection.transport;
  };
  return {
    routes: (router) => {
      router.service(ClusterService, clusterRelay(transport));
    },
    close() {
      open?.connection.close();
      open = undefined;
    },
  };
}
