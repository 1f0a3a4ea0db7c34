import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, type HandlerContext } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { afterEach, describe, expect, it } from "@jest/globals";
import {
  type ExchangeRequest,
  ExchangeRequestSchema,
  type ExchangeResponseSchema,
  StorageService,
} from "@trellis/protos/trellis/storage/v1/storage_service_pb.js";
import { apiError } from "@trellis/resource";
import { streamingTransport, WideSessionManager } from "@trellis/resource/node";
import { enveloped, rawCall, type RawAnswer, type RawForm } from "@trellis/testkit";

import { deferred, eventually, startServer, stopServers, testPart } from "./test-support/test-server.ts";

afterEach(stopServers);

const EXCHANGE = `/${StorageService.typeName}/Exchange`;
const MAX_BYTES = 4_096;
/** A page that may not call is served like anybody else, without a word for its browser, and always by the library. */
const BY_THE_LIBRARY = { origin: "https://elsewhere.example" };

const form = (name: string, contentType: string): RawForm => ({
  name,
  http: 2,
  contentType,
  enveloped: true,
  json: false,
});
const FORMS = [
  form("Connect", "application/connect+proto"),
  form("gRPC", "application/grpc"),
  form("gRPC+proto", "application/grpc+proto"),
].map((one) => [one.name, one] as const);

type Answer = MessageInitShape<typeof ExchangeResponseSchema>;
type Requests = AsyncIterable<ExchangeRequest>;
type Behaviour = (requests: Requests, context: HandlerContext) => AsyncIterable<Answer>;

const answer = (name: string): Answer => ({ status: { name } });
const request = (client: string): Uint8Array =>
  toBinary(ExchangeRequestSchema, create(ExchangeRequestSchema, { hello: { client } }));
const all = (...clients: readonly string[]): Uint8Array =>
  Buffer.concat(clients.map((client) => enveloped(request(client))));
const ended = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener("abort", () => resolve()));

async function* echo(requests: Requests): AsyncGenerator<Answer> {
  for await (const { hello } of requests) yield answer(`${hello?.client}!`);
}

const BEHAVIOURS: Readonly<Record<string, Behaviour>> = {
  "answers each": echo,
  async *"answers the first, and leaves the rest"(requests) {
    for await (const { hello } of requests) {
      yield answer(hello?.client ?? "");
      return;
    }
  },
  async *"asks nothing and answers nothing"() {},
  async *"answers without having asked"() {
    yield answer("1");
    yield answer("2");
  },
  async *"catches what is wrong with its requests"(requests) {
    let asked = 0;
    try {
      for await (const _ of requests) asked++;
      yield answer(`${asked} of them`);
    } catch (error) {
      yield answer(
        `${asked}, then ${Code[ConnectError.from(error).code]} ${ConnectError.from(error).rawMessage}`,
      );
    }
  },
  async *"asks again after it wanted no more"(requests) {
    const messages = requests[Symbol.asyncIterator]();
    const { value } = await messages.next();
    await messages.return?.();
    yield answer(`${value?.hello?.client}, then ${(await messages.next()).value?.hello?.client}`);
  },
  async *"sets headers and trailers"(requests, { responseHeader, responseTrailer }) {
    responseHeader.set("x-answer", "1");
    yield* echo(requests);
    responseTrailer.set("x-trailer", "2");
  },
  async *"says what it is called with"(_, context) {
    const { method, service, protocolName, requestMethod, url } = context;
    yield answer(
      JSON.stringify([method.name, service.typeName, protocolName, requestMethod, url, context.timeoutMs()]),
    );
  },
  "is no generator": (requests) => ({ [Symbol.asyncIterator]: () => echo(requests) }),
  "throws where it is called"() {
    throw new ConnectError("not now", Code.Unavailable);
  },
  async *"fails at once"(_, { responseHeader }) {
    responseHeader.set("x-answer", "1");
    yield* fail();
  },
  async *"fails after the first"(requests, { responseTrailer }) {
    for await (const { hello } of requests) {
      yield answer(hello?.client ?? "");
      responseTrailer.set("x-trailer", "2");
      yield* fail();
    }
  },
  async *"fails with metadata"() {
    yield answer("1");
    throw new ConnectError("no", Code.FailedPrecondition, { "x-meta": "data" });
  },
  async *"fails at length"() {
    yield answer("1");
    throw apiError({ reason: "INVALID_REQUEST", message: "é".repeat(5_000) });
  },
  async *"has a defect"() {
    yield answer("1");
    throw new Error("secret");
  },
  async *"answers what cannot be written"() {
    yield answer("1");
    yield answer("\ud800");
  },
};

const AT_ITS_DEADLINE: typeof BEHAVIOURS = {
  async *"ends quietly"(_, { signal }) {
    yield answer("1");
    await ended(signal);
  },
  async *"throws its signal's reason"(_, { signal }) {
    yield answer("1");
    await ended(signal);
    throw signal.reason;
  },
};

function fail(): never[] {
  throw apiError({ reason: "HISTORY_GONE", message: "it is gone, résumé", metadata: { a: "b" } });
}

