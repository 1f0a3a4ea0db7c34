import { connect as connectHttp2 } from "node:http2";

import { create, fromBinary, toBinary, toJsonString } from "@bufbuild/protobuf";
import { Code, ConnectError, type ConnectRouter, type HandlerContext } from "@connectrpc/connect";
import { afterEach, describe, expect, it } from "@jest/globals";
import {
  ReadRequestSchema,
  type ReadResponse,
  ReadResponseSchema,
  ResourceService,
  WriteResponseSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { apiError } from "@trellis/resource";
import {
  enveloped,
  eventually as within,
  freePorts,
  RAW_FORMS,
  type RawAnswer,
  rawCall,
  type RawCall,
  type RawForm,
} from "@trellis/testkit";

import type { RequestReader, Routes } from "../part.ts";
import { halfRequest } from "../test-support/half-request.ts";
import { connectTcp } from "../test-support/tcp-client.ts";
import {
  deferred,
  eventually,
  type RunningServer,
  startServer,
  stopServers,
  testPart,
} from "../test-support/test-server.ts";
import { PlainHeaders } from "./plain-headers.ts";

afterEach(stopServers);

/** A page that may not call is served like anybody else, without a word for its browser, and never by the lane. */
const BY_THE_LIBRARY = { origin: "https://elsewhere.example" };
const CORS_ORIGINS = ["https://console.example"];

const READ = `/${ResourceService.typeName}/Read`;
const MAX_BYTES = 4_096;

const answer = (name: string): ReadResponse =>
  create(ReadResponseSchema, { resource: { id: { name }, metadata: { a: "b" } } });

/** What the method does is the name that it is asked for. */
const BEHAVIOURS: Readonly<
  Record<string, (context: HandlerContext) => ReadResponse | Promise<ReadResponse>>
> = {
  answers: () => answer("it"),
  "answers nothing": () => create(ReadResponseSchema),
  "answers what is not whole": () => ({ resource: { id: { name: "it" } } }) as ReadResponse,
  "answers at length": () => answer("long ".repeat(400)),
  "answers what cannot be written": () => answer("\ud800"),
  "sets headers": ({ responseHeader, responseTrailer }) => {
    responseHeader.set("X-Answer", "1");
    responseHeader.append("x-answer", "2");
    responseHeader.set("trellis-store", "its own");
    responseTrailer.set("x-trailer", "3");
    return answer("it");
  },
  "echoes headers": ({ requestHeader, responseHeader }) => {
    for (const [name, value] of requestHeader) if (name.startsWith("x-")) responseHeader.set(name, value);
    responseHeader.set("x-pseudo", String([...requestHeader.keys()].filter((name) => name.startsWith(":"))));
    responseHeader.set("x-has", String([requestHeader.has("X-Two"), requestHeader.has("x-three")]));
    return answer("it");
  },
  "says what it is called with": (context) =>
    answer(
      JSON.stringify([
        context.method.name,
        context.service.typeName,
        context.protocolName,
        context.requestMethod,
        context.url,
        context.timeoutMs(),
        context.signal.aborted,
      ]),
    ),
  fails: () => {
    throw new ConnectError("no", Code.FailedPrecondition, { "x-meta": "data", "x-bin": "0" });
  },
  "fails after it set headers": ({ responseHeader, responseTrailer }) => {
    responseHeader.set("x-answer", "1");
    responseTrailer.set("x-trailer", "3");
    throw apiError({ reason: "RESOURCE_NOT_FOUND", message: "no such résumé", metadata: { a: "b" } });
  },
  "fails at length": () => {
    const violations = Array.from({ length: 200 }, (_, at) => ({
      field: `f${at}`,
      description: "x".repeat(100),
    }));
    throw apiError({ reason: "INVALID_REQUEST", message: "é".repeat(3_000), violations });
  },
  "fails without details": () => Promise.reject(new ConnectError("busy", Code.ResourceExhausted)),
  "has a defect": () => Promise.reject(new Error("secret")),
  "heeds its signal": ({ signal }) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error))),
  "does not heed its signal": () => new Promise(() => undefined),
};

/** How often the method was called by the lane, and by the protocol library. */
interface Callers {
  lane: number;
  library: number;
}

async function serve(
  options: Parameters<typeof startServer>[1] = {},
  requestReaders: Routes["requestReaders"] = new Map(),
): Promise<RunningServer & { readonly callers: Callers }> {
  const callers: Callers = { lane: 0, library: 0 };
  const connect = (router: ConnectRouter) =>
    router.service(ResourceService, {
      read: async ({ id }, context) => {
        callers[context.requestHeader instanceof PlainHeaders ? "lane" : "library"] += 1;
        const behave = BEHAVIOURS[id?.name ?? ""];
        return behave === undefined ? answer(id?.name.slice(0, 10) ?? "nobody") : await behave(context);
      },
      write: async () => create(WriteResponseSchema),
    });
  const part = testPart({ routes: { connect, requestReaders } });
  const limits = { maxRequestBytes: MAX_BYTES, ...options.limits };
  const commonHeaders = () => ({ "trellis-store": "the server's", "x-common": "1" });
  const started = await startServer([part], {
    corsOrigins: CORS_ORIGINS,
    commonHeaders,
    ...options,
    limits,
  });
  return { ...started, callers };
}

