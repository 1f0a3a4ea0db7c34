import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Code, ConnectError, createRouterTransport } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { ClusterService } from "@trellis/protos/trellis/cluster/v1/cluster_pb";

import { serversOfTest } from "../test-support/server.ts";
import { openStoredServer, stored, type StoredServer } from "../test-support/stored-server.ts";
import { createTerminal, type TerminalOptions, TEST_SERVER } from "../test-support/terminal.ts";

const ERASE = "\r\u001B[K";
const inMemory = serversOfTest();
let root: string;
let server: StoredServer;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "trellis-cli-snapshot-"));
  server = await openStoredServer(join(root, "original"));
  const { backend } = server.store;
  for (const name of ["a", "b", "c"]) await backend.commit([stored("Thing", name)]);
  await backend.commit([stored("Other", "d")]);
});
afterEach(async () => {
  await server.store.close();
  await rm(root, { recursive: true });
});

const terminal = (options: TerminalOptions = {}, transport = server.transport) =>
  createTerminal(transport, { cwd: root, ...options });
/** No server is asked: this one answers nothing. */
const offline = (command: string | readonly string[], options: TerminalOptions = {}) =>
  terminal(
    options,
    createRouterTransport(() => undefined),
  )(command);
const names = async () => (await readdir(root)).filter((name) => name !== "original").sort();

async function save(file = "it.snapshot"): Promise<void> {
  expect(await terminal()(`snapshot save ${file}`)).toMatchObject({ exitCode: 0, stderr: "" });
}

async function change(file: string, at: number): Promise<void> {
  const bytes = await readFile(join(root, file));
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  await writeFile(join(root, file), bytes);
}

