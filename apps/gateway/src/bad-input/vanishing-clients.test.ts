import { connect as connectHttp2 } from "node:http2";
import { connect as connectTcp, type Socket } from "node:net";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { ResourceService } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { type ServerProcess, startGateway } from "@trellis/testkit";

import { ALBUM, ALBUMS_PATH } from "../test-support/album.ts";
import { pathOf } from "../test-support/callers/caller.ts";
import { expectUnharmed } from "../test-support/unharmed.ts";
import { encode, STREAM_PROTOCOLS } from "../test-support/wire/wire-protocol.ts";

const { write, watchList } = ResourceService.method;
/** Short, so that real clients can be too slow in a test. */
const TIMEOUT_MS = 300;

let server: ServerProcess;
let socketsAtStart = 0;
beforeAll(async () => {
  server = await startGateway({
    domains: ["@trellis/demo"],
    flags: ["--body-timeout-ms", String(TIMEOUT_MS), "--headers-timeout-ms", String(TIMEOUT_MS)],
  });
  socketsAtStart = server.openSockets() ?? 0;
}, 60_000);
afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

/** Opens a connection and writes to it; what comes back until it is closed. */
function tcp(bytes: string): { socket: Socket; closed: Promise<string>; firstData: Promise<void> } {
  const socket = connectTcp(Number(new URL(server.url).port), "127.0.0.1");
  let received = "";
  socket.setEncoding("utf8").on("data", (text: string) => (received += text));
  socket.on("error", () => undefined);
  const closed = new Promise<string>((resolve) => socket.on("close", () => resolve(received)));
  const firstData = new Promise<void>((resolve) => socket.once("data", () => resolve()));
  socket.write(bytes);
  return { socket, closed, firstData };
}

function head(method: string, path: string, length?: number): string {
  const more = length === undefined ? "" : `content-type: application/json\r\ncontent-length: ${length}\r\n`;
  return `${method} ${path} HTTP/1.1\r\nhost: x\r\n${more}\r\n`;
}

describe("a client that vanishes during a watch frees its sockets", () => {
  it("over REST and HTTP/1.1", async () => {
    const { socket, firstData } = tcp(head("GET", `${ALBUMS_PATH}?watch`));
    await firstData;
    socket.resetAndDestroy();
    await expectUnharmed(server, socketsAtStart);
  });

  it.each([...STREAM_PROTOCOLS])("over $name and HTTP/2", async (protocol) => {
    const session = connectHttp2(server.url);
    session.on("error", () => undefined);
    const stream = session.request({
      ":method": "POST",
      ":path": pathOf(watchList),
      "content-type": protocol.contentType,
    });
    stream.on("error", () => undefined);
    stream.end(protocol.frame(encode(protocol, watchList.input, { type: ALBUM })));
    await new Promise((resolve) => stream.once("data", resolve));
    session.destroy();
    await expectUnharmed(server, socketsAtStart);
  });
});

describe("a client that vanishes in the middle of its request frees its sockets", () => {
  it("over HTTP/1.1", async () => {
    const { socket, closed } = tcp(`${head("POST", pathOf(write), 100)}{`);
    socket.end();
    await closed;
    await expectUnharmed(server, socketsAtStart);
  });

  it("over HTTP/2, and what it had sent is not taken for a whole request", async () => {
    const session = connectHttp2(server.url);
    await new Promise((resolve) => session.once("connect", resolve));
    const stream = session.request({
      ":method": "PUT",
      ":path": `${ALBUMS_PATH}/half`,
      "content-type": "application/json",
    });
    stream.on("error", () => undefined);
    stream.write(JSON.stringify({ data: { title: "Half" } }));
    await new Promise<void>((resolve, reject) =>
      session.ping((error) => (error === null ? resolve() : reject(error))),
    );
    // `stream.close()` would end the body properly first.
    stream.destroy(new Error("enough"));
    await new Promise((resolve) => session.close(() => resolve(undefined)));
    expect((await fetch(`${server.url}${ALBUMS_PATH}/half`)).status).toBe(404);
    await expectUnharmed(server, socketsAtStart + 1);
  });
});

describe("a client that sends a byte a minute", () => {
  it.each([
    ["the first bytes", "P", ""],
    ["HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nS", ""],
    ["the head", "GET /healthz HTTP/1.1\r\nho", "HTTP/1.1 408"],
    ["the body, over Connect", `${head("POST", pathOf(write), 100)}{`, "HTTP/1.1 504"],
    ["the body, over REST", `${head("PUT", `${ALBUMS_PATH}/x`, 100)}{`, "HTTP/1.1 504"],
  ])("is cut at %s", async (_, bytes, answer) => {
    const received = await tcp(bytes).closed;
    expect(received.slice(0, answer.length)).toBe(answer);
    if (answer !== "") expect(received).toContain("DEADLINE_EXCEEDED");
    await expectUnharmed(server, socketsAtStart);
  });
});

describe("bytes that are not HTTP", () => {
  it.each([
    "\u0016\u0003\u0001\u0002\u0000",
    "hello\r\n\r\n",
    "GET / HTTP/9.9\r\n\r\n",
    "GET /\u0000 HTTP/1.1\r\n\r\n",
  ])("are answered with 400 and the connection ends: %j", async (bytes) => {
    const received = await tcp(bytes).closed;
    expect(received).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(received).toContain('"reason":"MALFORMED_REQUEST"');
  });

  it("are answered with 431 when the head never ends", async () => {
    const received = await tcp(`GET / HTTP/1.1\r\nx: ${"x".repeat(70_000)}`).closed;
    expect(received).toMatch(/^HTTP\/1\.1 431 /);
    expect(received).toContain('"reason":"REQUEST_TOO_LARGE"');
  });

  it("after HTTP/2's preface end the connection", async () => {
    await tcp(`PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${"garbage".repeat(100)}`).closed;
    await expectUnharmed(server, socketsAtStart);
  });
});
