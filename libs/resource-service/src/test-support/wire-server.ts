import { createConnectTransport, createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import type { Transport } from "@connectrpc/connect";
import { afterEach } from "@jest/globals";
import { createClient } from "@trellis/client";
import { createRegistry } from "@trellis/registry";
import { STORE_HEADER, systemClock, VERSION_HEADER } from "@trellis/resource";
import { createServer, silentLog } from "@trellis/server";
import { createMemoryBackend } from "@trellis/storage-memory";
import { seededRandom, type TestServer, type TestServerOptions } from "@trellis/testing";

import { createResourceService } from "../resource-service.ts";

/** What a fixture needs of a server, wherever it runs. */
export type FixtureServer = Pick<TestServer, "client" | "transport" | "backend" | "registry" | "close">;

/** The protocol of a run over the wire. */
export type Wire = "connect" | "grpc";

/** The protocol of this run, which jest.config.js sets for a whole project; undefined in process. */
export const wire = (globalThis as { readonly trellisWire?: Wire }).trellisWire;

const SEED = 1;
const LIMITS = {
  /** Above every limit of the service, so that its own are the ones that a test meets. */
  maxRequestBytes: 64 * 1024 * 1024,
  /** How long a call that a test left open may hold up the end of its server. */
  graceMs: 500,
  /** The clock of a test may stand still. */
  lingerMs: 0,
};

const open = new Set<FixtureServer>();
// Tests leave servers that share a backend to the end of the process, which sockets would keep from coming.
if (wire !== undefined)
  afterEach(async () => void (await Promise.all([...open].map((server) => server.close()))));

/**
 * The resource service behind a real listener on the loopback, with HTTP/2 between it and its clients. It listens from the first call on. It has no
 * controllers.
 */
export function createWireServer(protocol: Wire, options: TestServerOptions): FixtureServer {
  const { domains, clock = systemClock, random = seededRandom(SEED), config } = options;
  const { authenticator, authorizer, tenancy } = options;
  const registry = createRegistry(domains);
  const backend = options.backend ?? createMemoryBackend({ clock, random });
  const deps = { registry, backend, authenticator, authorizer, tenancy, clock, random };
  const server = createServer({
    parts: [createResourceService(deps, config)],
    config: { listen: { host: "127.0.0.1", port: 0 }, limits: LIMITS },
    log: silentLog,
    clock,
    commonHeaders() {
      const { storeId, version } = backend.position();
      return { [STORE_HEADER]: storeId, [VERSION_HEADER]: String(version) };
    },
  });
  const closed = new AbortController();
  let listening: Promise<Transport> | undefined;
  const transport = lazily(() => (listening ??= server.start().then(({ url }) => connectTo(protocol, url))));
  const found: FixtureServer = {
    client: createClient({ transport, clock, random, signal: closed.signal }),
    transport,
    backend,
    registry,
    async close() {
      open.delete(found);
      closed.abort();
      if (listening !== undefined) {
        await listening;
        await server.stop();
      }
      await backend.close();
    },
  };
  open.add(found);
  return found;
}

function connectTo(protocol: Wire, url: string): Transport {
  const sessionManager = new Http2SessionManager(url);
  // As the clients of `@trellis/client` do; what is compressed, the protocol library serves.
  const options = { baseUrl: url, sessionManager, acceptCompression: [] };
  return protocol === "grpc"
    ? createGrpcTransport(options)
    : createConnectTransport({ ...options, httpVersion: "2" });
}

function lazily(connect: () => Promise<Transport>): Transport {
  return {
    unary: async (...call) => await (await connect()).unary(...call),
    stream: async (...call) => await (await connect()).stream(...call),
  };
}
