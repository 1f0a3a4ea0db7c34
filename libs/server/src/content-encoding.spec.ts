import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

import { routesPart, type RunningServer, startServer, stopServers } from "./test-support/test-server.ts";

const MAX_BYTES = 1_000;
const SMALL = "small ".repeat(10);
const MEBIBYTE = 1024 * 1024;

let running: RunningServer;
beforeAll(async () => {
  const echo = routesPart({ "/echo": async (request) => ({ status: 200, body: await request.body() }) });
  running = await startServer([echo], { limits: { maxRequestBytes: MAX_BYTES } });
});
afterAll(stopServers);

/** Sends bytes that are said to be encoded so, and reads the answer. */
async function send(encoding: string, bytes: Uint8Array) {
  const response = await fetch(`${running.url}/echo`, {
    method: "PUT",
    headers: { "content-encoding": encoding },
    body: Uint8Array.from(bytes),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

describe("the body of a plain route", () => {
  it.each([
    ["gzip", gzipSync(SMALL)],
    ["x-gzip", gzipSync(SMALL)],
    ["GZip", gzipSync(SMALL)],
    ["br", brotliCompressSync(SMALL)],
    ["identity", Buffer.from(SMALL)],
    ["", Buffer.from(SMALL)],
  ])("is decoded: %j", async (encoding, bytes) => {
    expect(await send(encoding, bytes)).toMatchObject({ status: 200, text: SMALL });
  });

  it.each([
    ["gzip", gzipSync],
    ["br", brotliCompressSync],
  ])("of exactly the limit is taken, and one byte more is not: %s", async (encoding, compress) => {
    expect((await send(encoding, compress("x".repeat(MAX_BYTES)))).text).toHaveLength(MAX_BYTES);
    const { status, text } = await send(encoding, compress("x".repeat(MAX_BYTES + 1)));
    expect([status, JSON.parse(text)]).toEqual([
      413,
      expect.objectContaining({ reason: "REQUEST_TOO_LARGE", code: "resource_exhausted" }),
    ]);
  });

  it.each([
    ["gzip", gzipSync(Buffer.alloc(MEBIBYTE)).subarray(0, MAX_BYTES)],
    ["br", brotliCompressSync(Buffer.alloc(64 * MEBIBYTE))],
  ])("that would burst is given up at the limit: %s", async (encoding, bomb) => {
    expect(bomb.byteLength).toBeLessThanOrEqual(MAX_BYTES);
    expect((await send(encoding, bomb)).status).toBe(413);
  });

  it.each([
    ["that is not what it says", "gzip", Buffer.from(SMALL)],
    ["that is not what it says", "br", Buffer.from(SMALL)],
    ["that is cut", "gzip", gzipSync(SMALL).subarray(0, -9)],
    ["that is cut", "br", brotliCompressSync(SMALL).subarray(0, -3)],
  ])("%s is refused: %s", async (_, encoding, bytes) => {
    const { status, text } = await send(encoding, bytes);
    expect([status, JSON.parse(text)]).toEqual([
      400,
      expect.objectContaining({ reason: "MALFORMED_REQUEST" }),
    ]);
    expect(text).toContain(`content-encoding: ${encoding}`);
  });

  it.each(["deflate", "zstd", "gzip, gzip", "gzip, br"])(
    "in another encoding is refused, telling those that there are: %s",
    async (encoding) => {
      const { status, headers, text } = await send(encoding, deflateSync(SMALL));
      expect([status, headers.get("accept-encoding")]).toEqual([415, "gzip, br"]);
      const problem = JSON.parse(text) as { reason: string; detail: string };
      expect(problem.reason).toBe("UNSUPPORTED_MEDIA_TYPE");
      expect(problem.detail).toContain(`found content-encoding: ${encoding}`);
    },
  );

  it("means nothing where there is none", async () => {
    const headers = { "content-encoding": "zstd" };
    expect((await fetch(`${running.url}/healthz`, { headers })).status).toBe(200);
  });
});