describe("trellis snapshot save", () => {
  it("saves all that the server keeps, and says what that is", async () => {
    const { stdout, stderr, exitCode } = await terminal()("snapshot save it.snapshot");
    expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 0 });
    const { storeId, version } = server.store.backend.position();
    const { size } = await stat(join(root, "it.snapshot"));
    expect(stdout).toBe(
      [
        "Saved      ● it.snapshot",
        `Cluster    ${server.store.node.clusterId}, 1 member`,
        `Store      ${storeId} at version ${version}`,
        "Sessions   0",
        `Bytes      ${size}`,
        "Resources  4",
        "",
        "TYPE         RESOURCES",
        "test.Other   1",
        "test.Thing   3",
        "",
      ].join("\n"),
    );
    expect(await names()).toEqual(["it.snapshot"]);
  });

  it("prints the same as JSON", async () => {
    const { stdout } = await terminal()("snapshot save it.snapshot -o json");
    expect(JSON.parse(stdout)).toEqual({
      file: "it.snapshot",
      state: "whole",
      clusterId: server.store.node.clusterId,
      ...server.store.backend.position(),
      term: expect.any(Number),
      members: 1,
      sessions: 0,
      bytes: (await stat(join(root, "it.snapshot"))).size,
      resources: 4,
      resourcesByType: { "test.Other": 1, "test.Thing": 3 },
    });
  });

  it("replaces no file unless it is told to", async () => {
    await writeFile(join(root, "mine"), "mine");
    expect(await terminal()("snapshot save mine")).toEqual({
      exitCode: 1,
      stdout: "",
      stderr: "error: mine is there already\nName another, or replace it with --force.\n",
    });
    expect(await readFile(join(root, "mine"), "utf8")).toBe("mine");
    expect((await terminal()("snapshot save mine --force")).exitCode).toBe(0);
    expect((await offline("snapshot verify mine")).exitCode).toBe(0);
  });

  it.each([
    ["a directory", "folder", "folder is a directory", "Name the file to write."],
    [
      "a directory, with --force as well",
      "folder --force",
      "folder is a directory",
      "Name the file to write.",
    ],
    ["a file in no directory", "nowhere/it", "nowhere/it is not there", "Name a file in a directory"],
    ["a file below a file", "file/it", "file/it is below a file", ""],
    [
      "what another save is writing",
      "busy",
      "busy.partial is there already: another save",
      "If none is under way",
    ],
  ])("refuses %s", async (_, file, message, hint) => {
    await mkdir(join(root, "folder"));
    await writeFile(join(root, "file"), "");
    await writeFile(join(root, "busy.partial"), "another's");
    const before = await names();
    const { exitCode, stdout, stderr } = await terminal()(`snapshot save ${file}`);
    expect([exitCode, stdout]).toEqual([1, ""]);
    expect(stderr).toContain(`error: ${message}`);
    expect(stderr).toContain(hint);
    expect(await names()).toEqual(before);
    expect(await readFile(join(root, "busy.partial"), "utf8")).toBe("another's");
  });

  it("says of a server that keeps resources in memory that there is nothing to save", async () => {
    const { server: memory } = inMemory();
    const { exitCode, stderr } = await terminal({}, memory.transport)("snapshot save it.snapshot");
    expect(exitCode).toBe(1);
    expect(stderr).toBe(
      `error: ${TEST_SERVER} keeps its resources in memory or elsewhere, and has no snapshot to save\n` +
        "A standalone server keeps them on disk unless it is started with --memory. " +
        "Resources can be copied with `trellis get KIND -A -o yaml`.\n",
    );
    expect(await names()).toEqual([]);
  });

  it("says of a server of another kind what it is not", async () => {
    const { stderr, exitCode } = await offline("snapshot save it.snapshot");
    expect(exitCode).toBe(1);
    expect(stderr).toContain(`${TEST_SERVER} answers, but not as a Trellis server`);
    expect(await names()).toEqual([]);
  });

  /** A server that sends what the store would, changed. */
  const sending = (edit: (pieces: Uint8Array[]) => Uint8Array[], end?: () => void) =>
    createRouterTransport((router) => {
      router.service(ClusterService, {
        async *saveSnapshot() {
          const snapshot = await server.store.node.openSnapshot();
          const { header, bytes } = snapshot;
          const value = { clusterId: header.clusterId, version: BigInt(header.index), bytes: BigInt(bytes) };
          yield { content: { case: "description" as const, value } };
          const all: Uint8Array[] = [];
          for await (const piece of snapshot.pieces()) all.push(piece);
          for (const piece of edit(all)) {
            yield { content: { case: "piece" as const, value: piece as Uint8Array<ArrayBuffer> } };
          }
          end?.();
        },
      });
    });

  it.each([
    ["cut off", (whole: Buffer) => whole.subarray(0, whole.length - 3), /it ends too early/],
    [
      "changed on its way",
      (whole: Buffer) => Buffer.from(whole.map((byte, at) => (at === 60 ? byte ^ 1 : byte))),
      /checksum/,
    ],
    ["too long", (whole: Buffer) => Buffer.concat([whole, whole]), /something behind its end/],
  ])("keeps nothing of a snapshot that comes in %s", async (_, edit, message) => {
    const transport = sending((pieces) => [edit(Buffer.concat(pieces))]);
    const { exitCode, stdout, stderr } = await terminal({}, transport)("snapshot save it.snapshot");
    expect([exitCode, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(
      /^error: what http:\/\/trellis\.test:7500 sent is damaged at byte \d+: .*\nNothing was saved\. Try again\.\n$/,
    );
    expect(await names()).toEqual([]);
  });

  it("keeps nothing when the connection is cut in the middle, and leaves the file that it would replace", async () => {
    await save();
    const before = await readFile(join(root, "it.snapshot"));
    const transport = sending(
      (pieces) => pieces.map((piece) => piece.subarray(0, 20)),
      () => {
        throw new ConnectError("the server went away", Code.Unavailable);
      },
    );
    const { exitCode, stderr } = await terminal({}, transport)("snapshot save it.snapshot --force");
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("went away") });
    expect(await names()).toEqual(["it.snapshot"]);
    expect(await readFile(join(root, "it.snapshot"))).toEqual(before);
  });

  it("keeps nothing when it is interrupted, and ends with 130", async () => {
    const interruption = new AbortController();
    const transport = sending((pieces) => {
      interruption.abort();
      return pieces;
    });
    const { exitCode, stdout } = await terminal({}, transport)("snapshot save it.snapshot", {
      signal: interruption.signal,
    });
    expect([exitCode, stdout]).toEqual([130, ""]);
    expect(await names()).toEqual([]);
  });

  it("shows on a terminal how far it is, when there is much to save", async () => {
    for (let at = 0; at < 6; at++)
      await server.store.backend.commit([stored("Thing", `large-${at}`, 1024 * 1024)]);
    const { stderr, stdout } = await terminal({ columns: 80 })("snapshot save it.snapshot");
    expect(stderr).toMatch(/^.{4}Saving {2}█*░+ {2}0\.\d MiB\/6\.0 MiB/s);
    expect(stderr.endsWith(ERASE)).toBe(true);
    expect(stdout).toMatch(/^Saved/);
  });
});

