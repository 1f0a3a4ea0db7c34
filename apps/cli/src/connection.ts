import { type Client, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { Health } from "@trellis/protos/grpc/health/v1/health_pb";
import { ResourceService } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { TypeService } from "@trellis/protos/trellis/resource/v1/type_service_pb";

/** The services of one server, as their raw clients: the types of payloads are learned, not compiled in. */
export interface Connection {
  readonly server: string;
  readonly resources: Client<typeof ResourceService>;
  readonly types: Client<typeof TypeService>;
  readonly health: Client<typeof Health>;
  /** Ends the connection, and with it the process's reason to stay. */
  close(): void;
}

/** How long one call may take, in milliseconds. */
export const CALL_TIMEOUT_MS = 30_000;

/** Silence on an open connection after which the server is asked whether it is still there, in milliseconds. */
const PING_INTERVAL_MS = 15_000;

/** The connection over any transport, in-memory ones included. */
export function connectionOver(transport: Transport, server: string, close: () => void = () => undefined): Connection {
  return {
    server,
    resources: createClient(ResourceService, transport),
    types: createClient(TypeService, transport),
    health: createClient(Health, transport),
    close,
  };
}

/** Opens a connection over HTTP/2. Nothing is sent before the first call. */
export function openConnection(server: string): Connection {
  const sessionManager = new Http2SessionManager(server, { pingIntervalMs: PING_INTERVAL_MS });
  const transport = createConnectTransport({ baseUrl: server, httpVersion: "2", sessionManager });
  return connectionOver(transport, server, () => sessionManager.abort());
}
