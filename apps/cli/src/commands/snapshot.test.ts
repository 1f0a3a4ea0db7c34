import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { runProgram, type ServerProcess, startStandalone } from "@trellis/testkit";

import { repositoryRoot } from "../test-support/repository.ts";
import { artist } from "../test-support/server.ts";

/** The program as npm links it. */
const TRELLIS = join(repositoryRoot, "node_modules/.bin/trellis");
/** Prints the name of every file of the storage's libraries that Node loads. */
const WATCH_LOADING = `import { registerHooks } from "node:module";
registerHooks({ load(url, context, next) {
  if (/(libs|@trellis)\\/(wal|raft|raft-node|storage|storage-memory|storage-raft)\\//.test(url)) process.stderr.write(\`loaded \${url}\\n\`);
  return next(url, context);
} });`;

let root: string;
let servers: ServerProcess[] = [];
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "trellis-cli-snapshot-"));
});
afterAll(async () => {
  for (const server of servers) await server.stop();
  await rm(root, { recursive: true });
});

async function start(...flags: readonly string[]): Promise<ServerProcess> {
  const server = await startStandalone({ domains: ["@trellis/demo"], flags });
  servers.push(server);
  return server;
}

async function stop(server: ServerProcess): Promise<void> {
  expect(await server.stop()).toBe(0);
  servers = servers.filter((other) => other !== server);
}

const trellis = (args: readonly string[], url = "127.0.0.1:1", input = "") =>
  runProgram(TRELLIS, args, { input, env: { TRELLIS_SERVER: url } });

describe("trellis snapshot, as a process", () => {
  it("brings what a server keeps into a new one, the commands as they are printed", async () => {
    const first = await start("--data-dir", join(root, "data"));
    const manifests = ["korn", "tool", "opeth"].map((name) => artist(name)).join("---\n");
    expect((await trellis(["apply", "-f", "-"], first.url, manifests)).exitCode).toBe(0);
    const file = join(root, "backup.snapshot");
    const saved = await trellis(["snapshot", "save", file], first.url);
    expect(saved).toMatchObject({ exitCode: 0, stderr: "" });
    expect(saved.stdout).toMatch(/\ndemo\.Artist +3\n/);
    await stop(first);

    const verified = await trellis(["snapshot", "verify", file]);
    expect(verified).toMatchObject({ exitCode: 0, stderr: "" });
    const directory = join(root, "of another");
    const restored = await trellis(["snapshot", "restore", file, "--data-dir", directory]);
    expect(restored).toMatchObject({ exitCode: 0, stderr: "" });
    expect(restored.stdout).toContain(`\n  npm start -- --data-dir '${directory}'\n`);

    const second = await start("--data-dir", directory);
    expect((await trellis(["get", "demo.v2.artist", "-o", "name"], second.url)).stdout).toMatch(
      /korn\n.*opeth\n.*tool\n/,
    );
    const [, storeId = ""] = /Store +(\w+), new/.exec(restored.stdout) ?? [];
    expect((await trellis(["status"], second.url)).stdout).toContain(`Store        ${storeId} at version `);
    expect(await trellis(["snapshot", "restore", file, "--data-dir", directory, "--replace"])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("is in use by a server"),
    });
    await stop(second);
  }, 90_000);

  it("says of a server that keeps resources in memory that there is nothing to save", async () => {
    const server = await start("--memory");
    const { exitCode, stderr } = await trellis(["snapshot", "save", join(root, "none")], server.url);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /^error: http:\S+ keeps its resources in memory or elsewhere, and has no snapshot to save\n.*--memory/,
    );
    await stop(server);
  });

  it("says in two lines that no server is there", async () => {
    const { exitCode, stderr } = await trellis(["snapshot", "save", join(root, "none")]);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /^error: cannot reach http:\/\/127\.0\.0\.1:1: connection refused\nStart a server with .*\n$/,
    );
  });
});

describe("the storage's libraries", () => {
  /** How many of their files the command line loads for a command, in a process of its own. */
  async function loadedFor(...args: readonly string[]): Promise<number> {
    const watching = `data:text/javascript,${encodeURIComponent(WATCH_LOADING)}`;
    const program = join(repositoryRoot, "apps/cli/src/main.ts");
    const { stderr } = await runProgram(process.execPath, ["--import", watching, program, ...args], {});
    return stderr.split("\n").filter((line) => line.startsWith("loaded ")).length;
  }

  it("are loaded for the commands that need them, and for no other", async () => {
    for (const command of [
      "snapshot --help",
      "status --server 127.0.0.1:1",
      "snapshot save x --server 127.0.0.1:1",
    ])
      expect(await loadedFor(...command.split(" "))).toBe(0);
    expect(await loadedFor("snapshot", "verify", join(repositoryRoot, "package.json"))).toBeGreaterThan(20);
  });
});
