import { createClient, createRouterTransport } from "@connectrpc/connect";
import demo from "@trellis/demo";
import { ResourceService } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { createRegistry } from "@trellis/registry";
import { systemClock } from "@trellis/resource";
import { createMemoryBackend } from "@trellis/storage-memory";

import type { ResourceServiceDeps } from "../environment.ts";
import { createResourceService } from "../resource-service.ts";
import type { RestResponse } from "../rest/http.ts";
import type { Rpc } from "./fixture.ts";

/** What a request carries beside its path. */
export interface RestInit {
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON, unless it is text or bytes; an error is what reading the body throws. */
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

/** An answer, read whole. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as JSON; undefined without a body. */
  // oxlint-disable-next-line no-explicit-any -- tests look into it freely
  readonly json: any;
}

/** The REST routes of a service in memory, without a server. */
export interface Rest {
  readonly rpc: Rpc;
  readonly backend: ReturnType<typeof createMemoryBackend>;
  /** Sends `GET /path`, and reads the answer. Paths are below `/api/demo`. */
  send(request: string, init?: RestInit): Promise<Answer>;
  /** Sends a request whose answer is a stream. */
  stream(request: string, init?: RestInit): Promise<RestResponse>;
  close(): Promise<void>;
}

/** Starts a service with the demo types. */
export function createRest(deps: Partial<ResourceServiceDeps> = {}): Rest {
  const backend = createMemoryBackend({ clock: systemClock, random: Math.random });
  const registry = createRegistry([demo]);
  const service = createResourceService({
    registry,
    backend,
    clock: systemClock,
    random: Math.random,
    ...deps,
  });
  const transport = createRouterTransport(service.routes.connect);
  const stream = async (request: string, { headers = {}, body, signal }: RestInit = {}) => {
    const [method = "", path = ""] = request.split(" ", 2);
    const route = service.routes.http.find(({ prefix }) => prefix === "/api/");
    if (route === undefined) throw new Error("there is no REST route");
    return await route.handle({
      method,
      url: new URL(`http://trellis.test/api/demo${path}`),
      headers: new Headers(headers),
      body: async () => {
        if (body instanceof Error) throw body;
        return bytesOf(body);
      },
      signal: signal ?? new AbortController().signal,
    });
  };
  return {
    rpc: createClient(ResourceService, transport),
    backend,
    stream,
    async send(request, init) {
      const { status, headers = {}, body = "" } = await stream(request, init);
      if (typeof body !== "string") throw new TypeError("expected a body of text");
      return {
        status,
        headers: new Headers(headers),
        text: body,
        json: body === "" ? undefined : JSON.parse(body),
      };
    },
    async close() {
      await service.stop();
      await backend.close();
    },
  };
}

function bytesOf(body: unknown): Uint8Array {
  if (body === undefined) return new Uint8Array();
  if (body instanceof Uint8Array) return body;
  return new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body));
}
