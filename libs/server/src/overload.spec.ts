import { gzipSync } from "node:zlib";

import { createClient } from "@connectrpc/connect";
import {
  compressionGzip,
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { afterEach, describe, expect, it } from "@jest/globals";
import { ResourceService } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { createVirtualClock } from "@trellis/testing";

import { LARGE, puts, reasonOf, type Send, startHolding, writesBy } from "./test-support/held-service.ts";
import { halfRequest } from "./test-support/half-request.ts";
import { FLAG, fields, frame, FRAME, preface } from "./test-support/http2-frames.ts";
import { connectTcp } from "./test-support/tcp-client.ts";
import { eventually, stopServers } from "./test-support/test-server.ts";

afterEach(stopServers);

type Holding = Awaited<ReturnType<typeof startHolding>>;

const compressed = { sendCompression: compressionGzip, compressMinBytes: 0 };
const PROTOCOLS: readonly (readonly [string, Send])[] = [
  ["Connect", writesBy((baseUrl) => createConnectTransport({ baseUrl, httpVersion: "2" }))],
  ["Connect in JSON over HTTP/1.1", writesBy((baseUrl) => jsonTransport(baseUrl))],
  ["gRPC", writesBy((baseUrl) => createGrpcTransport({ baseUrl }))],
  ["gRPC-Web", writesBy((baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "2" }))],
  ["plain HTTP", puts()],
  [
    "compressed Connect",
    writesBy((baseUrl) => createConnectTransport({ baseUrl, httpVersion: "2", ...compressed })),
  ],
  ["compressed gRPC", writesBy((baseUrl) => createGrpcTransport({ baseUrl, ...compressed }))],
  [
    "compressed gRPC-Web",
    writesBy((baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "2", ...compressed })),
  ],
  ["compressed plain HTTP", puts({ "content-encoding": "gzip" }, gzipSync)],
];

function jsonTransport(baseUrl: string) {
  return createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: false });
}

/** Has as many large requests in hand as fit. */
async function fill(server: Holding, send: Send): Promise<readonly Promise<string>[]> {
  const filling = [1, 2, 3].map(() => send(server.url, LARGE));
  await eventually(() => expect(server.waiting()).toBe(3));
  return filling;
}

/** Shows that all that was held was given back: as many large requests fit as in the beginning. */
async function expectRoom(server: Holding): Promise<void> {
  await eventually(() => expect([server.waiting(), server.server.load().requests]).toEqual([0, 0]));
  const filling = await fill(server, puts());
  server.release();
  expect(await Promise.all(filling)).toEqual(["done", "done", "done"]);
}

describe.each(PROTOCOLS)("while large requests fill a server over %s", (_, send) => {
  it("more are refused, small ones are served, and all are again once the others were answered", async () => {
    const server = await startHolding();
    const filling = await fill(server, send);
    expect(await send(server.url, LARGE)).toMatch(/^LIMIT_REACHED( 429 1)?$/);
    for (const [, honest] of PROTOCOLS) expect(await honest(server.url, 500)).toBe("done");
    server.release();
    expect(await Promise.all(filling)).toEqual(["done", "done", "done"]);
    await expectRoom(server);
  });
});

