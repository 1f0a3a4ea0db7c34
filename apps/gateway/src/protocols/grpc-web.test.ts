import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { ResourceService } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { errorReason } from "@trellis/resource";
import { type ServerProcess, startGateway } from "@trellis/testkit";

import { ALBUM, album } from "../test-support/album.ts";

let server: ServerProcess;
beforeAll(async () => {
  server = await startGateway({ domains: ["@trellis/demo"] });
}, 60_000);
afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

function connect() {
  return createClient(ResourceService, createGrpcWebTransport({ baseUrl: server.url }));
}

describe("gRPC-Web, by connect-web", () => {
  it("writes and reads", async () => {
    const client = connect();
    const { resource } = await client.write({ resource: album("by-grpc-web", "Chrome") });
    expect((await client.read({ id: { type: ALBUM, name: "by-grpc-web" } })).resource).toEqual(resource);
  });

  it("carries code and reason of an error", async () => {
    const error = await connect()
      .read({ id: { type: ALBUM, name: "nobody" } })
      .catch((thrown: unknown) => ConnectError.from(thrown));
    expect((error as ConnectError).code).toBe(Code.NotFound);
    expect(errorReason(error)).toBe("RESOURCE_NOT_FOUND");
  });

  it("watches: a snapshot, then what happens", async () => {
    const client = connect();
    await client.write({ resource: album("web-watched", "Spooky") });
    const stop = new AbortController();
    const seen: string[] = [];
    try {
      for await (const { event } of client.watchList(
        { type: ALBUM, name: "web-watched" },
        { signal: stop.signal },
      )) {
        seen.push(event.case ?? "");
        if (event.case === "endOfSnapshot") await client.delete({ id: { type: ALBUM, name: "web-watched" } });
        if (event.case === "delete") stop.abort();
      }
    } catch {
      expect(stop.signal.aborted).toBe(true);
    }
    expect(seen).toEqual(["upsert", "endOfSnapshot", "delete"]);
  });
});
