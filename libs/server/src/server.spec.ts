import { connect as connectHttp2 } from "node:http2";

import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, type HandlerContext } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { afterEach, describe, expect, it } from "@jest/globals";
import {
  Health,
  HealthCheckResponse_ServingStatus as Status,
} from "@trellis/protos/grpc/health/v1/health_pb";
import { ReadResponseSchema, ResourceService } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { errorApplied, errorReason, errorRetryAfterMs, systemClock } from "@trellis/resource";

import { createServer } from "./server.ts";
import { silentLog } from "./log.ts";
import { connectTcp } from "./test-support/tcp-client.ts";
import {
  deferred,
  eventually,
  routesPart,
  startServer,
  stopServers,
  testPart,
} from "./test-support/test-server.ts";

afterEach(stopServers);

const TRANSPORTS = [
  ["Connect", (url: string) => createConnectTransport({ baseUrl: url, httpVersion: "2" })],
  ["Connect over HTTP/1.1", (url: string) => createConnectTransport({ baseUrl: url, httpVersion: "1.1" })],
  ["gRPC", (url: string) => createGrpcTransport({ baseUrl: url })],
  ["gRPC-Web", (url: string) => createGrpcWebTransport({ baseUrl: url, httpVersion: "2" })],
] as const;

const never = new Promise<never>(() => undefined);

async function failureOf(call: Promise<unknown>): Promise<ConnectError> {
  const error: unknown = await call.then(
    () => new Error("the call succeeded"),
    (thrown: unknown) => thrown,
  );
  if (error instanceof ConnectError) return error;
  throw error;
}

async function drain(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream);
}

describe("starting", () => {
  it("starts the parts in order, and each serves once it has started", async () => {
    const order: string[] = [];
    const ready = deferred();
    const part = testPart({
      name: "slow",
      connect: (router) => router.service(ResourceService, { read: () => create(ReadResponseSchema) }),
      async start() {
        order.push("slow");
        await ready.promise;
      },
    });
    const last = testPart({ name: "last", start: async () => void order.push("last") });
    const server = createServer({
      parts: [part, last],
      config: { listen: { host: "127.0.0.1", port: 0 } },
      log: silentLog,
      clock: systemClock,
    });
    const started = server.start();
    await eventually(() => expect(order).toEqual(["slow"]));
    ready.resolve();
    const { url } = await started;
    expect(order).toEqual(["slow", "last"]);
    await createClient(ResourceService, createConnectTransport({ baseUrl: url, httpVersion: "1.1" })).read(
      {},
    );
    await server.stop();
  });

  it("stops everything again when a part fails to start, and throws what it threw", async () => {
    const stopped: string[] = [];
    const good = testPart({ name: "good", stop: async () => void stopped.push("good") });
    const bad = testPart({ name: "bad", start: () => Promise.reject(new Error("no disk")) });
    await expect(startServer([good, bad])).rejects.toThrow("no disk");
    expect(stopped).toContain("good");
  });

  it("refuses two parts that serve one method", () => {
    const part = testPart({ connect: (router) => router.service(ResourceService, {}) });
    expect(() =>
      createServer({
        parts: [part, part],
        config: { listen: { host: "127.0.0.1", port: 0 } },
        log: silentLog,
        clock: systemClock,
      }),
    ).toThrow(/two parts serve .*leave one out/);
  });
});

describe("readiness and health", () => {
  it("say what is waited for, and the service is not served meanwhile", async () => {
    let waiting: string | undefined = "no leader yet";
    const part = testPart({
      name: "storage",
      connect: (router) => router.service(ResourceService, {}),
      notReady: () => waiting,
    });
    const { url } = await startServer([part]);
    const health = createClient(Health, createGrpcTransport({ baseUrl: url }));
    const answer = await fetch(`${url}/readyz`);
    expect(answer.status).toBe(503);
    expect(await answer.json()).toEqual({
      status: "waiting",
      waiting: [{ part: "storage", reason: "no leader yet" }],
    });
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect((await health.check({})).status).toBe(Status.NOT_SERVING);
    expect((await health.check({ service: ResourceService.typeName })).status).toBe(Status.NOT_SERVING);
    waiting = undefined;
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    expect((await health.check({})).status).toBe(Status.SERVING);
  });
});

