import { constants, createServer, type Http2Server, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";

import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, type ServiceImpl, type Transport } from "@connectrpc/connect";
import { connectNodeAdapter, createGrpcTransport } from "@connectrpc/connect-node";
import { afterEach, describe, expect, it } from "@jest/globals";
import {
  type ExchangeRequestSchema,
  ExchangeResponseSchema,
  StorageService,
} from "@trellis/protos/trellis/storage/v1/storage_service_pb.js";

import { apiError } from "../api-error.ts";
import { WideSessionManager } from "../node.ts";
import { ENVELOPE_BYTES, envelopeInPlace } from "./envelopes.ts";
import { streamingTransport } from "./streaming-transport.ts";

const MAX_BYTES = 1024 * 1024;

type Request = MessageInitShape<typeof ExchangeRequestSchema>;
type Exchange = ServiceImpl<typeof StorageService>["exchange"];

const ends: (() => void | Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

async function listening(server: Http2Server): Promise<string> {
  const sessions = new Set<{ destroy(): void }>();
  server.on("session", (session) => {
    session.on("error", () => undefined);
    sessions.add(session);
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  ends.push(async () => {
    for (const session of sessions) session.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A server of the library. */
async function served(exchange: Exchange): Promise<string> {
  const limits = { readMaxBytes: 4 * MAX_BYTES };
  const routes = connectNodeAdapter({
    routes: (router) => void router.service(StorageService, { exchange }, limits),
  });
  return await listening(createServer({}, routes));
}

/** A server that does what a test says with what is asked of it. */
async function raw(answer: (stream: ServerHttp2Stream) => void): Promise<string> {
  const server = createServer();
  server.on("stream", (stream) => {
    stream.on("error", () => undefined);
    stream.resume();
    answer(stream);
  });
  return await listening(server);
}

const OWN = (url: string): Transport => {
  const sessions = new WideSessionManager(url, { pingIntervalMs: 60_000 });
  ends.push(() => sessions.abort());
  return streamingTransport({ baseUrl: url, sessions, maxMessageBytes: MAX_BYTES });
};
const LIBRARY = (url: string): Transport => {
  const sessionManager = new WideSessionManager(url);
  ends.push(() => sessionManager.abort());
  return createGrpcTransport({
    baseUrl: url,
    sessionManager,
    acceptCompression: [],
    readMaxBytes: MAX_BYTES,
    writeMaxBytes: MAX_BYTES,
  });
};

const asked = (client: string): Request => ({ hello: { client } });

async function* asking(...clients: readonly string[]): AsyncGenerator<Request> {
  for (const client of clients) yield asked(client);
}

/** Requests of a client that has more to say, later. */
async function* andWaiting(...clients: readonly string[]): AsyncGenerator<Request> {
  yield* asking(...clients);
  await new Promise(() => undefined);
}

interface Outcome {
  readonly names: string[];
  readonly header?: string | null;
  readonly trailer?: string | null;
  readonly error?: readonly [code: string | undefined, message: string, details: number];
}

/** All that comes of a call. */
async function outcome(
  transport: Transport,
  requests: AsyncIterable<Request>,
  signal?: AbortSignal,
): Promise<Outcome> {
  const names: string[] = [];
  try {
    const { exchange } = StorageService.method;
    const call = await transport.stream(exchange, signal, undefined, { "x-own": "o" }, requests);
    for await (const { status } of call.message) names.push(status?.name ?? "");
    return { names, header: call.header.get("x-header"), trailer: call.trailer.get("x-trailer") };
  } catch (error) {
    const { code, rawMessage, details } = ConnectError.from(error);
    return { names, error: [Code[code], rawMessage, details.length] };
  }
}

function message(name: string, flags = 0): Buffer {
  const bytes = toBinary(ExchangeResponseSchema, create(ExchangeResponseSchema, { status: { name } }));
  return enveloped(bytes, flags);
}

function enveloped(bytes: Uint8Array, flags = 0): Buffer {
  const all = Buffer.alloc(ENVELOPE_BYTES + bytes.length);
  all.set(bytes, ENVELOPE_BYTES);
  envelopeInPlace(all);
  all[0] = flags;
  return all;
}

const HEAD = { ":status": 200, "content-type": "application/grpc+proto" };

/** Answers with a body and trailers. */
function answered(
  stream: ServerHttp2Stream,
  body: Uint8Array,
  trailers: Record<string, string> | undefined,
): void {
  stream.respond(HEAD, { waitForTrailers: trailers !== undefined });
  if (trailers !== undefined) stream.on("wantTrailers", () => stream.sendTrailers(trailers));
  stream.end(body);
}

const echo: Exchange = async function* (requests, { responseHeader, responseTrailer, requestHeader }) {
  responseHeader.set("x-header", `${requestHeader.get("x-own")}, ${requestHeader.get("te")}`);
  for await (const { hello } of requests) yield { status: { name: `${hello?.client}!` } };
  responseTrailer.set("x-trailer", "t");
};

describe("a call in which both sides stream, to a server of the library, ends as one of the library's", () => {
  it.each<[string, Exchange, () => AsyncIterable<Request>]>([
    ["that answers each", echo, () => asking("one", "", "x".repeat(300_000), "four")],
    ["that is asked nothing", echo, () => asking()],
    [
      "that answers the first and leaves the rest",
      async function* () {
        yield { status: { name: "1" } };
      },
      () => andWaiting("one", "two"),
    ],
    [
      "that fails at once",
      () => {
        throw new ConnectError("no, résumé", Code.FailedPrecondition);
      },
      () => andWaiting("one"),
    ],
    [
      "that fails later, with details",
      async function* () {
        yield { status: { name: "1" } };
        throw apiError({ reason: "HISTORY_GONE", message: "it is gone", metadata: { a: "b" } });
      },
      () => andWaiting("one"),
    ],
    [
      "that answers too much at once",
      async function* () {
        yield { status: { name: "1" } };
        yield { status: { name: "x".repeat(MAX_BYTES) } };
      },
      () => andWaiting("one"),
    ],
    ["that is asked too much at once", echo, () => andWaiting("x".repeat(MAX_BYTES))],
    [
      "that is asked what cannot be written",
      echo,
      async function* () {
        yield { hello: { nodeId: -1n } };
      },
    ],
    [
      "while its client fails to ask",
      echo,
      async function* () {
        yield* asking("one");
        throw new ConnectError("I have forgotten", Code.DataLoss);
      },
    ],
  ])("%s", async (_, exchange, requests) => {
    const url = await served(exchange);
    const own = await outcome(OWN(url), requests());
    expect(own).toEqual(await outcome(LIBRARY(url), requests()));
    expect(own.names.length + Number(own.error !== undefined) + Number(own.header !== undefined)).not.toBe(0);
  });

  it("which does not serve it", async () => {
    const server = createServer({}, connectNodeAdapter({ routes: () => undefined }));
    const url = await listening(server);
    const own = await outcome(OWN(url), andWaiting("one"));
    expect(own).toEqual(await outcome(LIBRARY(url), andWaiting("one")));
    expect(own.error?.[0]).toBe("Unimplemented");
  });

  it("which is not there", async () => {
    const url = await served(echo);
    await ends.splice(0, 1)[0]?.();
    const own = await outcome(OWN(url), andWaiting("one"));
    expect(own).toEqual(await outcome(LIBRARY(url), andWaiting("one")));
    expect(own.error?.[1]).toContain("ECONNREFUSED");
  });
});

describe("a call in which both sides stream, to a server that breaks a rule, fails as one of the library's", () => {
  it.each<[string, (stream: ServerHttp2Stream) => void]>([
    [
      "with a message cut in its middle",
      (stream) => answered(stream, message("one").subarray(0, 8), { "grpc-status": "0" }),
    ],
    [
      "with a message cut after another",
      (stream) =>
        answered(stream, Buffer.concat([message("one"), message("two").subarray(0, 3)]), {
          "grpc-status": "0",
        }),
    ],
    [
      "with what is no message",
      (stream) => answered(stream, enveloped(Buffer.of(0xff)), { "grpc-status": "0" }),
    ],
    ["with a compressed message", (stream) => answered(stream, message("one", 1), { "grpc-status": "0" })],
    ["with no status", (stream) => answered(stream, message("one"), { "x-trailer": "1" })],
    ["with no trailers", (stream) => answered(stream, message("one"), undefined)],
    ["with a status that is none", (stream) => answered(stream, message("one"), { "grpc-status": "99" })],
    [
      "with an error and no more",
      (stream) =>
        stream.respond({ ...HEAD, "grpc-status": "9", "grpc-message": "not%20so" }, { endStream: true }),
    ],
    [
      "with another kind of content",
      (stream) => stream.respond({ ":status": 200, "content-type": "text/html" }),
    ],
    ["with a status of HTTP", (stream) => stream.respond({ ":status": 503 }, { endStream: true })],
    [
      "with a compression that was not offered",
      (stream) => stream.respond({ ...HEAD, "grpc-encoding": "br" }),
    ],
  ])("%s", async (_, answer) => {
    const url = await raw(answer);
    const own = await outcome(OWN(url), andWaiting("one"));
    expect(own).toEqual(await outcome(LIBRARY(url), andWaiting("one")));
    expect(own.error).toBeDefined();
  });

  it.each([
    ["CANCEL", constants.NGHTTP2_CANCEL],
    ["REFUSED_STREAM", constants.NGHTTP2_REFUSED_STREAM],
    ["INTERNAL_ERROR", constants.NGHTTP2_INTERNAL_ERROR],
    ["ENHANCE_YOUR_CALM", constants.NGHTTP2_ENHANCE_YOUR_CALM],
    ["INADEQUATE_SECURITY", constants.NGHTTP2_INADEQUATE_SECURITY],
    ["HTTP_1_1_REQUIRED", constants.NGHTTP2_HTTP_1_1_REQUIRED],
  ])("that resets it with %s, before its answer or in it", async (name, resetCode) => {
    const early = await raw((stream) => stream.close(resetCode));
    const own = await outcome(OWN(early), andWaiting("one"));
    const library = await outcome(LIBRARY(early), andWaiting("one"));
    expect(own.error?.[0]).toBe(library.error?.[0]);
    expect(own.error?.[1]).toContain(name);
    const late = await raw((stream) => {
      stream.respond(HEAD);
      stream.write(message("one"), () => setTimeout(() => stream.close(resetCode), 20));
    });
    const ownLate = await outcome(OWN(late), andWaiting("one"));
    expect(ownLate).toEqual(await outcome(LIBRARY(late), andWaiting("one")));
    expect(ownLate).toMatchObject({ names: ["one"], error: expect.anything() });
  });

  it("that cuts the connection, before its answer or in it", async () => {
    for (const respond of [false, true]) {
      const url = await raw((stream) => {
        if (respond) {
          stream.respond(HEAD);
          stream.write(message("one"));
        }
        setTimeout(() => stream.session?.socket.destroy(), 20);
      });
      const { error } = await outcome(OWN(url), andWaiting("one"));
      expect(error).toBeDefined();
    }
  });
});

describe("a call in which both sides stream", () => {
  it("is given up by its signal, before it begins, before its answer, and in it", async () => {
    const url = await served(async function* (requests) {
      for await (const { hello } of requests) if (hello?.client !== "quiet") yield { status: { name: "1" } };
    });
    const transport = OWN(url);
    const why = new Error("enough");
    expect((await outcome(transport, andWaiting("one"), AbortSignal.abort(why))).error?.[0]).toBe("Canceled");
    for (const client of ["quiet", "loud"]) {
      const given = new AbortController();
      const call = outcome(transport, andWaiting(client), given.signal);
      setTimeout(() => given.abort(why), 50);
      const { names, error } = await call;
      expect([names.length, error?.[0]]).toEqual([client === "loud" ? 1 : 0, "Canceled"]);
    }
  });

  it("that is given up tells its server so", async () => {
    const reset = Promise.withResolvers<number | undefined>();
    const url = await raw((stream) => {
      stream.respond(HEAD);
      stream.on("close", () => reset.resolve(stream.rstCode));
    });
    const given = new AbortController();
    const call = outcome(OWN(url), andWaiting("one"), given.signal);
    setTimeout(() => given.abort(), 50);
    await call;
    expect(await reset.promise).toBe(constants.NGHTTP2_CANCEL);
  });

  it("asks for no more than a slow server takes", async () => {
    const waiting = Promise.withResolvers<void>();
    const url = await served(async function* (requests) {
      await waiting.promise;
      yield* echo(requests, undefined as never);
    });
    let made = 0;
    const requests = async function* (): AsyncGenerator<Request> {
      for (; made < 500; made++) yield asked("x".repeat(50_000));
    };
    const call = outcome(OWN(url), requests());
    await still(() => made);
    // A window of HTTP/2, and what the buffers take.
    expect(made).toBeLessThan(20);
    waiting.reject(new ConnectError("no", Code.Unavailable));
    expect((await call).error?.[0]).toBe("Unavailable");
  });

  it("takes no more than its reader, and then all, in its order", async () => {
    const COUNT = 3_000;
    let sent = 0;
    const url = await served(async function* () {
      for (; sent < COUNT; sent++) yield { status: { name: String(sent).padStart(2_000, "0") } };
    });
    const { exchange } = StorageService.method;
    const call = await OWN(url).stream(exchange, undefined, undefined, undefined, andWaiting("one"));
    const answers = call.message[Symbol.asyncIterator]();
    await answers.next();
    await still(() => sent);
    // The window of a stream is a megabyte.
    expect(sent).toBeLessThan(1_000);
    for (let at = 1; at < COUNT; at++) {
      const next = await answers.next();
      if (next.done === true) throw new Error(`expected ${COUNT} answers, found ${at}`);
      expect(Number(next.value.status?.name)).toBe(at);
    }
    expect((await answers.next()).done).toBe(true);
    expect((await answers.next()).done).toBe(true);
  });

  it("with a deadline is the library's", async () => {
    const url = await served(async function* (requests) {
      for await (const _ of requests) continue;
      yield* [];
    });
    const { exchange } = StorageService.method;
    const call = OWN(url).stream(exchange, undefined, 50, undefined, andWaiting("one"));
    await expect(call).rejects.toMatchObject({ code: Code.DeadlineExceeded });
  });
});

/** Resolves once a count has stayed the same for a while. */
async function still(count: () => number): Promise<void> {
  let last = -1;
  for (let rounds = 0; rounds < 10; rounds++) {
    if (count() !== last) rounds = 0;
    last = count();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
