import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { runProgram, type ServerProcess, startGateway } from "@trellis/testkit";

import { ALBUM, albumJson } from "../test-support/album.ts";

let server: ServerProcess;
beforeAll(async () => {
  server = await startGateway({ domains: ["@trellis/demo"] });
}, 60_000);
afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

/** No schema is given: buf learns it from the server by reflection. */
function bufCurl(method: string, request: object, options: { protocol: string; seconds?: number }) {
  const service = "trellis.resource.v1.ResourceService";
  return runProgram(
    "buf",
    [
      "curl",
      "--http2-prior-knowledge",
      "--protocol",
      options.protocol,
      "-d",
      JSON.stringify(request),
      `${server.url}/${service}/${method}`,
    ],
    { timeoutMs: (options.seconds ?? 30) * 1_000 },
  );
}

describe.each(["grpc", "grpcweb", "connect"])("buf curl by reflection, with the protocol %s", (protocol) => {
  it("writes and reads, payload included", async () => {
    const name = `buf-${protocol}`;
    const written = await bufCurl("Write", { resource: albumJson(name, "Whirlpool") }, { protocol });
    expect(written).toMatchObject({ exitCode: 0, stderr: "" });
    const read = await bufCurl("Read", { id: { type: ALBUM, name } }, { protocol });
    expect(JSON.parse(read.stdout)).toMatchObject({
      resource: { id: { name }, data: { title: "Whirlpool" } },
    });
  });

  it("watches a snapshot to its end", async () => {
    const name = `buf-watch-${protocol}`;
    await bufCurl("Write", { resource: albumJson(name, "Raise") }, { protocol });
    // A watch goes on until somebody ends it: here the time does.
    const watched = await bufCurl("WatchList", { type: ALBUM, name }, { protocol, seconds: 3 });
    expect(watched.stdout).toContain('"Raise"');
    expect(watched.stdout).toContain('"endOfSnapshot"');
  });
});

describe("reflection", () => {
  it("lists the services", async () => {
    const { stdout, exitCode } = await runProgram("buf", [
      "curl",
      "--http2-prior-knowledge",
      "--list-methods",
      server.url,
    ]);
    expect(exitCode).toBe(0);
    expect(stdout).toContain("trellis.resource.v1.ResourceService/Write");
    expect(stdout).toContain("trellis.resource.v1.TypeService/ListTypes");
    expect(stdout).toContain("grpc.health.v1.Health/Check");
  });
});