describe.each(TRANSPORTS)("errors over %s", (_, transport) => {
  const reader = async (read: () => Promise<never>) => {
    const started = await startServer([
      testPart({ connect: (router) => router.service(ResourceService, { read, write: read }) }),
    ]);
    return { ...started, client: createClient(ResourceService, transport(started.url)) };
  };

  it("tell of a defect that there is one, and the log has the rest", async () => {
    const { client, log } = await reader(() => Promise.reject(new Error("secret detail")));
    const error = await failureOf(client.read({}));
    expect([error.code, errorReason(error), errorApplied(error)]).toEqual([
      Code.Internal,
      "INTERNAL",
      undefined,
    ]);
    expect(error.message).not.toContain("secret");
    expect(errorApplied(await failureOf(client.write({})))).toBe("unknown");
    expect(log.lines.filter(({ level }) => level === "error")).toHaveLength(2);
  });

  it("end a call at its deadline, whatever its handler does, and say that the outcome is unknown", async () => {
    const { client, log } = await reader(() => never);
    // As headers, so that the client itself does not give up first.
    const headers = { "connect-timeout-ms": "40", "grpc-timeout": "40m" };
    const error = await failureOf(client.write({}, { headers }));
    expect([error.code, errorReason(error)]).toEqual([Code.DeadlineExceeded, "DEADLINE_EXCEEDED"]);
    expect(errorApplied(error)).toBe("unknown");
    expect(log.lines.filter(({ level }) => level === "error")).toEqual([]);
  });

  it("end a stream at its deadline, also when its handler then ends as if all were well", async () => {
    const watchList = async function* (_: unknown, { signal }: HandlerContext) {
      yield { version: "1" };
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    };
    const { url } = await startServer([
      testPart({ connect: (router) => router.service(ResourceService, { watchList }) }),
    ]);
    const headers = { "connect-timeout-ms": "40", "grpc-timeout": "40m" };
    const stream = createClient(ResourceService, transport(url)).watchList({}, { headers });
    const error = await failureOf(drain(stream));
    expect([error.code, errorReason(error)]).toEqual([Code.DeadlineExceeded, "DEADLINE_EXCEEDED"]);
  });
});

