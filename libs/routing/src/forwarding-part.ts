import type { ConnectRouter } from "@connectrpc/connect";
import { EncodedStorageService, type NextTurn, storageRoutes } from "@trellis/storage/wire";

import type { RoutingDeps } from "./deps.ts";
import { createForwarder, type ForwarderConfig } from "./forwarder.ts";
import { createOperators } from "./operators.ts";

/** How long clients are given to hear that this server is about to stop, and to go elsewhere. */
const FAREWELL_MS = 50;

/** The storage service of a forwarder, and the cluster service passed on, as a part of a process. */
export interface ForwardingPart {
  readonly name: string;
  readonly routes: { readonly connect: (router: ConnectRouter) => void };
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Undefined while it knows a leader and a replica; otherwise what it waits for. */
  notReady(): string | undefined;
}

/** Serves the storage of a cluster to others. It may start before the cluster does. */
export function createForwardingPart(
  deps: RoutingDeps & { readonly nextTurn: NextTurn },
  config: ForwarderConfig,
): ForwardingPart {
  const { clock, nextTurn } = deps;
  const forwarder = createForwarder(deps, config);
  const { endpoint, status } = forwarder;
  const operators = createOperators(() => forwarder.reached());
  return {
    name: "forwarding",
    routes: {
      connect: (router) => {
        operators.routes(router);
        const routes = storageRoutes({ clock, nextTurn, endpoint: () => endpoint, status });
        router.service(EncodedStorageService, routes);
      },
    },
    start: async () => undefined,
    async stop() {
      forwarder.announceStop();
      await new Promise<void>((resolve) => {
        clock.after(FAREWELL_MS, resolve);
      });
      operators.close();
      await forwarder.close();
    },
    notReady() {
      const reason = forwarder.waitsFor();
      return reason === undefined ? undefined : `it waits for ${reason}`;
    },
  };
}
