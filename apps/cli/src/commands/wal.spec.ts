import { mkdtemp, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { create, toBinary } from "@bufbuild/protobuf";
import { createRouterTransport } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { HardStateSchema } from "@trellis/protos/trellis/raft/v1/log_pb";
import { openNodeDisk, openWal, type Wal } from "@trellis/wal";

import { createTerminal } from "../test-support/terminal.ts";

const FIRST = "0000000000000001.wal";
const SECOND = "0000000000000002.wal";
/** A record of one entry of so many bytes takes two sectors, and a segment holds twelve. */
const ENTRY_BYTES = 900;

describe("trellis wal inspect", () => {
  let data: string;
  const open: Wal[] = [];

  beforeEach(async () => {
    data = await mkdtemp(join(tmpdir(), "trellis-cli-wal-"));
  });

  afterEach(async () => {
    for (const wal of open.splice(0)) await wal.close();
    await rm(data, { recursive: true, force: true });
  });

  const trellis = async (command: string) =>
    // No server is asked: this one answers nothing.
    createTerminal(
      createRouterTransport(() => undefined),
      { cwd: data },
    )(command);

  /** A log of two segments with 16 entries, the last four of term 2; open, as in a running node, until it is closed. */
  async function makeLog(): Promise<Wal> {
    const clock = { monotonic: () => 0, after: () => () => undefined };
    const wal = await openWal(
      { disk: await openNodeDisk(join(data, "wal")), clock, random: Math.random },
      { limits: { segmentBytes: 16 * 1024, appendBytes: 4096, batchBytes: 4096, hardStateBytes: 256 } },
    );
    open.push(wal);
    const hardState = toBinary(HardStateSchema, create(HardStateSchema, { term: 2n, vote: 7n, commit: 15n }));
    for (let index = 1; index <= 16; index++) {
      const entry = { index, term: index > 12 ? 2 : 1, bytes: new Uint8Array(ENTRY_BYTES) };
      await wal.append({ entries: [entry], ...(index === 16 ? { hardState } : {}) });
    }
    await wal.append({ snapshot: { index: 10, term: 1 } });
    await wal.reserveSnapshotRoom(0);
    return wal;
  }

  async function change(file: string, edit: (content: Buffer) => void): Promise<void> {
    const path = join(data, "wal", file);
    const content = await readFile(path);
    edit(content);
    await writeFile(path, content);
  }

  async function contents(): Promise<readonly unknown[]> {
    const names = (await readdir(join(data, "wal"))).sort();
    return await Promise.all(
      names.map(async (name) => {
        const path = join(data, "wal", name);
        return [name, (await stat(path)).mtimeMs, await readFile(path, "hex")];
      }),
    );
  }

  it("shows what a log holds that is in use, and changes nothing", async () => {
    await makeLog();
    const before = await contents();
    const { stdout, stderr, exitCode } = await trellis("wal inspect wal");
    expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 0 });
    expect(stdout).toMatch(/^Log +[0-9a-f]{32} in wal\nState +● whole\nEntries +1–16\n/);
    expect(stdout).toMatch(/\nHard state +term 2, vote for 7, commit 15\nSnapshot +of entry 10 in term 1\n/);
    expect(stdout).toMatch(/\nFiles +4 segments, 17 records\n/);
    expect(stdout).toMatch(/\nSEGMENT +STATE +ENTRIES +TERMS +RECORDS +BYTES +USED +SYNCED\n/);
    expect(stdout).toMatch(new RegExp(`\n${FIRST} +full +1–12 +1 +12 +16384 +16384 +16384\n`));
    expect(stdout).toMatch(new RegExp(`\n${SECOND} +current +13–16 +2 +5 +16384 +8704 +8192\n`));
    expect(stdout).toMatch(/\n0000000000000004\.wal +prepared +- +- +0 +16384 +4096 +4096\n$/);
    expect(await contents()).toEqual(before);
  });

  it("says that a log was closed", async () => {
    const wal = await makeLog();
    await wal.close();
    expect((await trellis("wal inspect wal")).stdout).toMatch(/\nState +● whole, closed\n/);
  });

  it("prints the same as JSON", async () => {
    await makeLog();
    const { stdout, exitCode } = await trellis("wal inspect wal -o json");
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      directory: "wal",
      logId: expect.stringMatching(/^[0-9a-f]{32}$/),
      state: "whole",
      isClosed: false,
      entries: { from: 1, to: 16 },
      hardState: { hex: "08021007180f", term: 2, vote: 7, commit: 15 },
      snapshot: { index: 10, term: 1 },
      records: 17,
      segments: [
        { file: FIRST, state: "full", indexes: { from: 1, to: 12 }, terms: { from: 1, to: 1 } },
        { file: SECOND, state: "current", usedBytes: 8704, syncedBytes: 8192 },
        { state: "prepared" },
        { state: "prepared" },
      ],
      spareFiles: [],
    });
  });

  it("shows a hard state that no Raft node wrote as it is", async () => {
    const wal = await makeLog();
    await wal.append({ hardState: Buffer.from("x".repeat(40)) });
    const { stdout } = await trellis("wal inspect wal");
    expect(stdout).toMatch(new RegExp(`\nHard state +40 bytes: ${"78".repeat(32)}…\n`));
    const json = JSON.parse((await trellis("wal inspect wal -o json")).stdout) as { hardState: unknown };
    expect(json.hardState).toEqual({ hex: "78".repeat(40) });
  });

  it("tells of a torn tail, which is no failure", async () => {
    await makeLog();
    // The last record but one takes two sectors, from 7,168 on; of the last one nothing is left.
    await change(SECOND, (content) => content.fill(0, 7168 + 512, 8704));
    const { stdout, stderr, exitCode } = await trellis("wal inspect wal");
    expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 0 });
    expect(stdout).toMatch(/\nState +● whole, with a torn tail\nEntries +1–15\n/);
    expect(stdout).toContain(`${SECOND} has 512 bytes at byte 7168 that belong to no whole record`);
    const json: unknown = JSON.parse((await trellis("wal inspect wal -o json")).stdout);
    expect(json).toMatchObject({ state: "torn", tornTail: { file: SECOND, offset: 7168, bytes: 512 } });
  });

  it("fails for damage, with the file, the place and what to do, after what comes before it", async () => {
    await makeLog();
    await change(FIRST, (content) => (content[4096 + 1024 + 100] = 1));
    const { stdout, stderr, exitCode } = await trellis("wal inspect wal");
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(
      /\nState +○ damaged; what follows is of what comes before the damage\nEntries +1\n/,
    );
    expect(stdout).toMatch(new RegExp(`\n${FIRST} +damaged +1 +1 +1 +16384 +5120 +4096\n`));
    expect(stdout).toMatch(new RegExp(`\n${SECOND} +unread +- +- +- +16384 +- +-\n`));
    expect(stderr).toMatch(new RegExp(`^error: ${FIRST} is damaged at byte 5120: .*join again`));
    const json = await trellis("wal inspect wal -o json");
    expect(json.exitCode).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({
      state: "damaged",
      damage: { code: "damaged", file: FIRST, offset: 5120, message: expect.stringContaining("byte 5120") },
    });
  });

  it("fails for a log of which a segment is missing", async () => {
    const wal = await makeLog();
    await wal.close();
    await rm(join(data, "wal", SECOND));
    const { stdout, stderr, exitCode } = await trellis("wal inspect wal");
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^Log +unknown in wal\nState +○ damaged/);
    expect(stderr).toMatch(new RegExp(`^error: ${SECOND} is damaged at byte 0: the file is missing`));
  });

  it.each([
    ["what is not there", "nowhere", "nowhere is not there", "Name the directory of a log"],
    ["a segment", `wal/${FIRST}`, "is a file", "It is one segment of a log"],
    ["another file", "wal/LOCK", "is a file", "Name the directory with the segments"],
    ["a directory below a file", "wal/LOCK/x", "is not there", "Name the directory of a log"],
    ["an empty directory", "empty", "empty holds no log", "A log is a directory with segments"],
    ["the directory above the log", ".", ". holds no log", "Its log is in wal."],
  ])("refuses %s, and makes nothing", async (_, directory, message, hint) => {
    await makeLog();
    await mkdir(join(data, "empty"));
    const { stdout, stderr, exitCode } = await trellis(`wal inspect ${directory}`);
    expect({ stdout, exitCode }).toEqual({ stdout: "", exitCode: 1 });
    expect(stderr).toContain(message);
    expect(stderr).toContain(`\n${hint}`);
    expect((await readdir(data)).sort()).toEqual(["empty", "wal"]);
    expect(await readdir(join(data, "empty"))).toEqual([]);
  });

  it("takes one directory, and says how it is used", async () => {
    expect(await trellis("wal inspect")).toMatchObject({ exitCode: 2, stdout: "" });
    expect(await trellis("wal inspect a b")).toMatchObject({ exitCode: 2, stdout: "" });
    const { stdout, exitCode } = await trellis("wal inspect --help");
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^Usage: trellis wal inspect .+\n\nShow what a log holds/);
    expect(stdout).toContain("\nExamples:\n  trellis wal inspect data/wal\n");
  });
});