async function serve(behave: Behaviour, options: Parameters<typeof startServer>[1] = {}) {
  const part = testPart({
    connect: (router) => router.service(StorageService, { exchange: behave }),
  });
  const limits = { maxRequestBytes: MAX_BYTES, ...options.limits };
  const started = await startServer([part], {
    corsOrigins: ["https://console.example"],
    commonHeaders: () => ({ "x-common": "1" }),
    ...options,
    limits,
  });
  return started;
}

async function bothWays(
  url: string,
  one: RawForm,
  body: Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): Promise<readonly [short: RawAnswer, library: RawAnswer]> {
  const call = { path: EXCHANGE, message: body, body };
  return [
    await rawCall(url, one, { ...call, headers }),
    await rawCall(url, one, { ...call, headers: { ...BY_THE_LIBRARY, ...headers } }),
  ];
}

describe.each(FORMS)("a stream of both sides, %s", (_, one) => {
  it.each(Object.keys(BEHAVIOURS))("is what the library makes of it when its method %s", async (name) => {
    const { url, log } = await serve(BEHAVIOURS[name] ?? echo);
    const [short, library] = await bothWays(url, one, all("one", "", "three"));
    expect(short).toEqual(library);
    expect(short.headers).toMatchObject({ "x-common": "1" });
    const [first, second, ...others] = log.lines.map(({ message }) => message);
    expect([second, others]).toEqual([first, []]);
  });

  it.each([
    ["nothing", Buffer.alloc(0)],
    ["an envelope that is cut in its head", enveloped(Buffer.from("abc")).subarray(0, 3)],
    ["an envelope that is cut", enveloped(request("abc")).subarray(0, 8)],
    ["one that is cut after another", Buffer.concat([all("one"), enveloped(request("two")).subarray(0, 8)])],
    ["what is no message", enveloped(Buffer.from("\xff\xff", "latin1"))],
    ["no message after another", Buffer.concat([all("one"), enveloped(Buffer.from("\xff", "latin1"))])],
    ["a message that says that it is compressed", enveloped(request("one"), 1)],
    ["a message with a flag of no meaning", enveloped(request("one"), 4)],
    ["a message with the flag of the end", enveloped(request("one"), 2)],
    [
      "one with the flag of the end between others",
      Buffer.concat([all("one"), enveloped(request("two"), 2), all("three")]),
    ],
    ["a message that is as large as may be", enveloped(request("x".repeat(MAX_BYTES - 6)))],
    ["a message that is too large", enveloped(request("x".repeat(MAX_BYTES)))],
    [
      "one that is too large after another",
      Buffer.concat([all("one"), enveloped(Buffer.alloc(MAX_BYTES + 1))]),
    ],
  ])("is taken or refused as the library does for %s", async (_what, body) => {
    for (const name of ["answers each", "catches what is wrong with its requests"]) {
      const { url } = await serve(BEHAVIOURS[name] ?? echo);
      const [short, library] = await bothWays(url, one, body);
      expect(short).toEqual(library);
    }
  });

  it.each([
    ["what is no message", enveloped(Buffer.from("\xff", "latin1"))],
    // A body that says that it is larger than that is the library's: this one is not.
    ["one that says that it is too large", enveloped(Buffer.alloc(MAX_BYTES + 1)).subarray(0, 5)],
    ["one that says that it is compressed", enveloped(request("two"), 1)],
  ])("gives nothing more to who asks again after %s", async (_what, wrong) => {
    const { url } = await serve(async function* (requests) {
      const messages = requests[Symbol.asyncIterator]();
      const seen = [requests.constructor.name];
      for (let asked = 0; asked < 6; asked++) {
        const next = await messages.next().catch(() => undefined);
        if (next !== undefined) seen.push(next.done === true ? "end" : (next.value.hello?.client ?? ""));
      }
      yield answer(seen.join());
    });
    const { body } = await rawCall(url, one, {
      path: EXCHANGE,
      message: Buffer.alloc(0),
      body: Buffer.concat([all("one"), wrong, all("three")]),
    });
    expect(Buffer.from(body, "hex").toString("latin1")).toContain("IncomingMessages,one,end,end,end,end");
  });

  it.each(Object.keys(AT_ITS_DEADLINE))(
    "ends at its deadline as the library's when its method %s",
    async (name) => {
      const { url } = await serve(AT_ITS_DEADLINE[name] ?? echo);
      const headers = one.contentType.includes("grpc")
        ? { "grpc-timeout": "40m" }
        : { "connect-timeout-ms": "40" };
      const [short, library] = await bothWays(url, one, all("one"), headers);
      expect(short).toEqual(library);
      const told = JSON.stringify(short.trailers) + Buffer.from(short.body, "hex").toString("latin1");
      expect(told).toMatch(/"grpc-status":"4"|deadline_exceeded/);
    },
  );

  it("takes the short way, but for who is a page or asks for what this way does not do", async () => {
    const ways: string[] = [];
    const { url } = await serve((requests) => {
      ways.push(requests.constructor.name);
      return echo(requests);
    });
    await bothWays(url, one, all("one"));
    expect(ways).toEqual(["IncomingMessages", "Object"]);
  });

  it("is compressed by the library for who asks for it", async () => {
    const { url } = await serve(() => echo(many(["x".repeat(3_000)])));
    const header = one.contentType.includes("grpc") ? "grpc-accept-encoding" : "connect-accept-encoding";
    const [short, library] = await bothWays(url, one, all("one"), { [header]: "gzip" });
    expect(short).toEqual(library);
    expect(short.body.length).toBeLessThan(3_000);
  });
});