describe("trellis snapshot verify", () => {
  it("shows of a whole file what save showed", async () => {
    const { stdout: saved } = await terminal()("snapshot save it.snapshot");
    const { stdout, stderr, exitCode } = await offline("snapshot verify it.snapshot");
    expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 0 });
    const [, ...rest] = saved.split("\n");
    expect(stdout).toBe(["Snapshot   it.snapshot", "State      ● whole", ...rest].join("\n"));
    const json = JSON.parse((await offline("snapshot verify it.snapshot -o json")).stdout) as unknown;
    expect(json).toMatchObject({ file: "it.snapshot", state: "whole", resources: 4 });
  });

  it("fails for damage, with the place and what to do", async () => {
    await save();
    await change("it.snapshot", 70);
    const failed = await offline("snapshot verify it.snapshot");
    expect(failed).toMatchObject({ exitCode: 1, stdout: "" });
    expect(failed.stderr).toMatch(
      /^error: it\.snapshot is damaged at byte \d+: a checksum does not fit\. Use another snapshot, or save a new one from a server that runs\n$/,
    );
    const json = await offline("snapshot verify it.snapshot -o json");
    expect(json.exitCode).toBe(1);
    expect(JSON.parse(json.stdout)).toEqual({
      file: "it.snapshot",
      state: "damaged",
      message: expect.stringMatching(/damaged at byte \d+/),
    });
  });

  it.each([
    ["what is not there", "nowhere", "nowhere is not there\nName a file that"],
    ["a directory", "original", "original is a directory, and a snapshot is a file"],
    ["a device, or a pipe that may never end", "/dev/null", "/dev/null is no plain file, and a snapshot is"],
    ["another file", "text", "text is damaged at byte 0: it does not begin as a snapshot of format 1 does"],
    ["an empty file", "empty", "empty is damaged at byte 0: it ends too early"],
  ])("refuses %s", async (_, file, message) => {
    await writeFile(join(root, "text"), "type: demo.v2.Artist\n");
    await writeFile(join(root, "empty"), "");
    const { exitCode, stdout, stderr } = await offline(`snapshot verify ${file}`);
    expect([exitCode, stdout]).toEqual([1, ""]);
    expect(stderr).toContain(`error: ${message}`);
  });
});

