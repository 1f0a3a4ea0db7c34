import { Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import { anonymous, type Authenticator, type Authorizer } from "@trellis/authz";
import demo from "@trellis/demo";
import type { Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { ResourceService } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { createRegistry } from "@trellis/registry";
import { type Clock, STORE_HEADER, systemClock, VERSION_HEADER } from "@trellis/resource";
import { createResourceService, type ResourceServiceConfig } from "@trellis/resource-service";
import { createServer, silentLog } from "@trellis/server";
import { createMemoryBackend } from "@trellis/storage-memory";
import { seededRandom } from "@trellis/testing";

import { albumId } from "./album.ts";

/** An answer, read whole. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as JSON; undefined without a body. */
  // oxlint-disable-next-line no-explicit-any -- tests look into it freely
  readonly json: any;
}

/** The demo types behind a listener of the loopback, for callers with three tokens: `writer`, `reader`, `nobody`. */
export interface AlbumServer {
  readonly url: string;
  /** Sends a body of text or bytes as it is, any other as JSON. */
  send(method: string, path: string, options?: SendOptions): Promise<HttpAnswer>;
  /** What the service has under the name of an album; asked within the process, past the network and all rights. */
  read(name: string): Promise<Resource | undefined>;
  stop(): Promise<void>;
}

/** What a request carries. */
export interface SendOptions {
  readonly body?: unknown;
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const SEED = 1;
const RIGHTS: Readonly<Record<string, readonly string[]>> = {
  writer: ["read", "list", "write"],
  reader: ["read", "list"],
};

const byToken: Authenticator = {
  authenticate: (headers) => ({
    ...anonymous,
    name: headers.get("authorization")?.replace(/^Bearer /, "") ?? "writer",
  }),
};

const byRights: Authorizer = {
  decide: ({ identity, verb }) =>
    RIGHTS[identity.name]?.includes(verb) === true
      ? { decision: "allow" }
      : { decision: "deny", reason: `lacks permission to ${verb}` },
};

/** Starts the server on a free port. */
export async function startAlbumServer(
  config: ResourceServiceConfig = {},
  {
    clock = systemClock,
    corsOrigins,
  }: { readonly clock?: Clock; readonly corsOrigins?: readonly string[] } = {},
): Promise<AlbumServer> {
  const random = seededRandom(SEED);
  const backend = createMemoryBackend({ clock, random });
  const deps = { registry: createRegistry([demo]), backend, clock, random };
  const part = createResourceService({ ...deps, authenticator: byToken, authorizer: byRights }, config);
  const server = createServer({
    parts: [part],
    config: { listen: { host: "127.0.0.1", port: 0 }, corsOrigins },
    log: silentLog,
    clock: systemClock,
    commonHeaders() {
      const { storeId, version } = backend.position();
      return { [STORE_HEADER]: storeId, [VERSION_HEADER]: String(version) };
    },
  });
  const { url } = await server.start();
  const inside = createClient(
    ResourceService,
    createRouterTransport(createResourceService(deps).routes.connect),
  );
  return {
    url,
    send: (method, path, options = {}) => send(method, url + path, options),
    async read(name) {
      try {
        return (await inside.read({ id: albumId(name) })).resource;
      } catch (error) {
        if (ConnectError.from(error).code === Code.NotFound) return undefined;
        throw error;
      }
    },
    async stop() {
      await server.stop();
      await backend.close();
    },
  };
}

async function send(method: string, url: string, { body, token, headers }: SendOptions): Promise<HttpAnswer> {
  const response = await fetch(url, {
    method,
    headers: {
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: encoded(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: text === "" ? undefined : JSON.parse(text),
  };
}

function encoded(body: unknown): string | Uint8Array<ArrayBuffer> {
  if (typeof body === "string") return body;
  return body instanceof Uint8Array ? Uint8Array.from(body) : JSON.stringify(body);
}
