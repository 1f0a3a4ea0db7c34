import { runProgram } from "@trellis/testkit";
import { Code } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import demo, { v2 } from "@trellis/demo";
import { createRegistry } from "@trellis/registry";
import { systemClock } from "@trellis/resource";
import { createResourceService } from "@trellis/resource-service";
import { createServer } from "@trellis/server";
import { createMemoryBackend } from "@trellis/storage-memory";

import { checkServerUrl, connectClient } from "./node.ts";
import { rejection } from "./test-support/setup.ts";

const deps = { clock: systemClock, random: Math.random };
const silent = { debug: quiet, info: quiet, warn: quiet, error: quiet };
function quiet(): void {}

/** The real thing on a real port: HTTP/2 and all. */
async function listen(port = 0) {
  const backend = createMemoryBackend(deps);
  const service = createResourceService({ registry: createRegistry([demo]), backend, ...deps, log: silent });
  const part = {
    name: "resources",
    routes: service.routes,
    start: async () => {},
    stop: () => service.stop(),
  };
  const config = { listen: { host: "127.0.0.1", port } };
  const server = createServer({ parts: [part], config, log: silent, clock: systemClock });
  const { url } = await server.start();
  return { url, backend, stop: () => server.stop() };
}

let server: Awaited<ReturnType<typeof listen>>;
beforeEach(async () => {
  server = await listen();
});
afterEach(() => server.stop());

describe("a client over HTTP/2", () => {
  it("reads what it wrote, and watches", async () => {
    const client = connectClient({ server: server.url });
    await client.write(v2.Artist, { name: "korn", data: { name: "Korn" } });
    expect((await client.read(v2.Artist, { name: "korn" })).data.name).toBe("Korn");
    for await (const item of client.watch(v2.Artist)) if (item.kind === "endOfSnapshot") break;
    client.close();
  });

  it("of several servers goes on at another when one stops, and its watches too", async () => {
    const other = await listen();
    const client = connectClient({ server: [other.url, server.url] });
    await client.write(v2.Artist, { name: "korn", data: { name: "Korn" } });
    await other.stop();
    await client.write(v2.Artist, { name: "korn", data: { name: "Korn, elsewhere" } });
    expect((await client.read(v2.Artist, { name: "korn" })).data.name).toBe("Korn, elsewhere");
    client.close();
  });

  it("that is closed ends its watches and refuses calls", async () => {
    const client = connectClient({ server: server.url });
    const { promise: isOpen, resolve: opened } = Promise.withResolvers<void>();
    const watching = (async () => {
      for await (const item of client.watch(v2.Artist)) if (item.kind === "endOfSnapshot") opened();
    })();
    await isOpen;
    client.close();
    await watching;
    const error = await rejection(client.read(v2.Artist, { name: "korn" }));
    expect(error).toMatchObject({ code: Code.Canceled });
  });

  it("reads and writes through a restart of the server, and resumes its watch", async () => {
    const client = connectClient({ server: server.url });
    await client.write(v2.Artist, { name: "before", data: { name: "Before" } });
    const seen: string[] = [];
    const { promise: isOpen, resolve: opened } = Promise.withResolvers<void>();
    const watching = (async () => {
      for await (const item of client.watch(v2.Artist)) {
        seen.push(item.kind === "endOfSnapshot" ? item.kind : `${item.kind} ${item.resource.id.name}`);
        if (item.kind === "endOfSnapshot") opened();
        if (seen.includes("upsert later") && seen.includes("delete before")) return;
      }
    })();
    await isOpen;
    await server.stop();
    const writing = client.write(v2.Artist, { name: "later", data: { name: "Later" } });
    server = await listen(Number(new URL(server.url).port));
    await writing;
    await watching;
    expect(seen).toEqual(["upsert before", "endOfSnapshot", "upsert later", "delete before"]);
    client.close();
  });
});

describe("a server's URL", () => {
  it("is taken as its origin", () => {
    expect(checkServerUrl("http://127.0.0.1:7500/")).toBe("http://127.0.0.1:7500");
    expect(checkServerUrl("https://example.dev")).toBe("https://example.dev");
  });

  it.each(["127.0.0.1:7500", "ftp://example.dev", "http://", "http://a/b", "http://a?b"])(
    "is refused: %s",
    (url) => expect(() => checkServerUrl(url)).toThrow(TypeError),
  );
});

describe("a program that waits for a server", () => {
  it("lives until its call has failed for good", async () => {
    const code = `
      import { connectClient } from "@trellis/client/node";
      const client = connectClient({ server: "http://127.0.0.1:1" });
      await client.types.listTypes({}).catch(() => console.log("failed"));
      console.log("end");
    `;
    const { exitCode, stdout, stderr } = await runProgram(process.execPath, [
      "--input-type=module",
      "-e",
      code,
    ]);
    expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 0, stdout: "failed\nend\n", stderr: "" });
  });
});
