import { create } from "@bufbuild/protobuf";
import { createClient, type Transport } from "@connectrpc/connect";
import {
  ReadResponseSchema,
  ResourceService,
  WriteResponseSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { errorReason } from "@trellis/resource";

import type { HttpRequest } from "../part.ts";
import { deferred, routesPart, startServer, testPart } from "./test-server.ts";

/** The largest request of these servers; three of {@link LARGE} fit beside each other in what is for large ones (three quarters of four times that). */
const MAX_BYTES = 64 * 1024;
export const LARGE = 60_000;
/** A bound on what is held that four of the largest requests reach. */
const LIMITS = { maxRequestBytes: MAX_BYTES, maxHeldBytes: 4 * MAX_BYTES, pingIntervalMs: 1e9 };

/** Sends one request of about so many bytes; what became of it: `done`, or the reason of the refusal. */
export type Send = (url: string, bytes: number) => Promise<string>;

/** A server whose handlers keep large requests until they are released, and answer small ones at once. */
export async function startHolding(options: Pick<Parameters<typeof startServer>[1] & object, "clock"> = {}) {
  let gate = deferred();
  let waiting = 0;
  const hold = async (bytes: number): Promise<void> => {
    if (bytes < LARGE) return;
    waiting++;
    await gate.promise;
    waiting--;
  };
  const service = testPart({
    connect: (router) =>
      router.service(ResourceService, {
        write: async ({ resource }) => {
          await hold(resource?.id?.name.length ?? 0);
          return create(WriteResponseSchema);
        },
        read: async ({ id }) => {
          await hold(id?.name.length ?? 0);
          if (id?.name !== "") throw new Error("a defect");
          return create(ReadResponseSchema);
        },
        watchList: async function* ({ namePrefix }) {
          await hold(namePrefix.length);
          yield {};
        },
      }),
  });
  const put = async (request: HttpRequest) => {
    const { byteLength } = await request.body();
    await hold(byteLength);
    return { status: 200 };
  };
  const started = await startServer([service, routesPart({ "/put": put })], { ...options, limits: LIMITS });
  return {
    ...started,
    waiting: () => waiting,
    release() {
      gate.resolve();
      gate = deferred();
    },
  };
}

/** Sends writes by a client of an RPC protocol. */
export function writesBy(transport: (url: string) => Transport): Send {
  return async (url, bytes) =>
    await createClient(ResourceService, transport(url))
      .write({ resource: { id: { name: "x".repeat(bytes) } } })
      .then(() => "done", reasonOf);
}

/** Sends a body to the plain route. */
export function puts(headers: Readonly<Record<string, string>> = {}, encode = identity): Send {
  return async (url, bytes) => {
    const body = encode(Buffer.alloc(bytes, "x"));
    const answer = await fetch(`${url}/put`, { method: "PUT", headers, body: new Uint8Array(body) });
    if (answer.ok) return "done";
    const problem = (await answer.json()) as { readonly reason: string };
    return `${problem.reason} ${answer.status} ${answer.headers.get("retry-after")}`;
  };
}

function identity(bytes: Buffer): Buffer {
  return bytes;
}

/** The reason of a failure, or its text. */
export function reasonOf(error: unknown): string {
  return errorReason(error) ?? String(error);
}
