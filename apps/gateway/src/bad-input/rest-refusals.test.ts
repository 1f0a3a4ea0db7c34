import { gzipSync } from "node:zlib";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type ServerProcess, startGateway } from "@trellis/testkit";

import { ALBUMS_PATH } from "../test-support/album.ts";
import { expectUnharmed } from "../test-support/unharmed.ts";
import { exchange, type RawRequest } from "../test-support/wire/exchange.ts";

const WORKLOADS_PATH = "/api/catalog/v1/workload";
const JSON_HEADERS = { "content-type": "application/json" };
const MEBIBYTE = 1024 * 1024;
const LONG = "a".repeat(40_000);

let server: ServerProcess;
let socketsAtStart = 0;
beforeAll(async () => {
  server = await startGateway({ domains: ["@trellis/demo", "@trellis/catalog"] });
  socketsAtStart = server.openSockets() ?? 0;
}, 60_000);
afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

/** Sends a request and reads its problem, over HTTP/2; what differs over HTTP/1.1 is in vanishing-clients.test.ts. */
async function problem(path: string, request: Omit<RawRequest, "path"> = {}) {
  const { status, headers, body } = await exchange(server.url, { method: "GET", ...request, path });
  expect(headers.get("content-type")).toBe("application/problem+json");
  const json = JSON.parse(new TextDecoder().decode(body)) as Record<string, unknown>;
  expect(json).toMatchObject({
    status,
    type: "about:blank",
    title: expect.any(String),
    detail: expect.any(String),
  });
  const violations = (json["violations"] ?? []) as { field: string; description: string }[];
  return { ...json, headers, fields: violations.map(({ field }) => field) };
}

function put(path: string, body: string | Uint8Array, headers: Record<string, string> = JSON_HEADERS) {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  return problem(path, { method: "PUT", headers, body: bytes });
}

describe("REST refuses a request", () => {
  it("for a type that is not registered", async () => {
    expect(await problem("/api/demo/v9/album/x")).toMatchObject({
      status: 404,
      reason: "TYPE_NOT_REGISTERED",
    });
  });

  it.each([
    "/nowhere",
    "/",
    "/api/demo/v2",
    "/api/demo/v2/album/x/nothing",
    "/api//v2/album",
    "/healthz/more",
  ])("for the unknown route %s", async (path) => {
    expect(await problem(path)).toMatchObject({ status: 404, reason: "ROUTE_NOT_FOUND" });
  });

  it.each([
    ["PATCH", `${ALBUMS_PATH}/x`, "GET, PUT, DELETE"],
    ["POST", ALBUMS_PATH, "GET"],
    ["DELETE", `${ALBUMS_PATH}/x/owned`, "GET"],
    ["GET", `${ALBUMS_PATH}/x/status/acme.dev`, "PUT, DELETE"],
    ["POST", "/readyz", "GET, HEAD"],
  ])("for the verb %s on %s, telling those that it takes", async (method, path, allowed) => {
    const answer = await problem(path, { method });
    expect(answer).toMatchObject({ status: 405, reason: "METHOD_NOT_ALLOWED" });
    expect(answer.headers.get("allow")?.split(", ")).toEqual(expect.arrayContaining(allowed.split(", ")));
    expect(answer.headers.get("allow")).not.toContain(method);
  });

  it.each(["text/yaml", "application/x-www-form-urlencoded", "application/jsonp"])(
    "for the content type %s",
    async (contentType) => {
      const answer = await put(`${ALBUMS_PATH}/x`, "a: b", { "content-type": contentType });
      expect(answer).toMatchObject({ status: 415, reason: "UNSUPPORTED_MEDIA_TYPE" });
    },
  );

  it.each([
    ["an unknown query parameter", "?colour=red", "query.colour"],
    ["a page size that is no number", "?page_size=ten", "query.page_size"],
    ["a parameter given twice", "?page_size=1&page_size=2", "query.page_size"],
    ["a token in the query", "?access_token=secret", "query.access_token"],
  ])("for %s", async (_, query, field) => {
    const answer = await problem(ALBUMS_PATH + query);
    expect(answer).toMatchObject({ status: 400, reason: "INVALID_REQUEST", fields: [field] });
  });

  it.each([
    "/LONG",
    "/api/LONG",
    "/api/LONG/v2/album",
    "/healthz/LONG",
    "/openapi.json/LONG",
    "/acme.v1.Nothing/LONG",
    "/api/demo/v2/album/%zzLONG",
    "/api/demo/v2/album?LONG=1",
    "/api/demo/v2/album?page_size=LONG",
    "/api/demo/v2/album?partition=LONG",
  ])("for a path of 40,000 characters, without sending it back: %s", async (path) => {
    const long = path.replace("LONG", LONG);
    const { body } = await exchange(server.url, { method: "GET", path: long });
    expect(body.byteLength).toBeLessThan(8_192);
    expect(new TextDecoder().decode(body)).toContain("characters left out");
  });

  it("for a thousand wrong parameters, counting those that it does not list", async () => {
    const query = Array.from({ length: 1_000 }, (_, at) => `p${at}=1`).join("&");
    const answer = await problem(`${ALBUMS_PATH}?${query}`);
    expect(answer.fields).toHaveLength(100);
    expect(answer).toMatchObject({ status: 400, detail: expect.stringContaining("and 995 more") });
  });

  it("for a path that is not percent-encoded", async () => {
    expect(await problem(`${ALBUMS_PATH}/%zz`)).toMatchObject({ status: 400, reason: "MALFORMED_REQUEST" });
  });
});