describe("the bytes of a request are given back", () => {
  const grpc = (url: string) => createClient(ResourceService, createGrpcTransport({ baseUrl: url }));
  const name = "x".repeat(LARGE);

  it("when others were refused", async () => {
    const server = await startHolding();
    const filling = await fill(server, puts());
    const others = PROTOCOLS.flatMap(([, send]) => [send(server.url, LARGE), send(server.url, LARGE)]);
    for (const end of await Promise.all(others)) expect(end).toMatch(/^LIMIT_REACHED/);
    server.release();
    await Promise.all(filling);
    await expectRoom(server);
  });

  it("when its handler fails", async () => {
    const server = await startHolding();
    const reads = [1, 2, 3].map(() => grpc(server.url).read({ id: { name } }).then(String, reasonOf));
    await eventually(() => expect(server.waiting()).toBe(3));
    server.release();
    expect(await Promise.all(reads)).toEqual(["INTERNAL", "INTERNAL", "INTERNAL"]);
    await expectRoom(server);
  });

  it("when it is no message", async () => {
    const server = await startHolding();
    const body = Buffer.alloc(LARGE, "x");
    const headers = { "content-type": "application/json" };
    const url = `${server.url}/${ResourceService.typeName}/Write`;
    for (let count = 0; count < 5; count++)
      expect((await fetch(url, { method: "POST", headers, body })).status).toBe(400);
    await expectRoom(server);
  });

  it("when its caller gives up while it is served", async () => {
    const server = await startHolding();
    const caller = new AbortController();
    const { signal } = caller;
    const writes = [1, 2, 3].map(() =>
      grpc(server.url)
        .write({ resource: { id: { name } } }, { signal })
        .then(String, reasonOf),
    );
    await eventually(() => expect(server.waiting()).toBe(3));
    caller.abort();
    await Promise.all(writes);
    await eventually(() => expect(server.server.load().requests).toBe(0));
    server.release();
    await expectRoom(server);
  });

  it("when its deadline passes while it is served", async () => {
    const server = await startHolding();
    // As a header, so that the client itself does not give up first.
    const headers = { "grpc-timeout": "400m" };
    const writes = [1, 2, 3].map(() =>
      grpc(server.url)
        .write({ resource: { id: { name } } }, { headers })
        .then(String, reasonOf),
    );
    await eventually(() => expect(server.waiting()).toBe(3));
    expect(new Set(await Promise.all(writes))).toEqual(new Set(["DEADLINE_EXCEEDED"]));
    server.release();
    await expectRoom(server);
  });

  it("when the stream that it asked for ends, and not before", async () => {
    const server = await startHolding();
    const watch = async () => {
      for await (const _ of grpc(server.url).watchList({ namePrefix: name }));
      return "done";
    };
    const filling = await fill(server, watch);
    expect(await puts()(server.url, LARGE)).toMatch(/^LIMIT_REACHED/);
    server.release();
    await Promise.all(filling);
    await expectRoom(server);
  });

  it.each(["the plain route", "Connect", "gRPC", "a stream of requests"] as const)(
    "when its client is cut off in its middle, over %s",
    async (over) => {
      const server = await startHolding();
      const halves = [1, 2, 3].map(() => halfRequest(server.url, over, LARGE));
      await expectFull(server);
      for (const half of halves) half.cut();
      await expectRoom(server);
    },
  );

  it("when its client resets it in its middle", async () => {
    const server = await startHolding();
    const head = fields([":method", "PUT"], [":scheme", "http"], [":authority", "x"], [":path", "/put"]);
    const half = frame(FRAME.headers, FLAG.endHeaders, 1, head);
    const data = frame(FRAME.data, 0, 1, "x".repeat(LARGE / 4));
    const clients = await Promise.all([1, 2, 3].map(() => connectTcp(server.port)));
    for (const client of clients) client.send(preface() + half + data.repeat(4));
    await expectFull(server);
    for (const client of clients) client.send(frame(FRAME.reset, 0, 1, "\0\0\0\b"));
    await expectRoom(server);
    for (const client of clients) client.socket.destroy();
  });

  it.each(["the plain route", "Connect", "gRPC", "a stream of requests"] as const)(
    "when it does not come to its end in time, over %s",
    async (over) => {
      const clock = createVirtualClock();
      const server = await startHolding({ clock });
      const halves = [1, 2, 3].map(() => halfRequest(server.url, over, LARGE));
      await expectFull(server);
      await clock.advance(29_000);
      await expectFull(server);
      await clock.advance(1_000);
      await Promise.all(halves.map(({ answered }) => answered));
      // What an answered client still sends is read for so long.
      await clock.advance(2_000);
      await expectRoom(server);
      for (const half of halves) half.cut();
    },
  );
});

/** Waits until large requests find no room. */
async function expectFull(server: Holding): Promise<void> {
  for (;;) {
    const probe = puts()(server.url, LARGE);
    const end = await Promise.race([probe, served(server)]);
    server.release();
    if ((await probe).startsWith("LIMIT_REACHED")) return;
    expect(end).toBe("served");
  }
}

async function served(server: Holding): Promise<string> {
  await eventually(() => expect(server.waiting()).toBeGreaterThan(0));
  return "served";
}
