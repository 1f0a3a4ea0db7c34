import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, stat, statfs, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";

import { inspectWal } from "./inspect.ts";
import { openNodeDisk } from "./node-disk.ts";
import { openWal } from "./open-wal.ts";
import { systemClock } from "./test-support/system-clock.ts";
import { codeOf, contentOf, entries, entry, SMALL_LIMITS, textOf } from "./test-support/test-log.ts";
import type { Wal } from "./wal.ts";

const APPENDER = join(import.meta.dirname, "test-support/append-until-killed.ts");

describe("a log on a real disk", () => {
  let directory: string;
  const children: ChildProcess[] = [];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "trellis-wal-"));
  });

  afterEach(async () => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
    await rm(directory, { recursive: true, force: true });
  });

  async function open(path = directory): Promise<Wal> {
    const disk = await openNodeDisk(path);
    return await openWal({ disk, clock: systemClock, random: Math.random }, { limits: SMALL_LIMITS });
  }

  /** Starts a process on the log. Answers its output, line by line, and how to kill it. */
  function start(mode: "append" | "hold"): { lines: AsyncIterator<string>; kill: () => Promise<void> } {
    const child = spawn(process.execPath, ["--no-warnings", APPENDER, directory, mode], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    children.push(child);
    if (child.stdout === null) throw new Error("the child has an output");
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
    return {
      lines,
      kill: async () => {
        child.kill("SIGKILL");
        await ended;
      },
    };
  }

  it("keeps everything over starts, in files that are as large as they will ever be", async () => {
    const path = join(directory, "made", "on", "the", "way");
    const wal = await open(path);
    for (let index = 1; index <= 100; index++) await wal.append({ entries: [entry(index, 1, 900)] });
    await wal.append({ snapshot: { index: 80, term: 1 } });
    await wal.dropBefore(81);
    await wal.reserveSnapshotRoom(3_000_000);
    await wal.withSnapshotRoom(async () => expect((await stat(join(path, "snapshot.room"))).size).toBe(0));
    await wal.close();
    for (const name of await readdir(path)) {
      const { size } = await stat(join(path, name));
      if (name.endsWith(".wal") || name.endsWith(".spare")) expect(size).toBe(SMALL_LIMITS.segmentBytes);
    }
    const again = await open(path);
    expect(again).toMatchObject({ lastIndex: 100, snapshot: { index: 80, term: 1 } });
    expect((await contentOf(again)).slice(-20)).toEqual(entries(81, 20, 1, 900).map(textOf));
    await again.close();
    expect(await inspectWal(await openNodeDisk(path))).toMatchObject({
      damage: undefined,
      tornTail: undefined,
    });
  });

  it("has everything that a process acknowledged before it was killed in the middle of appends", async () => {
    for (let round = 0; round < 4; round++) {
      const { lines, kill } = start("append");
      let acknowledged = 0;
      for (let count = 0; count < 150 + round * 37; count++) {
        const { value } = (await lines.next()) as { value: string };
        if (!value.startsWith("open")) acknowledged = Number(value);
      }
      await kill();
      for (let line = await lines.next(); line.done !== true; line = await lines.next()) {
        acknowledged = Number(line.value);
      }
      const wal = await open();
      expect(wal.lastIndex).toBeGreaterThanOrEqual(acknowledged);
      const expected = entries(wal.firstIndex, wal.lastIndex - wal.firstIndex + 1, 1, 300).map(textOf);
      expect(await contentOf(wal)).toEqual(expected);
      expect(Buffer.from(wal.hardState ?? []).toString()).toBe(`hard state ${wal.lastIndex}`);
      await wal.close();
    }
  });

  it("is open for one process at a time, and free when that one is killed", async () => {
    const { lines, kill } = start("hold");
    expect(await lines.next()).toMatchObject({ value: "open 0" });
    expect(await codeOf(open())).toBe("locked");
    await kill();
    const wal = await open();
    expect(await codeOf(open())).toBe("locked");
    await wal.close();
    await (await open()).close();
  });

  it("says of a lock that cannot be had for another reason which file it is, and what to do", async () => {
    for (const spoil of [mkdir, (path: string) => writeFile(path, "x".repeat(4096))]) {
      await spoil(join(directory, "LOCK"));
      const refused = await open().catch((error: unknown) => error as Error);
      expect(refused).toMatchObject({ code: "io" });
      expect((refused as Error).message).toMatch(
        /LOCK cannot be locked \(.+\)\. This user needs the right to write it and its directory; the file itself holds nothing/,
      );
      await rm(join(directory, "LOCK"), { recursive: true });
    }
    await (await open()).close();
  });

  it("knows how much is free on its disk", async () => {
    const { bavail, bsize } = await statfs(directory);
    const freeBytes = await (await openNodeDisk(directory)).freeBytes?.();
    // Others write to the same disk.
    expect(freeBytes).toBeGreaterThan((bavail * bsize) / 2);
    expect(freeBytes).toBeLessThan(bavail * bsize * 2);
  });

  it("refuses a directory that it cannot use", async () => {
    const wal = await open();
    await wal.close();
    expect(await codeOf(open(join(directory, "LOCK", "below a file")))).toMatch(/ENOTDIR/);
    // Says of what is below it that its parent is missing, which is there.
    const nothingIsMadeIn = existsSync("/proc/self") ? "/proc" : join(directory, "LOCK");
    expect(await codeOf(open(join(nothingIsMadeIn, "none", "below")))).toMatch(/ENOENT|ENOTDIR/);
  });

  it("makes its directory and those above it, also when two want them at once", async () => {
    const paths = ["a", "b"].map((name) => join(directory, "deep", "deeper", name));
    await Promise.all(paths.map((path) => openNodeDisk(path)));
    for (const path of paths) expect((await stat(path)).isDirectory()).toBe(true);
    await openNodeDisk(join(directory, "deep"));
  });
});