describe("REST refuses a body", () => {
  it.each([
    ["with an unknown field", JSON.stringify({ dada: {} }), ["dada"]],
    ["with two of them, telling both", JSON.stringify({ dada: {}, kolor: 1 }), ["dada", "kolor"]],
    ["with an unknown field in its data", JSON.stringify({ data: { colour: "red" } }), ["data.colour"]],
    ["with data of the wrong kind", JSON.stringify({ data: { tracks: "one" } }), ["data.tracks"]],
    ["of another type", JSON.stringify({ data: { "@type": "trellis.demo.v1.Album" } }), ["data.@type"]],
    ["that is broken JSON", '{"data": ', ["body"]],
    ["that is no object", "[1, 2]", ["body"]],
    ["that is empty", "", ["body"]],
    ["that is not UTF-8", Uint8Array.of(0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d), ["body"]],
  ])("%s", async (_, body, fields) => {
    const answer = await put(`${ALBUMS_PATH}/x`, body);
    expect(answer).toMatchObject({
      status: 400,
      code: "invalid_argument",
      reason: "MALFORMED_REQUEST",
      fields,
    });
  });

  it("that breaks the rules of its type, telling every violation at its field", async () => {
    const data = {
      addresses: [{ host: "not a host" }],
      ports: { "far-too-long-a-port-name": { port: 70_000 } },
      locality: { zone: "z" },
    };
    const answer = await put(`${WORKLOADS_PATH}/bad`, JSON.stringify({ data }));
    expect(answer).toMatchObject({ status: 400, reason: "INVALID_DATA", metadata: { applied: "no" } });
    expect(answer.fields).toHaveLength(4);
  });

  it.each(["UPPER", "with_underscore", "-dash", "dash-", "a".repeat(64), encodeURIComponent("ünïcode")])(
    "under the name %s",
    async (name) => {
      const answer = await put(`${ALBUMS_PATH}/${name}`, JSON.stringify({ data: { title: "x" } }));
      expect(answer).toMatchObject({ status: 400, reason: "INVALID_REQUEST", fields: ["resource.id.name"] });
    },
  );

  it("in an encoding that nobody knows, telling those that there are", async () => {
    const answer = await put(`${ALBUMS_PATH}/x`, "{}", { ...JSON_HEADERS, "content-encoding": "zstd" });
    expect(answer).toMatchObject({
      status: 415,
      reason: "UNSUPPORTED_MEDIA_TYPE",
      metadata: { applied: "no" },
    });
    expect(answer.headers.get("accept-encoding")).toBe("gzip, br");
  });

  it("that grows over a mebibyte when it is decompressed", async () => {
    const bomb = gzipSync(new Uint8Array(64 * MEBIBYTE).fill(0x20));
    const answer = await put(`${ALBUMS_PATH}/x`, bomb, { ...JSON_HEADERS, "content-encoding": "gzip" });
    expect(answer).toMatchObject({ status: 413, reason: "REQUEST_TOO_LARGE", metadata: { applied: "no" } });
  });

  it("over a mebibyte, whether the head admits it or not", async () => {
    const large = new Uint8Array(MEBIBYTE + 1).fill(0x20);
    for (const headers of [JSON_HEADERS, { ...JSON_HEADERS, "content-length": String(large.length) }]) {
      const answer = await put(`${ALBUMS_PATH}/x`, large, headers);
      expect(answer).toMatchObject({ status: 413, code: "resource_exhausted", reason: "REQUEST_TOO_LARGE" });
    }
  });
});

describe("REST and time", () => {
  it("answers 503 for a version that is not reached before the deadline", async () => {
    const headers = { "trellis-timeout-ms": "50", "trellis-min-version": String(Number.MAX_SAFE_INTEGER) };
    const answer = await problem(`${ALBUMS_PATH}/x`, { headers });
    expect(answer).toMatchObject({ status: 503, reason: "VERSION_NOT_REACHED" });
    expect(answer.headers.get("retry-after")).toBe("1");
  });

  it("refuses a deadline that is none", async () => {
    const answer = await problem(`${ALBUMS_PATH}/x`, { headers: { "trellis-timeout-ms": "soon" } });
    expect(answer).toMatchObject({ status: 400, fields: ["header trellis-timeout-ms"] });
  });
});

describe("after all of it", () => {
  it("the server is unharmed", () => expectUnharmed(server, socketsAtStart));
});
