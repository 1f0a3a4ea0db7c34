import { afterEach, describe, expect, it } from "@jest/globals";
import { VERSION_HEADER } from "@trellis/resource";
import { eventually, freePorts } from "@trellis/testkit";

import { type Running, start } from "./test-support/running.ts";
import { serveStorage, type StorageServer } from "./test-support/storage-server.ts";

const PATIENCE_MS = 20_000;
const ALBUM = "/api/demo/v2/album";

let running: Running[] = [];
let storage: StorageServer | undefined;
afterEach(async () => {
  await Promise.all(running.map((one) => one.stop()));
  running = [];
  await storage?.stop();
  storage = undefined;
});

async function write(url: string, name: string): Promise<Response> {
  return await fetch(`${url}${ALBUM}/${name}`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ data: { title: name } }),
  });
}

async function clusterStatus(url: string): Promise<unknown> {
  const response = await fetch(`${url}/trellis.cluster.v1.ClusterService/GetStatus`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: "{}",
  });
  return await response.json();
}

async function readiness(url: string): Promise<{ readonly status: number; readonly text: string }> {
  const response = await fetch(`${url}/readyz`);
  return { status: response.status, text: await response.text() };
}

describe("a gateway, a forwarder and a storage server, started in the wrong order", () => {
  it("come to health by themselves, and what was asked meanwhile is done", async () => {
    const [gatewayPort = 0, forwarderPort = 0, storagePort = 0] = await freePorts(3);
    const [gatewayUrl, forwarderUrl] = [gatewayPort, forwarderPort].map((port) => `http://127.0.0.1:${port}`);
    if (gatewayUrl === undefined || forwarderUrl === undefined) throw new Error("no ports");
    const gateway = start("gateway", [
      "--listen",
      `127.0.0.1:${gatewayPort}`,
      "--domain",
      "@trellis/demo",
      "--backend",
      `trellis://127.0.0.1:${forwarderPort}`,
    ]);
    running.push(gateway);
    await eventually(async () => {
      const { status, text } = await readiness(gatewayUrl);
      expect(status).toBe(503);
      expect(text).toContain(`a storage server to answer: 127.0.0.1:${forwarderPort}`);
    }, PATIENCE_MS);
    expect(gateway.log()).toContain("waiting for the storage");
    const held = write(gatewayUrl, "held");

    running.push(
      start("forwarding", ["--listen", `127.0.0.1:${forwarderPort}`, "--node", `127.0.0.1:${storagePort}`]),
    );
    await eventually(async () => {
      const { status, text } = await readiness(forwarderUrl);
      expect(status).toBe(503);
      expect(text).toContain(`a storage server to answer: 127.0.0.1:${storagePort}`);
    }, PATIENCE_MS);

    for (const url of [gatewayUrl, forwarderUrl])
      expect(await clusterStatus(url)).toMatchObject({ code: "unavailable" });

    storage = await serveStorage(storagePort);
    expect((await held).status).toBe(200);
    await eventually(async () => {
      expect((await readiness(gatewayUrl)).status).toBe(200);
      expect((await readiness(forwarderUrl)).status).toBe(200);
    }, PATIENCE_MS);
    const read = await fetch(`${gatewayUrl}${ALBUM}/held`);
    expect(read.status).toBe(200);
    expect(read.headers.get(VERSION_HEADER)).toMatch(/^\d+$/);

    // This storage has no cluster service: what it says of that comes back through both.
    for (const url of [gatewayUrl, forwarderUrl])
      expect(await clusterStatus(url)).toMatchObject({ code: "unimplemented" });

    // The forwarder is restarted under writes: none fails.
    const writes = Array.from({ length: 20 }, (_, at) => write(gatewayUrl, `during-${at}`));
    expect(await running[1]?.stop()).toBe(0);
    running[1] = start("forwarding", [
      "--listen",
      `127.0.0.1:${forwarderPort}`,
      "--node",
      `127.0.0.1:${storagePort}`,
    ]);
    for (const response of await Promise.all(writes)) expect(response.status).toBe(200);
    expect((await write(gatewayUrl, "after")).status).toBe(200);
    expect(await gateway.stop()).toBe(0);
  }, 60_000);
});

describe("a forwarder that cannot start says why in one paragraph", () => {
  it.each([
    ["without a node", [], "--node: expected the address of a storage node; found none"],
    ["with what is no address", ["--node", "nowhere"], "--node"],
  ])("%s", async (_, flags, words) => {
    const forwarder = start("forwarding", ["--listen", "127.0.0.1:0", ...flags]);
    running.push(forwarder);
    await new Promise((resolve) => forwarder.process.on("close", resolve));
    expect(forwarder.process.exitCode).not.toBe(0);
    expect(forwarder.log()).toContain(words);
    expect(forwarder.log().trimEnd().split("\n")).toHaveLength(1);
  });
});