describe("trellis snapshot restore", () => {
  it("makes a directory hold the resources as a new store, and says how to start on it", async () => {
    await save();
    const { stdout, stderr, exitCode } = await offline("snapshot restore it.snapshot --data-dir data");
    expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 0 });
    const restored = await openStoredServer(join(root, "data"));
    try {
      const { clusterId } = restored.store.node;
      const { storeId } = restored.store.backend.position();
      const version = Number(/from version (\d+) on/.exec(stdout)?.[1]);
      expect(version).toBeGreaterThanOrEqual(server.store.backend.position().version + 2 ** 32);
      expect(restored.store.backend.position().version).toBeGreaterThanOrEqual(version);
      expect(stdout).toBe(
        [
          "Restored   ● it.snapshot into data",
          `Cluster    ${clusterId}, new`,
          `Store      ${storeId}, new, from version ${version} on`,
          "Resources  4",
          "",
          "Start it with",
          "",
          `  npm start -- --data-dir ${join(root, "data")}`,
          "",
          "or as the first node of a cluster with",
          "",
          `  trellis-storage-node --data-dir ${join(root, "data")} --name NAME --listen HOST:PORT`,
          "",
        ].join("\n"),
      );
      expect(storeId).not.toBe(server.store.backend.position().storeId);
      const { key } = stored("Thing", "b");
      expect((await restored.store.backend.read(key)).record).toEqual(
        (await server.store.backend.read(key)).record,
      );
    } finally {
      await restored.store.close();
    }
  });

  it("quotes a path that a shell would take apart", async () => {
    await save();
    const { stdout } = await offline(["snapshot", "restore", "it.snapshot", "--data-dir", "it's data"]);
    expect(stdout).toContain(`--data-dir '${root}/it'\\''s data'\n`);
  });

  it("gives up a store only when it is told to", async () => {
    await save();
    await offline("snapshot restore it.snapshot --data-dir data");
    expect(await offline("snapshot restore it.snapshot --data-dir data")).toEqual({
      exitCode: 1,
      stdout: "",
      stderr:
        "error: data holds a store already\nName an empty directory, or give that store up with --replace.\n",
    });
    expect((await offline("snapshot restore it.snapshot --data-dir data --replace")).exitCode).toBe(0);
  });

  it("touches nothing before the whole file was found in order", async () => {
    await save();
    const { size } = await stat(join(root, "it.snapshot"));
    await change("it.snapshot", size - 1);
    const { exitCode, stdout, stderr } = await offline(
      "snapshot restore it.snapshot --data-dir data --replace",
    );
    expect([exitCode, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^error: it\.snapshot is damaged at byte \d+: .*\n$/);
    expect(await names()).toEqual(["it.snapshot"]);
  });

  it.each([
    [
      "the directory of a server that runs",
      "original --replace",
      "original is in use by a server\nStop that server",
    ],
    [
      "a directory with other things",
      "folder --replace",
      "folder is no data directory: it holds notes.txt\nName an",
    ],
    ["a file", "file", "file is a file, or below one\nName a directory."],
    ["what is below a file", "file/data", "file/data is a file, or below one\nName a directory."],
  ])("refuses %s", async (_, directory, message) => {
    await save();
    await mkdir(join(root, "folder"));
    await writeFile(join(root, "folder/notes.txt"), "");
    await writeFile(join(root, "file"), "");
    const { exitCode, stdout, stderr } = await offline(
      `snapshot restore it.snapshot --data-dir ${directory}`,
    );
    expect([exitCode, stdout]).toEqual([1, ""]);
    expect(stderr).toContain(`error: ${message}`);
    expect(await readdir(join(root, "folder"))).toEqual(["notes.txt"]);
  });

  it("refuses what is no snapshot, and needs a directory", async () => {
    expect((await offline("snapshot restore nowhere --data-dir data")).stderr).toMatch(
      /^error: nowhere is not there\n/,
    );
    const { exitCode, stderr } = await offline("snapshot restore it.snapshot");
    expect({ exitCode, stderr }).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("--data-dir <dir>"),
    });
    expect(await names()).toEqual([]);
  });
});

describe("the help of trellis snapshot", () => {
  it.each(["save", "verify", "restore"])("shows how %s is used", async (name) => {
    const { stdout, exitCode } = await offline(`snapshot ${name} --help`);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(new RegExp(`^Usage: trellis snapshot ${name} .+<file>\n`));
    expect(stdout).toContain(`\nExamples:\n  trellis snapshot ${name} backup.snapshot`);
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  });
});
