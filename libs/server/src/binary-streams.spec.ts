import { create, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, type HandlerContext, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { afterEach, describe, expect, it } from "@jest/globals";
import {
  ResourceService,
  type WatchEvent,
  type WatchEvent_Delete_Reason,
  WatchEventSchema,
  WatchListRequestSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { apiError, batchedStream, type BatchSink } from "@trellis/resource";
import { enveloped, type RawAnswer, rawCall, type RawCall, type RawForm } from "@trellis/testkit";

import { deferred, eventually, startServer, stopServers, testPart } from "./test-support/test-server.ts";

afterEach(stopServers);

const WATCH = `/${ResourceService.typeName}/WatchList`;
const MAX_BYTES = 4_096;
/** A page that may not call is served like anybody else, without a word for its browser, and always by the library. */
const BY_THE_LIBRARY = { origin: "https://elsewhere.example" };
const CORS_ORIGINS = ["https://console.example"];

const form = (name: string, http: 1 | 2, contentType: string): RawForm => ({
  name,
  http,
  contentType,
  enveloped: true,
  json: false,
});
const FORMS = [
  form("Connect over HTTP/1.1", 1, "application/connect+proto"),
  form("Connect over HTTP/2", 2, "application/connect+proto"),
  form("gRPC", 2, "application/grpc"),
  form("gRPC+proto", 2, "application/grpc+proto"),
].map((one) => [one.name, one] as const);

/** An event of which the library makes no bytes: its reason is no integer. */
const UNWRITABLE = "unwritable";
const event = (version: string): WatchEvent =>
  version === UNWRITABLE
    ? create(WatchEventSchema, {
        event: { case: "delete", value: { reason: 0.5 as WatchEvent_Delete_Reason } },
      })
    : create(WatchEventSchema, { version });
const details = () =>
  apiError({ reason: "HISTORY_GONE", message: "it is gone, résumé", metadata: { a: "b" } });
const failing = (): WatchEvent[] => {
  throw details();
};
const ended = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener("abort", () => resolve()));

async function* nothing(): AsyncGenerator<WatchEvent> {}

/** Events that all calls share, by version. */
const shared = new Map<string, WatchEvent>();
function batches(
  versions: readonly (readonly string[])[],
  then: () => readonly WatchEvent[] | undefined = () => undefined,
): AsyncIterable<WatchEvent> {
  const left = [...versions];
  const eventOf = (version: string): WatchEvent => {
    const made = shared.get(version) ?? event(version);
    shared.set(version, made);
    return made;
  };
  return batchedStream({
    next: async () => left.shift()?.map(eventOf) ?? then(),
    return: async () => undefined,
  });
}

/** The same from a stream that gives its messages to a sink once it has one, and waits when that has enough. */
function flowing(versions: readonly (readonly string[])[], onEnough: () => void = () => undefined) {
  const left = versions.map((batch) => batch.map(event));
  let sink: BatchSink<WatchEvent> | undefined;
  return batchedStream<WatchEvent>({
    async next() {
      if (sink === undefined) return left.shift();
      for (let batch = left.shift(); batch !== undefined; batch = left.shift())
        if (!sink(batch)) {
          onEnough();
          return [];
        }
      return undefined;
    },
    return: async () => undefined,
    flowTo: (given) => void (sink = given),
  });
}

/** What the method does is the prefix that it is asked for. */
const BEHAVIOURS: Readonly<Record<string, (context: HandlerContext) => AsyncIterable<WatchEvent>>> = {
  async *answers() {
    for (const version of ["1", "2", "3"]) yield event(version);
  },
  async *"answers in several turns"() {
    for (let version = 0; version < 50; version++) {
      yield event(String(version));
      if (version % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  },
  async *"answers a lot"() {
    for (let version = 0; version < 300; version++) yield event(String(version).padStart(1_500, "0"));
  },
  "answers nothing": nothing,
  "answers in batches": () => batches([["1", "2"], ["3"], ["4", "5", "6"]]),
  "answers in batches of as many as another": () =>
    batches([
      ["7", "8", "9"],
      ["1", "2", "3"],
      ["3", "2", "1"],
    ]),
  "gives its batches by itself": () => flowing([["1"], ["2", "3"], ["4"]]),
  "gives by itself what cannot be written": () => flowing([["1"], ["2"], ["3", UNWRITABLE, "4"], ["5"]]),
  "answers in batches what cannot be written": () => batches([["1", "2", UNWRITABLE, "3"], ["4"]]),
  "answers in batches, the last of which fails": () => batches([["1", "2"]], failing),
  async *"answers what is not whole"() {
    yield { version: "1" } as WatchEvent;
  },
  async *"sets headers and trailers"({ responseHeader, responseTrailer }) {
    responseHeader.set("x-answer", "1");
    yield event("1");
    responseTrailer.set("x-trailer", "2");
  },
  async *"says what it is called with"(context) {
    const { method, service, protocolName, requestMethod, url } = context;
    yield event(
      JSON.stringify([method.name, service.typeName, protocolName, requestMethod, url, context.timeoutMs()]),
    );
  },
  async *"fails at once"({ responseHeader }) {
    responseHeader.set("x-answer", "1");
    yield* failing();
  },
  async *"fails later"({ responseTrailer }) {
    yield event("1");
    responseTrailer.set("x-trailer", "2");
    throw details();
  },
  async *"fails later with metadata"() {
    yield event("1");
    throw new ConnectError("no", Code.FailedPrecondition, { "x-meta": "data" });
  },
  async *"fails later without details"() {
    yield event("1");
    throw new ConnectError("busy", Code.ResourceExhausted);
  },
  async *"fails later at length"() {
    yield event("1");
    throw apiError({ reason: "INVALID_REQUEST", message: "é".repeat(5_000) });
  },
  async *"has a defect"() {
    yield event("1");
    throw new Error("secret");
  },
  async *"answers what cannot be written"() {
    yield event("1");
    yield event("\ud800");
  },
};

const AT_ITS_DEADLINE: typeof BEHAVIOURS = {
  async *"ends quietly"({ signal }) {
    yield event("1");
    await ended(signal);
  },
  async *"throws its signal's reason"({ signal }) {
    yield event("1");
    await ended(signal);
    throw signal.reason;
  },
  async *"has said nothing yet"({ signal }) {
    await ended(signal);
    yield* [];
  },
};

async function serve(options: Parameters<typeof startServer>[1] = {}) {
  const behaviours = { ...BEHAVIOURS, ...AT_ITS_DEADLINE };
  let calls = 0;
  const part = testPart({
    connect: (router) =>
      router.service(ResourceService, {
        watchList({ namePrefix }, context) {
          calls += 1;
          return behaviours[namePrefix]?.(context) ?? nothing();
        },
      }),
  });
  const limits = { maxRequestBytes: MAX_BYTES, ...options.limits };
  return {
    ...(await startServer([part], { corsOrigins: CORS_ORIGINS, ...options, limits })),
    calls: () => calls,
  };
}

const request = (namePrefix: string) =>
  toBinary(WatchListRequestSchema, create(WatchListRequestSchema, { namePrefix }));

async function bothWays(
  url: string,
  one: RawForm,
  call: Omit<RawCall, "path">,
): Promise<readonly [short: RawAnswer, library: RawAnswer]> {
  const path = WATCH;
  return [
    await rawCall(url, one, { path, ...call }),
    await rawCall(url, one, { path, ...call, headers: { ...BY_THE_LIBRARY, ...call.headers } }),
  ];
}

describe.each(FORMS)("a stream of protobuf, %s", (_, one) => {
  it.each(Object.keys(BEHAVIOURS))("is what the library makes of it when its method %s", async (name) => {
    const { url, calls, log } = await serve();
    const [short, library] = await bothWays(url, one, { message: request(name) });
    expect(short).toEqual(library);
    expect(calls()).toBe(2);
    const [first, second, ...others] = log.lines.map(({ message }) => message);
    expect([second, others]).toEqual([first, []]);
  });

  it("has its own messages where another had as many", async () => {
    const { url } = await serve();
    for (const name of [
      "answers in batches",
      "answers in batches of as many as another",
      "answers in batches",
    ]) {
      const [short, library] = await bothWays(url, one, { message: request(name) });
      expect(short).toEqual(library);
    }
  });

  it.each(Object.keys(AT_ITS_DEADLINE))(
    "ends at its deadline as the library's when its method %s",
    async (name) => {
      const { url } = await serve();
      const headers = one.contentType.includes("grpc")
        ? { "grpc-timeout": "40m" }
        : { "connect-timeout-ms": "40" };
      const [short, library] = await bothWays(url, one, { message: request(name), headers });
      expect(short).toEqual(library);
      const told = JSON.stringify(short.trailers) + Buffer.from(short.body, "hex").toString("latin1");
      expect(told).toMatch(/"grpc-status":"4"|deadline_exceeded/);
    },
  );

  it.each([
    ["nothing", Buffer.alloc(0)],
    ["an envelope that is cut", enveloped(Buffer.from("abc")).subarray(0, 6)],
    ["what is no message", enveloped(Buffer.from("\xff\xff", "latin1"))],
    ["two messages", Buffer.concat([enveloped(Buffer.alloc(0)), enveloped(Buffer.alloc(0))])],
    ["a message that says that it is compressed", enveloped(request("answers"), 1)],
    ["a message that is too large", enveloped(Buffer.alloc(MAX_BYTES + 1, "x"))],
  ])("is refused as the library does for %s", async (_what, body) => {
    const { url, calls } = await serve();
    const [short, library] = await bothWays(url, one, { message: body, body });
    expect(short).toEqual(library);
    expect(calls()).toBe(0);
  });

  it("is compressed by the library for who asks for it", async () => {
    const { url } = await serve();
    const header = one.contentType.includes("grpc") ? "grpc-accept-encoding" : "connect-accept-encoding";
    const headers = { [header]: "gzip" };
    const [short, library] = await bothWays(url, one, { message: request("answers a lot"), headers });
    expect(short).toEqual(library);
    expect(short.body.length).toBeLessThan(300 * 1_500);
  });
});

interface StreamTransport {
  readonly baseUrl: string;
  readonly acceptCompression?: [];
}

describe.each([
  ["Connect", (options: StreamTransport) => createConnectTransport({ ...options, httpVersion: "2" })],
  ["gRPC", (options: StreamTransport) => createGrpcTransport(options)],
] as const)("a stream over %s", (_, transportOf) => {
  const transport = (baseUrl: string): Transport => transportOf({ baseUrl });
  /** What the library has no part in. */
  const uncompressed = (baseUrl: string): Transport => transportOf({ baseUrl, acceptCompression: [] });

  it("ends its method when its client leaves", async () => {
    const left = deferred<unknown>();
    let isOver = false;
    const part = testPart({
      connect: (router) =>
        router.service(ResourceService, {
          async *watchList(_request, { signal }) {
            signal.addEventListener("abort", () => left.resolve(signal.reason));
            try {
              yield event("1");
              await ended(signal);
            } finally {
              isOver = true;
            }
          },
        }),
    });
    const { url, server } = await startServer([part]);
    const leaving = new AbortController();
    const stream = createClient(ResourceService, transport(url)).watchList({}, { signal: leaving.signal });
    const read = (async () => {
      for await (const _ of stream) leaving.abort();
    })();
    await expect(read).rejects.toThrow();
    expect(ConnectError.from(await left.promise).code).toBe(Code.Canceled);
    await eventually(() => expect([isOver, server.load().requests]).toEqual([true, 0]));
  });

  it("gives no more by itself than its client takes, and loses nothing", async () => {
    const versions = Array.from({ length: 1_000 }, (_, version) => String(version).padStart(1_500, "0"));
    let pauses = 0;
    const stream = flowing(
      versions.map((version) => [version]),
      () => (pauses += 1),
    );
    const part = testPart({
      connect: (router) => router.service(ResourceService, { watchList: () => stream }),
    });
    const { url } = await startServer([part]);
    const seen: string[] = [];
    for await (const { version } of createClient(ResourceService, uncompressed(url)).watchList({}))
      seen.push(version);
    expect(seen).toEqual(versions);
    expect(pauses).toBeGreaterThan(0);
  });

  it("has its last word when the server stops", async () => {
    const stopping = deferred();
    const part = testPart({
      connect: (router) =>
        router.service(ResourceService, {
          async *watchList() {
            yield event("1");
            await stopping.promise;
            yield event("the last");
            throw apiError({
              code: Code.Unavailable,
              reason: "SHUTTING_DOWN",
              message: "it stops",
              retryAfterMs: 1,
            });
          },
        }),
      stop: async () => stopping.resolve(),
    });
    const { url, server } = await startServer([part]);
    const seen: string[] = [];
    const read = (async () => {
      for await (const { version } of createClient(ResourceService, transport(url)).watchList({}))
        seen.push(version);
    })();
    const failed = expect(read).rejects.toMatchObject({ code: Code.Unavailable });
    await eventually(() => expect(seen).toEqual(["1"]));
    await server.stop();
    await failed;
    expect(seen).toEqual(["1", "the last"]);
  });
});