function request(form: RawForm, name: string): Uint8Array {
  const message = create(ReadRequestSchema, { id: { name } });
  return form.json
    ? Buffer.from(toJsonString(ReadRequestSchema, message))
    : toBinary(ReadRequestSchema, message);
}

/** The answers of the lane and of the library to one call. */
async function bothWays(
  url: string,
  form: RawForm,
  call: Omit<RawCall, "path">,
): Promise<readonly [lane: RawAnswer, library: RawAnswer]> {
  const path = READ;
  return [
    await rawCall(url, form, { path, ...call }),
    await rawCall(url, form, { path, ...call, headers: { ...BY_THE_LIBRARY, ...call.headers } }),
  ];
}

describe.each(RAW_FORMS.map((form) => [form.name, form] as const))("the fast lane, %s", (_, form) => {
  const never = ["heeds its signal", "does not heed its signal"];

  it.each(Object.keys(BEHAVIOURS).filter((name) => !never.includes(name)))(
    "answers as the library does when a method %s",
    async (name) => {
      const { url, callers, log } = await serve();
      const headers = { "x-one": "1", "x-two": "a, b" };
      const [lane, library] = await bothWays(url, form, { message: request(form, name), headers });
      expect(lane).toEqual(library);
      expect(callers).toEqual({ lane: 1, library: 1 });
      const [first, second, ...others] = log.lines.map(({ message }) => message);
      expect([second, others]).toEqual([first, []]);
    },
  );

  it.each([
    ["nothing", Buffer.alloc(0)],
    ["what is no message", Buffer.from("\xff\xff not a message", "latin1")],
    ["an envelope that is cut", enveloped(Buffer.from("abc")).subarray(0, 6)],
    ["an envelope that says too much", Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 1])],
    ["two messages", Buffer.concat([enveloped(Buffer.alloc(0)), enveloped(Buffer.alloc(0))])],
    ["a message that says that it is compressed", enveloped(Buffer.from("abc"), 1)],
    ["unknown fields", Buffer.from('{"id":{"name":"answers"},"unheard":{"of":1}}')],
    ["a value of a wrong type", Buffer.from('{"id":{"name":7}}')],
    ["a key twice", Buffer.from('{"id":{"name":"a"},"id":{"name":"b"}}')],
    ["a body that is too large", Buffer.alloc(MAX_BYTES + 6, "x")],
    ["a message that is too large", enveloped(Buffer.alloc(MAX_BYTES + 1, "x"))],
    ["a body that is much too large", Buffer.alloc(100_000, "x")],
  ])("answers as the library does to %s", async (_what, body) => {
    const { url, callers } = await serve();
    for (const chunked of [false, true]) {
      const [lane, library] = await bothWays(url, form, { message: body, body, chunked });
      expect(lane).toEqual(library);
    }
    // Of a message without fields nothing is all that there is.
    const isMessage = body.byteLength === 0 && !form.json && !form.enveloped;
    expect(callers).toEqual(isMessage ? { lane: 2, library: 2 } : { lane: 0, library: 0 });
  });

  it("asks a part to read its requests in binary, and the library where that fails", async () => {
    const asked: (string | undefined)[] = [];
    const reader: RequestReader = (bytes) => {
      const name = fromBinary(ReadRequestSchema, bytes).id?.name;
      asked.push(name);
      if (name === "throws") throw new RangeError("the reader's words");
      return name === "unsure" ? undefined : create(ReadRequestSchema, { id: { name: "read" } });
    };
    const { url, callers } = await serve({}, new Map([[ReadRequestSchema, reader]]));
    for (const name of ["sure", "unsure", "throws"]) {
      const { body } = await rawCall(url, form, { path: READ, message: request(form, name) });
      const expected = name === "sure" && !form.json ? "read" : name;
      expect(Buffer.from(body, "hex").toString()).toContain(expected);
    }
    expect(asked).toEqual(form.json ? [] : ["sure", "unsure", "throws"]);
    expect(callers).toEqual(form.json ? { lane: 3, library: 0 } : { lane: 2, library: 1 });
    // What is broken fails in the library's words.
    const [lane, library] = await bothWays(url, form, { message: Buffer.of(0x0a, 5, 1) });
    expect(lane).toEqual(library);
    expect(JSON.stringify(lane)).toMatch(/"status":400|"grpc-status":"3"/);
  });

  it("leaves to the library what says that it is compressed, and what has another message behind", async () => {
    if (!form.enveloped) return;
    const { url, callers } = await serve();
    const message = request(form, "answers");
    for (const body of [enveloped(message, 1), Buffer.concat([enveloped(message), enveloped(message)])]) {
      const [lane, library] = await bothWays(url, form, { message, body });
      expect(lane).toEqual(library);
    }
    expect(callers).toEqual({ lane: 0, library: 0 });
  });

  it("takes messages up to the limit", async () => {
    const { url, callers } = await serve();
    const padding = MAX_BYTES - request(form, "").byteLength - (form.json ? 12 : 0);
    const [lane, library] = await bothWays(url, form, {
      message: request(form, "x".repeat(padding - 200)),
      chunked: true,
    });
    expect(lane).toEqual(library);
    expect(callers).toEqual({ lane: 1, library: 1 });
  });

  it.each(["gzip", "br", "gzip, br", "deflate", "*", ""])(
    "compresses what is large as the library does for who accepts %j",
    async (accepted) => {
      const { url, callers } = await serve();
      const headers = { [form.enveloped ? "grpc-accept-encoding" : "accept-encoding"]: accepted };
      for (const name of ["answers", "answers at length"]) {
        const [lane, library] = await bothWays(url, form, { message: request(form, name), headers });
        expect(lane).toEqual(library);
      }
      expect(callers.lane).toBe(2);
    },
  );

  const timeout = (value: string) => ({ [form.enveloped ? "grpc-timeout" : "connect-timeout-ms"]: value });

  it.each(["heeds its signal", "does not heed its signal"])(
    "ends a call at its deadline when its method %s",
    async (name) => {
      const { url, callers } = await serve();
      const [lane, library] = await bothWays(url, form, {
        message: request(form, name),
        headers: timeout(form.enveloped ? "30m" : "30"),
      });
      expect(lane).toEqual(library);
      expect(JSON.stringify(lane)).toContain(form.enveloped ? '"grpc-status":"4"' : '"status":504');
      expect(callers).toEqual({ lane: 1, library: 1 });
    },
  );

  it.each(["soon", "-1", "1.5", "0", "99999999999"])(
    "refuses as the library does a timeout of %j",
    async (value) => {
      const { url } = await serve();
      const headers = timeout(form.enveloped ? `${value}S` : value);
      const [lane, library] = await bothWays(url, form, { message: request(form, "answers"), headers });
      expect(lane).toEqual(library);
    },
  );

  it("cuts a timeout to the longest that the server keeps", async () => {
    const { url, callers } = await serve({ limits: { maxTimeoutMs: 1_000 } });
    const headers = timeout(form.enveloped ? "99999999H" : "9999999999");
    const message = request(form, "says what it is called with");
    const lane = await rawCall(url, form, { path: READ, message, headers });
    const text = Buffer.from(lane.body, "hex").toString("latin1");
    const left = Number(/(\d+),false/.exec(text)?.[1]);
    expect(left).toBeGreaterThan(500);
    expect(left).toBeLessThanOrEqual(1_000);
    expect(callers.lane).toBe(1);
  });

  it("tells the method that its client went away", async () => {
    const gone = deferred<unknown>();
    const part = testPart({
      connect: (router) =>
        router.service(ResourceService, {
          read: (_request, { signal }) => {
            signal.addEventListener("abort", () => gone.resolve(signal.reason));
            return new Promise(() => undefined);
          },
        }),
    });
    const { url, port, server } = await startServer([part]);
    const body = Buffer.from(form.enveloped ? enveloped(request(form, "")) : request(form, ""));
    if (form.http === 1) {
      const client = await connectTcp(port);
      const head = `POST ${READ} HTTP/1.1\r\nhost: x\r\ncontent-type: ${form.contentType}\r\ncontent-length: ${body.length}\r\n\r\n`;
      client.send(head + body.toString("latin1"));
      await eventually(() => expect(server.load().requests).toBe(1));
      client.socket.destroy();
    } else {
      const session = connectHttp2(url);
      session.on("error", () => undefined);
      const stream = session.request({ ":method": "POST", ":path": READ, "content-type": form.contentType });
      stream.on("error", () => undefined);
      stream.end(body);
      await eventually(() => expect(server.load().requests).toBe(1));
      session.destroy();
    }
    expect(ConnectError.from(await gone.promise).code).toBe(Code.Canceled);
    // It does not heed its signal, and is waited for a moment.
    await eventually(() => expect(server.load().requests).toBe(0));
  });

  it("lets a call that is under way finish while the server stops", async () => {
    const release = deferred();
    const part = testPart({
      connect: (router) =>
        router.service(ResourceService, {
          read: async () => {
            await release.promise;
            return answer("it");
          },
        }),
    });
    const { url, server } = await startServer([part]);
    const called = rawCall(url, form, { path: READ, message: request(form, "") });
    await eventually(() => expect(server.load().requests).toBe(1));
    const stopped = server.stop();
    release.resolve();
    const { status, headers } = await called;
    expect([status, headers["connection"]]).toEqual([200, form.http === 1 ? "close" : undefined]);
    await stopped;
  });

  it("ends calls that take longer than the server waits for them", async () => {
    const { url, server } = await serve({ limits: { graceMs: 50 } });
    const message = request(form, "does not heed its signal");
    const called = rawCall(url, form, { path: READ, message }).catch(() => undefined);
    await eventually(() => expect(server.load().requests).toBe(1));
    await server.stop();
    expect((await called)?.body ?? "").toBe("");
  });
});