describe("plain routes", () => {
  it("answer a defect with 500, and the log has the rest, without the query", async () => {
    const { url, log } = await startServer([
      routesPart({ "/bad": () => Promise.reject(new Error("secret detail")) }),
    ]);
    const answer = await fetch(`${url}/bad?access_token=s3cret`);
    expect(answer.status).toBe(500);
    expect(await answer.text()).not.toContain("secret");
    expect(JSON.stringify(log.lines)).not.toContain("s3cret");
    expect(log.lines).toContainEqual(expect.objectContaining({ level: "error", message: "a route failed" }));
  });

  it("cut a stream that fails after it has begun", async () => {
    const failing = routesPart({
      "/bad": async () => ({
        status: 200,
        body: (async function* () {
          yield "begun";
          throw new Error("broken");
        })(),
      }),
    });
    const { url, server } = await startServer([failing]);
    const answer = await fetch(`${url}/bad`);
    await expect(answer.text()).rejects.toThrow();
    await eventually(() => expect(server.load().requests).toBe(0));
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  it("whose headers no protocol can carry fail alone", async () => {
    const bad = routesPart({ "/bad": async () => ({ status: 200, headers: { x: "a\nb" }, body: "x" }) });
    const { url } = await startServer([bad]);
    expect((await fetch(`${url}/bad`)).status).toBe(500);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  it("answer HEAD as GET without its body", async () => {
    const { url } = await startServer([]);
    const answer = await fetch(`${url}/healthz`, { method: "HEAD" });
    expect([answer.status, await answer.text()]).toEqual([200, ""]);
  });
});

describe("a HEAD of a stream", () => {
  it("ends the stream that nobody is going to read", async () => {
    let ended = 0;
    const body = (): AsyncIterable<string> => ({
      [Symbol.asyncIterator]: () => ({
        next: () => never,
        async return() {
          ended += 1;
          return { done: true, value: undefined };
        },
      }),
    });
    const { url } = await startServer([
      routesPart({ "/stream": async () => ({ status: 200, body: body() }) }),
    ]);
    const answer = await fetch(`${url}/stream`, { method: "HEAD" });
    expect([answer.status, await answer.text(), ended]).toEqual([200, "", 1]);
  });
});

describe("limits", () => {
  it("refuse requests beyond the most that may be under way, telling when to try again", async () => {
    const release = deferred();
    const part = routesPart({
      "/wait": async () => {
        await release.promise;
        return { status: 200 };
      },
    });
    const { url, server } = await startServer([part], { limits: { maxRequests: 1 } });
    const first = fetch(`${url}/wait`);
    await eventually(() => expect(server.load().requests).toBe(1));
    const second = await fetch(`${url}/wait`);
    expect([second.status, second.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(await second.json()).toMatchObject({ reason: "LIMIT_REACHED" });
    const client = createClient(ResourceService, createGrpcTransport({ baseUrl: url }));
    const error = await failureOf(client.read({}));
    expect([error.code, errorReason(error), errorRetryAfterMs(error)]).toEqual([
      Code.ResourceExhausted,
      "LIMIT_REACHED",
      1_000,
    ]);
    release.resolve();
    expect((await first).status).toBe(200);
  });

  it.each([
    ["application/json", "x".repeat(200_000)],
    ["application/grpc-web+proto", `\0\0\u0003\u000d\u0040${"x".repeat(200_000)}`],
  ])("refuse a body of %s that is too large, and the connection goes on", async (contentType, body) => {
    const part = testPart({ connect: (router) => router.service(ResourceService, {}) });
    const { port } = await startServer([part], { limits: { maxRequestBytes: 100 } });
    const client = await connectTcp(port);
    const head = `POST /${ResourceService.typeName}/Write HTTP/1.1\r\nhost: x\r\ncontent-type: ${contentType}\r\ncontent-length: ${body.length}\r\n\r\n`;
    client.send(head + body.slice(0, 1_000));
    await client.until("larger");
    client.send(`${body.slice(1_000)}GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n`);
    await client.until('{"status":"live"}');
    client.socket.destroy();
  });

  it("end a body that comes too slowly, with an answer, and free the connection", async () => {
    const part = routesPart({ "/put": async (request) => ({ status: 200, body: await request.body() }) });
    const { port, server } = await startServer([part], { limits: { bodyTimeoutMs: 50 } });
    const client = await connectTcp(port);
    client.send("PUT /put HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nslow");
    expect(await client.closed).toMatch(/^HTTP\/1\.1 504 [\s\S]*did not arrive within 50 ms/);
    await eventually(() => expect(server.load()).toEqual({ connections: 0, requests: 0 }));
  });

  it("end a head that comes too slowly", async () => {
    const { port } = await startServer([], { limits: { headersTimeoutMs: 50 } });
    const client = await connectTcp(port);
    client.send("GET /healthz HTTP/1.1\r\nho");
    expect(await client.closed).toMatch(/^HTTP\/1\.1 408 [\s\S]*DEADLINE_EXCEEDED/);
  });

  it("give a streamed answer in pieces that are larger than Node's buffer", async () => {
    const chunk = new Uint8Array(16 * 1024);
    let turns = 0;
    let inThisTurn = 0;
    let most = 0;
    const part = routesPart({
      "/many": async () => ({
        status: 200,
        body: (async function* () {
          for (let left = 100; left > 0; left--) {
            const turn = turns;
            setImmediate(() => {
              if (turn !== turns) return;
              turns += 1;
              inThisTurn = 0;
            });
            inThisTurn += 1;
            most = Math.max(most, inThisTurn);
            yield chunk;
          }
        })(),
      }),
    });
    const { url } = await startServer([part]);
    const session = connectHttp2(url);
    let length = 0;
    const stream = session.request({ ":path": "/many" });
    for await (const piece of stream) length += (piece as Buffer).length;
    session.close();
    expect(length).toBe(100 * chunk.length);
    // Node's buffer has 64 KiB; 256 KiB may be ahead of the network.
    expect(most).toBeGreaterThan(8);
    expect(most).toBeLessThan(40);
  });

  it("give up an answer that its client leaves unread", async () => {
    const part = routesPart({
      "/flood": async () => ({
        status: 200,
        body: (async function* () {
          for (;;) yield new Uint8Array(1024 * 1024);
        })(),
      }),
    });
    const { port, server } = await startServer([part], { limits: { writeStallMs: 50 } });
    const client = await connectTcp(port);
    client.socket.pause();
    client.send("GET /flood HTTP/1.1\r\nhost: x\r\n\r\n");
    await eventually(() => expect(server.load()).toEqual({ connections: 0, requests: 0 }));
    client.socket.destroy();
  });
});

describe("stopping", () => {
  it("lets a request under way finish, refuses new connections, and is harmless the second time", async () => {
    const release = deferred();
    const entered = deferred();
    const part = routesPart({
      "/wait": async () => {
        entered.resolve();
        await release.promise;
        return { status: 200, body: "done" };
      },
    });
    const { url, server } = await startServer([part]);
    const answer = fetch(`${url}/wait`);
    await entered.promise;
    const stopping = server.stop();
    expect(server.stop()).toBe(stopping);
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();
    release.resolve();
    expect(await (await answer).text()).toBe("done");
    await stopping;
    expect(server.load()).toEqual({ connections: 0, requests: 0 });
  });

  it("tells HTTP/1.1 clients to connect anew, from its beginning", async () => {
    const [entered, release, partStops] = [deferred(), deferred(), deferred()];
    const slow = testPart({ stop: () => partStops.promise });
    const part = routesPart({
      "/wait": async () => {
        entered.resolve();
        await release.promise;
        return { status: 200, body: "done" };
      },
    });
    const { port, server } = await startServer([part, slow]);
    const client = await connectTcp(port);
    client.send("GET /wait HTTP/1.1\r\nhost: x\r\n\r\n");
    await entered.promise;
    const stopped = server.stop();
    release.resolve();
    expect((await client.closed).toLowerCase()).toContain("connection: close");
    partStops.resolve();
    await stopped;
  });

  it("ends streams with their last word: health watches learn that it stops", async () => {
    const { url, server } = await startServer([]);
    const client = createClient(Health, createGrpcTransport({ baseUrl: url }));
    const seen: Status[] = [];
    for await (const { status } of client.watch({})) {
      seen.push(status);
      if (seen.length === 1) void server.stop();
    }
    expect(seen).toEqual([Status.SERVING, Status.NOT_SERVING]);
  });

  it("stops the parts in the opposite order, and goes on when one fails to", async () => {
    const order: string[] = [];
    const parts = ["first", "second", "third"].map((name) =>
      testPart({
        name,
        async stop() {
          order.push(name);
          if (name === "second") throw new Error("cannot stop");
        },
      }),
    );
    const { server, log } = await startServer(parts);
    await server.stop();
    expect(order).toEqual(["third", "second", "first"]);
    expect(log.lines).toContainEqual(
      expect.objectContaining({ level: "error", message: "a part did not stop cleanly" }),
    );
  });

  it("cuts what is left after the grace time, parts included", async () => {
    const entered = deferred();
    const stuck = testPart({ name: "stuck", stop: () => never });
    const waiting = routesPart({
      "/wait": () => {
        entered.resolve();
        return never;
      },
    });
    const { url, server, log } = await startServer([stuck, waiting], { limits: { graceMs: 50 } });
    const answer = fetch(`${url}/wait`).catch(() => "cut");
    await entered.promise;
    await server.stop();
    expect(await answer).toBe("cut");
    expect(server.load().connections).toBe(0);
    expect(log.lines).toContainEqual(
      expect.objectContaining({ level: "warn", message: "a part is still not stopped" }),
    );
  });

  it("tells HTTP/2 clients to go away, and closes what is idle at once", async () => {
    const { url, server } = await startServer([]);
    const session = connectHttp2(url);
    const goaway = new Promise((resolve) => session.once("goaway", resolve));
    const stream = session.request({ ":path": "/healthz" });
    await stream.resume().toArray();
    await server.stop();
    expect(await goaway).toBe(0);
  });
});