async function* many(clients: Iterable<string>): AsyncGenerator<ExchangeRequest> {
  for (const client of clients) yield create(ExchangeRequestSchema, { hello: { client } });
}

const TRANSPORTS = [
  [
    "Connect of the library",
    (baseUrl: string) => createConnectTransport({ baseUrl, httpVersion: "2", acceptCompression: [] }),
  ],
  ["gRPC of the library", (baseUrl: string) => createGrpcTransport({ baseUrl, acceptCompression: [] })],
  [
    "gRPC of our own",
    (baseUrl: string) =>
      streamingTransport({
        baseUrl,
        sessions: new WideSessionManager(baseUrl),
        maxMessageBytes: 1024 * 1024,
      }),
  ],
] as const;

describe.each(TRANSPORTS)("a stream of both sides, called by %s", (_, transportOf) => {
  it("goes both ways at once, message by message, through pieces of any size", async () => {
    const { url } = await serve(echo, { limits: { maxRequestBytes: 1024 * 1024 } });
    const sizes = [0, 1, 100, 16_379, 16_384, 70_000, 3, 500_000, 2];
    const clients = sizes.map((size) => "x".repeat(size));
    const seen: string[] = [];
    const requests = async function* (): AsyncGenerator<ExchangeRequest> {
      for await (const one of many(clients)) {
        const before = seen.length;
        yield one;
        await eventually(() => expect(seen.length).toBe(before + 1));
      }
    };
    for await (const { status } of createClient(StorageService, transportOf(url)).exchange(requests()))
      seen.push(status?.name ?? "");
    expect(seen).toEqual(clients.map((client) => `${client}!`));
  });

  it.each([0, 1])("tells its method that its client has left, after %d answers", async (count) => {
    const begun = deferred();
    const left = deferred<unknown>();
    let isOver = false;
    const { url, server } = await serve(async function* (_requests, { signal }) {
      signal.addEventListener("abort", () => left.resolve(signal.reason));
      begun.resolve();
      try {
        if (count > 0) yield answer("1");
        await ended(signal);
      } finally {
        isOver = true;
      }
    });
    const leaving = new AbortController();
    const never = async function* (): AsyncGenerator<ExchangeRequest> {
      yield* many(["one"]);
      await ended(leaving.signal);
    };
    let seen = 0;
    const read = (async () => {
      const client = createClient(StorageService, transportOf(url));
      for await (const _ of client.exchange(never(), { signal: leaving.signal })) seen++;
    })();
    await Promise.all([begun.promise, eventually(() => expect(seen).toBe(count))]);
    leaving.abort();
    await expect(read).rejects.toMatchObject({ code: Code.Canceled });
    expect(await left.promise).toMatchObject({ code: Code.Canceled, rawMessage: "the client went away" });
    await eventually(() => expect([isOver, server.load().requests]).toEqual([true, 0]));
  });

  it("asks for no more than is answered while its client takes no answers", async () => {
    let asked = 0;
    const { url } = await serve(
      async function* (requests) {
        for await (const _ of requests) {
          asked++;
          yield answer("x".repeat(200_000));
        }
      },
      { limits: { maxRequestBytes: 1024 * 1024 } },
    );
    const transport = transportOf(url);
    const leaving = new AbortController();
    const requests = many(Array.from({ length: 1_000 }, () => "y".repeat(10_000)));
    const stream = createClient(StorageService, transport).exchange(requests, { signal: leaving.signal });
    const answers = stream[Symbol.asyncIterator]();
    await answers.next();
    let last = -1;
    await eventually(() => {
      const before = last;
      last = asked;
      expect(asked).toBe(before);
    });
    // The windows of HTTP/2, and what the buffers at both ends take.
    expect(asked).toBeLessThan(40);
    for (let taken = 1; taken < 60; taken++) await answers.next();
    expect(asked).toBeGreaterThanOrEqual(60);
    leaving.abort();
    await expect(answers.next()).rejects.toMatchObject({ code: Code.Canceled });
  });
});

it("a stream of both sides is read as the library reads it, whatever it holds that is not known", async () => {
  const { url } = await serve(echo);
  const [, grpc] = FORMS[1] ?? [];
  if (grpc === undefined) throw new Error("no gRPC");
  const strange = Buffer.concat([request("one"), Buffer.from([0xf8, 0x07, 1])]);
  const [short, library] = await bothWays(url, grpc, enveloped(strange));
  expect(short).toEqual(library);
  expect(fromBinary(ExchangeRequestSchema, strange).hello?.client).toBe("one");
});
