import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import {
  ReadRequestSchema,
  ReadResponseSchema,
  ResourceService,
  WriteRequestSchema,
  WriteResponseSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { runProgram, type ServerProcess, startGateway } from "@trellis/testkit";

import { ALBUM, album, albumJson } from "../test-support/album.ts";

const READ = "/trellis.resource.v1.ResourceService/Read";
const WRITE = "/trellis.resource.v1.ResourceService/Write";

let server: ServerProcess;
beforeAll(async () => {
  server = await startGateway({ domains: ["@trellis/demo"] });
}, 60_000);
afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

async function curl(...args: readonly string[]): Promise<{ status: number; body: Record<string, unknown> }> {
  const { stdout, stderr, exitCode } = await runProgram("curl", ["-sS", "-w", "\n%{http_code}", ...args]);
  if (exitCode !== 0) throw new Error(`curl failed: ${stderr}`);
  const at = stdout.lastIndexOf("\n");
  return {
    status: Number(stdout.slice(at + 1)),
    body: JSON.parse(stdout.slice(0, at)) as Record<string, unknown>,
  };
}

describe("Connect with JSON, by curl", () => {
  const json = ["-H", "content-type: application/json"];

  it("writes and reads by POST", async () => {
    const written = await curl(
      ...json,
      "-d",
      JSON.stringify({ resource: albumJson("by-curl", "Loveless") }),
      server.url + WRITE,
    );
    expect(written).toMatchObject({
      status: 200,
      body: { outcome: "OUTCOME_CREATED", resource: { id: { name: "by-curl" } } },
    });
    const read = await curl(
      ...json,
      "-d",
      JSON.stringify({ id: { type: ALBUM, name: "by-curl" } }),
      server.url + READ,
    );
    expect(read).toMatchObject({ status: 200, body: { resource: { data: { title: "Loveless" } } } });
  });

  it("reads by GET", async () => {
    await curl(
      ...json,
      "-d",
      JSON.stringify({ resource: albumJson("by-get", "Souvlaki") }),
      server.url + WRITE,
    );
    const message = encodeURIComponent(JSON.stringify({ id: { type: ALBUM, name: "by-get" } }));
    const read = await curl(`${server.url}${READ}?connect=v1&encoding=json&message=${message}`);
    expect(read).toMatchObject({ status: 200, body: { resource: { data: { title: "Souvlaki" } } } });
  });

  it("answers an error with its code, and its reason in the details", async () => {
    const read = await curl(
      ...json,
      "-d",
      JSON.stringify({ id: { type: ALBUM, name: "nobody" } }),
      server.url + READ,
    );
    expect(read).toMatchObject({ status: 404, body: { code: "not_found" } });
    expect(JSON.stringify(read.body)).toContain("RESOURCE_NOT_FOUND");
  });
});

describe("Connect with protobuf", () => {
  async function post(path: string, body: Uint8Array): Promise<Response> {
    const init = {
      method: "POST",
      headers: { "content-type": "application/proto" },
      body: new Uint8Array(body),
    };
    return await fetch(server.url + path, init);
  }

  it("writes and reads", async () => {
    const request = create(WriteRequestSchema, { resource: album("by-proto", "Nowhere") });
    const written = await post(WRITE, toBinary(WriteRequestSchema, request));
    expect(written.status).toBe(200);
    const { resource } = fromBinary(WriteResponseSchema, new Uint8Array(await written.arrayBuffer()));
    expect(written.headers.get("trellis-version")).toBe(resource?.version);
    const id = create(ReadRequestSchema, { id: { type: ALBUM, name: "by-proto" } });
    const read = await post(READ, toBinary(ReadRequestSchema, id));
    expect(fromBinary(ReadResponseSchema, new Uint8Array(await read.arrayBuffer())).resource).toEqual(
      resource,
    );
  });
});

describe("Connect streams, by connect-web", () => {
  it("watches: a snapshot, then what happens", async () => {
    const client = createClient(ResourceService, createConnectTransport({ baseUrl: server.url }));
    await client.write({ resource: album("watched", "Ferment") });
    const stop = new AbortController();
    const seen: string[] = [];
    try {
      for await (const { event } of client.watchList(
        { type: ALBUM, name: "watched" },
        { signal: stop.signal },
      )) {
        seen.push(event.case ?? "");
        if (event.case === "endOfSnapshot") await client.delete({ id: { type: ALBUM, name: "watched" } });
        if (event.case === "delete") stop.abort();
      }
    } catch {
      expect(stop.signal.aborted).toBe(true);
    }
    expect(seen).toEqual(["upsert", "endOfSnapshot", "delete"]);
  });
});
