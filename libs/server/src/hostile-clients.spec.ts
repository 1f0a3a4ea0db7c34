import { connect } from "node:http2";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { createVirtualClock } from "@trellis/testing";

import { FLAG, fields, frame, FRAME, getFields, preface } from "./test-support/http2-frames.ts";
import { connectTcp } from "./test-support/tcp-client.ts";
import {
  eventually,
  routesPart,
  type RunningServer,
  startServer,
  stopServers,
} from "./test-support/test-server.ts";

let running: RunningServer;
beforeAll(async () => {
  const echo = routesPart({ "/echo": async (request) => ({ status: 200, body: await request.body() }) });
  running = await startServer([echo], {
    limits: { headersTimeoutMs: 200, bodyTimeoutMs: 200, maxStreamsPerConnection: 10 },
  });
});
afterAll(stopServers);

const HEADERS_WHOLE = FLAG.endHeaders | FLAG.endStream;
const whole = (stream: number, block: string): string => frame(FRAME.headers, HEADERS_WHOLE, stream, block);
const CANCEL = "\0\0\0\b";

/** What a client may send after the preface, one character per byte. */
const ATTACKS: readonly (readonly [what: string, bytes: string])[] = [
  [
    "opens streams and resets them, a thousand times",
    streams(1_000, (id) => whole(id, getFields("/healthz")) + frame(FRAME.reset, 0, id, CANCEL)),
  ],
  [
    "opens more streams than it may",
    streams(100, (id) => frame(FRAME.headers, FLAG.endHeaders, id, getFields("/echo"))),
  ],
  ["floods settings", frame(FRAME.settings, 0, 0, "\0\u0004\0\0\u00ff\u00ff").repeat(2_000)],
  ["floods pings", frame(FRAME.ping, 0, 0, "12345678").repeat(2_000)],
  [
    "floods empty data",
    frame(FRAME.headers, FLAG.endHeaders, 1, getFields("/echo")) + frame(FRAME.data, 0, 1).repeat(2_000),
  ],
  [
    "never ends its header block",
    frame(FRAME.headers, 0, 1, getFields("/")) +
      frame(FRAME.continuation, 0, 1, fields(["a", "b".repeat(100)])).repeat(2_000),
  ],
  ["names header fields in capitals", whole(1, getFields("/healthz", ["Bad-Name", "x"]))],
  ["breaks a header value", whole(1, getFields("/healthz", ["x", "a\u0000b\r\nc"]))],
  ["sends headers that HTTP/2 has not", whole(1, getFields("/healthz", ["connection", "close"]))],
  ["leaves out the path", whole(1, fields([":method", "GET"], [":scheme", "http"]))],
  ["sends an empty path", whole(1, getFields(""))],
  ["sends a path that is no path", whole(1, getFields("x://[::1"))],
  [
    "asks for a tunnel",
    frame(FRAME.headers, FLAG.endHeaders, 1, fields([":method", "CONNECT"], [":authority", "x:1"])),
  ],
  [
    "expects to continue",
    frame(
      FRAME.headers,
      FLAG.endHeaders,
      1,
      fields([":method", "POST"], [":scheme", "http"], [":path", "/echo"], ["expect", "100-continue"]),
    ),
  ],
  ["expects what nobody knows", whole(1, getFields("/healthz", ["expect", "wonders"]))],
  [
    "promises streams as if it were the server",
    frame(FRAME.pushPromise, FLAG.endHeaders, 1, `\0\0\0\u0002${getFields("/")}`),
  ],
  ["sends data for a stream that is not there", frame(FRAME.data, 0, 99, "x")],
  ["overflows a window", frame(FRAME.windowUpdate, 0, 0, "\u007f\u00ff\u00ff\u00ff").repeat(2)],
  ["announces a frame of 16 MiB", `\u00ff\u00ff\u00ff\0\0\0\0\0\u0001`],
  ["sends a broken header block", frame(FRAME.headers, HEADERS_WHOLE, 1, "\u00ff\u00ff\u00ff\u00ff\u00ff")],
  [
    "sends less than its content-length",
    frame(
      FRAME.headers,
      FLAG.endHeaders,
      1,
      fields([":method", "POST"], [":scheme", "http"], [":path", "/echo"], ["content-length", "9"]),
    ) + frame(FRAME.data, FLAG.endStream, 1, "x"),
  ],
  [
    "sends trailers with pseudo fields",
    frame(FRAME.headers, FLAG.endHeaders, 1, getFields("/echo")) + whole(1, fields([":path", "/"])),
  ],
];

function streams(count: number, one: (id: number) => string): string {
  return Array.from({ length: count }, (_, at) => one(at * 2 + 1)).join("");
}

describe("a client that", () => {
  it.each(ATTACKS)("%s harms nobody else", async (_, bytes) => {
    const client = await connectTcp(running.port);
    client.send(preface() + bytes);
    client.socket.end();
    await client.closed;
    await eventually(() => expect(running.server.load()).toEqual({ connections: 0, requests: 0 }));
    const answer = await fetch(`${running.url}/healthz`, { headers: { connection: "close" } });
    expect(answer.status).toBe(200);
    expect(running.log.lines.filter(({ level }) => level === "error")).toEqual([]);
    await eventually(() => expect(running.server.load().connections).toBe(0));
  });

  it("leaves at any byte of a request harms nobody else", async () => {
    const request =
      preface() +
      frame(FRAME.headers, FLAG.endHeaders, 1, getFields("/echo")) +
      frame(FRAME.data, FLAG.endStream, 1, "x");
    for (let length = 0; length <= request.length; length++) {
      const client = await connectTcp(running.port);
      client.send(request.slice(0, length));
      client.socket.resetAndDestroy();
    }
    await eventually(() => expect(running.server.load()).toEqual({ connections: 0, requests: 0 }));
    expect((await fetch(`${running.url}/healthz`)).status).toBe(200);
  });

  it("never ends a request that was answered keeps no stream for longer than it takes to read the answer", async () => {
    const clock = createVirtualClock();
    const echo = routesPart({ "/echo": async (request) => ({ status: 200, body: await request.body() }) });
    const { server, url } = await startServer([echo], { clock, limits: { maxRequestBytes: 10 } });
    const client = connect(url);
    const stream = client.request({ ":method": "POST", ":path": "/echo" });
    stream.on("error", () => undefined);
    const status = new Promise((resolve) =>
      stream.once("response", (headers) => resolve(headers[":status"])),
    );
    stream.write("more than ten bytes");
    expect(await status).toBe(413);
    stream.resume();
    expect(server.load().requests).toBe(1);
    await clock.advance(2_000);
    await eventually(() => expect(server.load().requests).toBe(0));
    client.destroy();
  });
});
