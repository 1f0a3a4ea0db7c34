import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import {
  eventually,
  type ProgramResult,
  runProgram,
  type ServerProcess,
  startGateway,
  freePorts,
} from "@trellis/testkit";

import { NodePlace } from "./node-place.ts";

/** What a busy machine may need for an election, or a start. */
const PATIENCE_MS = 30_000;
const TEST_MS = 180_000;

let directory: string;
let nodes: readonly [NodePlace, NodePlace, NodePlace];
let gateway: ServerProcess;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "trellis-operations-"));
  const ports = await freePorts(3);
  const place = (at: number): NodePlace =>
    new NodePlace({ name: `node-${at + 1}`, port: ports[at] ?? 0, below: directory });
  nodes = [place(0), place(1), place(2)];
  const list = nodes.map(({ name, address }) => `${name}=${address}`).join(",");
  for (const node of nodes) node.start("--initial-cluster", list);
  const [first, second, third] = nodes;
  gateway = await startGateway({
    domains: ["@trellis/demo"],
    flags: ["--backend", `trellis://${first.address}?node=${second.address}&node=${third.address}`],
  });
}, TEST_MS);

afterEach(async () => {
  await gateway.stop();
  for (const node of nodes) await node.lose();
  rmSync(directory, { recursive: true });
});

/** `npx trellis` with these words, asking the gateway. */
function trellis(...words: readonly string[]): Promise<ProgramResult> {
  return runProgram("trellis", words, { env: { TRELLIS_SERVER: gateway.url } });
}

async function succeed(...words: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await trellis(...words);
  expect([words, exitCode, exitCode === 0 ? "" : stdout + stderr]).toEqual([words, 0, ""]);
  return stdout;
}

async function statusShows(text: string): Promise<void> {
  await eventually(async () => expect(await succeed("cluster", "status")).toContain(text), PATIENCE_MS);
}

async function write(name: string): Promise<void> {
  const written = await fetch(`${gateway.url}/api/demo/v2/album/${name}`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ data: { title: name } }),
  });
  expect([name, written.status]).toEqual([name, 200]);
}

async function isThere(name: string): Promise<void> {
  await eventually(async () => {
    const found = await fetch(`${gateway.url}/api/demo/v2/album/${name}`);
    expect([name, found.status]).toEqual([name, 200]);
  }, PATIENCE_MS);
}

/** Starts a node with an empty directory that joins, and adds it once it waits for that. */
async function letJoin(node: NodePlace, member: NodePlace): Promise<void> {
  node.start("--join", member.address);
  await eventually(async () => {
    const text = await (await fetch(`${node.url}/readyz`)).text();
    expect(text).toContain(`trellis cluster add ${node.name}=${node.address} --promote`);
  }, PATIENCE_MS);
  await succeed("cluster", "add", `${node.name}=${node.address}`, "--promote");
}

describe("what docs/OPERATIONS.md tells to do", () => {
  it(
    "when a majority is gone for good brings back what one node has, under a gateway that goes on",
    async () => {
      const [kept, ...lost] = nodes;
      await statusShows("1 of 3 voters may fail");
      await write("before");
      expect(await succeed("cluster", "check")).toContain("all 3 replicas are equal");
      for (const node of lost) await node.lose();
      await eventually(
        async () =>
          expect(await trellis("cluster", "status")).toMatchObject({
            exitCode: 1,
            stdout: expect.stringContaining("nobody leads: 2 of 3 voters are needed, 1 answers"),
          }),
        PATIENCE_MS,
      );
      expect(await kept.stop()).toBe("exit code 0");
      expect(await succeed("wal", "inspect", join(kept.directory, "wal"))).toContain("● whole");
      await succeed("cluster", "recover", "--data-dir", kept.directory, "--yes");
      kept.start();
      await statusShows("healthy, a single voter");
      await isThere("before");
      await write("after");
      for (const node of lost) await letJoin(node, kept);
      await statusShows("1 of 3 voters may fail");
      expect(await succeed("cluster", "check")).toContain("all 3 replicas are equal");
    },
    TEST_MS,
  );

  it(
    "to restore a snapshot begins a cluster anew, under a gateway that goes on",
    async () => {
      const [first, second, third] = nodes;
      await statusShows("1 of 3 voters may fail");
      await write("before");
      const backup = join(directory, "backup.snapshot");
      await succeed("snapshot", "save", backup);
      await write("not-in-the-backup");
      for (const node of nodes) expect(await node.stop()).toBe("exit code 0");
      for (const { directory: put } of nodes) rmSync(put, { recursive: true });
      await succeed("snapshot", "restore", backup, "--data-dir", first.directory);
      first.start();
      await statusShows("healthy, a single voter");
      await isThere("before");
      expect((await fetch(`${gateway.url}/api/demo/v2/album/not-in-the-backup`)).status).toBe(404);
      for (const node of [second, third]) await letJoin(node, first);
      await statusShows("1 of 3 voters may fail");
      await write("after");
    },
    TEST_MS,
  );

  it(
    "to replace a dead node lets another take its place, and the dead one find out",
    async () => {
      const [first, second, dead] = nodes;
      await statusShows("1 of 3 voters may fail");
      await dead.stop();
      const [port = 0] = await freePorts(1);
      const other = new NodePlace({ name: "node-4", port, below: directory });
      try {
        await letJoin(other, first);
        await succeed("cluster", "remove", dead.name);
        await statusShows("1 of 3 voters may fail");
        dead.start();
        await eventually(async () => {
          const text = await (await fetch(`${dead.url}/readyz`)).text();
          expect(text).toContain("it was removed from cluster");
        }, PATIENCE_MS);
        await second.stop();
        await write("after");
      } finally {
        await other.lose();
      }
    },
    TEST_MS,
  );
});
