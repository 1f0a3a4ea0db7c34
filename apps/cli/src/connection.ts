import {
  createClient as createRpcClient,
  type Client as RpcClient,
  type Transport,
} from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { type Client, createClient } from "@trellis/client";
import { Health } from "@trellis/protos/grpc/health/v1/health_pb";
import { ClusterService } from "@trellis/protos/trellis/cluster/v1/cluster_pb";
import type { Clock } from "@trellis/resource";
import { WideSessionManager } from "@trellis/resource/node";

import { usageError } from "./errors.ts";
import { withSealedPayloads } from "./sealed-payloads.ts";

/** One server. Payloads stay `Any`, in watches sealed in another: their types are learned, not compiled in. */
export interface Connection {
  readonly server: string;
  readonly client: Client;
  readonly health: RpcClient<typeof Health>;
  /** What operators ask of the storage. */
  readonly cluster: RpcClient<typeof ClusterService>;
  /** Ends the connection, and with it the process's reason to stay. */
  close(): void;
}

/** How long one call may take, in milliseconds. */
export const CALL_TIMEOUT_MS = 30_000;

/** Tries of a call that may be repeated: someone waits at a terminal, so fewer than the SDK's own. */
const ATTEMPTS = 3;

/** Silence on an open connection after which the server is asked whether it is still there, in milliseconds. */
const PING_INTERVAL_MS = 15_000;

/** The connection over any transport, in-memory ones included. */
export function connectionOver(
  transport: Transport,
  server: string,
  clock: Clock,
  close: () => void = () => undefined,
): Connection {
  return {
    server,
    client: createClient({ transport: withSealedPayloads(transport), clock, attempts: ATTEMPTS }),
    health: createRpcClient(Health, transport),
    cluster: createRpcClient(ClusterService, transport),
    close,
  };
}

/** Opens a connection over HTTP/2. Nothing is sent before the first call. */
export function openConnection(server: string, clock: Clock): Connection {
  const sessionManager = new WideSessionManager(server, { pingIntervalMs: PING_INTERVAL_MS });
  const transport = createConnectTransport({ baseUrl: server, httpVersion: "2", sessionManager });
  return connectionOver(transport, server, clock, () => sessionManager.abort());
}

/** A server's URL without what can be left out, from what people type: `host:port` stands for `http://host:port`. Throws a usage error. */
export function serverUrl(text: string): string {
  const full = text.includes("://") ? text : `http://${text}`;
  const url = URL.canParse(full) ? new URL(full) : undefined;
  const known = url !== undefined && ["http:", "https:"].includes(url.protocol) && url.host !== "";
  const credentials = url !== undefined && url.username + url.password !== "";
  if (!known || credentials || url.pathname !== "/" || url.search !== "" || url.hash !== "") {
    throw usageError(
      `the server "${text}" is not an address`,
      "Give --server or TRELLIS_SERVER as http://HOST:PORT.",
    );
  }
  return url.origin;
}