describe("the fast lane", () => {
  it("leaves a service to the library until its part has started", async () => {
    const [port] = await freePorts(1);
    const ready = deferred();
    const part = testPart({
      connect: (router) => router.service(ResourceService, { read: () => answer("it") }),
      start: () => ready.promise,
    });
    const starting = startServer([part], {}, port);
    const [form] = RAW_FORMS as readonly [RawForm];
    const call = { path: READ, message: request(form, "") };
    const early = await within(() => rawCall(`http://127.0.0.1:${port}`, form, call), 2_000);
    expect([early.status, Buffer.from(early.body, "hex").toString()]).toEqual([
      503,
      expect.stringContaining("is not served yet"),
    ]);
    ready.resolve();
    const { url } = await starting;
    expect((await rawCall(url, form, call)).status).toBe(200);
  });

  it("leaves pages of other origins to the library, which allows them", async () => {
    const { url, callers } = await serve();
    const form = RAW_FORMS[1] as RawForm;
    const headers = { origin: CORS_ORIGINS[0] ?? "" };
    const { headers: sent } = await rawCall(url, form, {
      path: READ,
      message: request(form, "answers"),
      headers,
    });
    expect(sent).toMatchObject({ "access-control-allow-origin": CORS_ORIGINS[0] });
    expect(callers).toEqual({ lane: 0, library: 1 });
  });

  it.each(["Connect", "gRPC"] as const)("gives up a body of %s that stops coming", async (over) => {
    const { url, server } = await serve({ limits: { bodyTimeoutMs: 50 } });
    const half = halfRequest(url, over, 20);
    half.send(Buffer.from("x"));
    expect(JSON.stringify(await half.answered)).toMatch(/504|"grpc-status":"4"/);
    half.cut();
    await eventually(() => expect(server.load().requests).toBe(0));
  });

  it.each(["Connect", "gRPC"] as const)("refuses a body of %s as soon as it is too large", async (over) => {
    const { url } = await serve();
    const half = halfRequest(url, over, 0);
    half.send(enveloped(Buffer.alloc(MAX_BYTES + 1, "x")));
    expect(JSON.stringify(await half.answered)).toMatch(/429|"grpc-status":"8"/);
    half.cut();
  });

  it("leaves to the library to refuse calls beyond those that may be under way", async () => {
    const release = deferred();
    const part = testPart({
      connect: (router) =>
        router.service(ResourceService, {
          read: async () => {
            await release.promise;
            return answer("it");
          },
        }),
    });
    const { url, server } = await startServer([part], { limits: { maxRequests: 1 } });
    const form = RAW_FORMS[3] as RawForm;
    const call = { path: READ, message: request(form, "") };
    const first = rawCall(url, form, call);
    await eventually(() => expect(server.load().requests).toBe(1));
    const second = await rawCall(url, form, call);
    expect(Buffer.from(second.body, "hex").toString()).toContain("1 requests are under way");
    release.resolve();
    expect((await first).status).toBe(200);
  });

  it("forgets a body whose client went away in the middle", async () => {
    const { url, server } = await serve();
    const half = halfRequest(url, "gRPC", 20);
    await eventually(() => expect(server.load().requests).toBe(1));
    half.cut();
    await eventually(() => expect(server.load().requests).toBe(0));
  });

  it("gives up an answer that nobody reads", async () => {
    const part = testPart({
      connect: (router) => router.service(ResourceService, { read: () => answer("x".repeat(5_000_000)) }),
    });
    const { port, server } = await startServer([part], { limits: { writeStallMs: 100 } });
    const client = await connectTcp(port);
    client.socket.pause();
    const body = '{"id":{}}';
    client.send(
      `POST ${READ} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    await eventually(() => expect(server.load().requests).toBe(1));
    await eventually(() => expect(server.load().requests).toBe(0));
    client.socket.destroy();
  });
});
