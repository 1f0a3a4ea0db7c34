import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";

import { albumsAt } from "./test-support/albums.ts";
import { type Standalone, startStandalone } from "./test-support/standalone.ts";

let root: string;
let running: Standalone[] = [];
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "trellis-data-dir-"));
});
afterEach(async () => {
  await Promise.all(running.map((one) => one.end()));
  running = [];
  await rm(root, { recursive: true });
});

const dataDir = () => join(root, "data");

function start(environment: Readonly<Record<string, string>> = {}): Standalone {
  const args = ["--listen", "127.0.0.1:0", "--domain", "@trellis/demo", "--data-dir", dataDir()];
  const standalone = startStandalone(args, environment);
  running.push(standalone);
  return standalone;
}

/** Its one line, once it has refused to start. */
async function refusal(): Promise<string> {
  const standalone = start();
  expect(await standalone.ended).toBe(1);
  expect(standalone.stdout()).toBe("");
  const [line = "", ...others] = standalone.stderr().trimEnd().split("\n");
  expect(others).toEqual([]);
  return line;
}

/** Changes one byte of a file. */
async function damage(file: string, offset: number): Promise<void> {
  const bytes = await readFile(file);
  bytes[offset] = (bytes[offset] ?? 0) ^ 1;
  await writeFile(file, bytes);
}

describe("a standalone server that is started again on its data directory", () => {
  it.each(["SIGTERM", "SIGKILL"] as const)(
    "after %s has all that was acknowledged, and goes on",
    async (signal) => {
      const first = start();
      const before = albumsAt(await first.url());
      for (const name of ["kept", "changed", "deleted"]) await before.put(name, "First");
      await before.put("changed", "Second");
      await before.delete("deleted");
      const [kept, changed] = [await before.read("kept"), await before.read("changed")];
      first.signal(signal);
      await first.ended;

      const after = albumsAt(await start().url());
      expect((await after.read("kept")).body).toEqual(kept.body);
      expect((await after.read("changed")).body).toEqual(changed.body);
      expect((await after.read("deleted")).status).toBe(404);
      const { store, version } = await after.put("new", "Third");
      expect(store).toBe(changed.store);
      expect(Number(version)).toBeGreaterThan(Number(changed.version));
    },
  );

  it("makes the directory, and those above it", async () => {
    const deep = startStandalone(["--listen", "127.0.0.1:0", "--data-dir", join(root, "a/b c/d")]);
    running.push(deep);
    await deep.url();
    expect(deep.stdout()).toContain(`data          in ${root}/a/b c/d\n`);
    expect(await readdir(join(root, "a/b c/d"))).toEqual(
      expect.arrayContaining(["node.json", "snapshots", "wal"]),
    );
  });
});

describe("a data directory that cannot be used is told in one line", () => {
  it("while another server has it, and which that is", async () => {
    const first = start();
    const albums = albumsAt(await first.url());
    expect(await refusal()).toMatch(
      new RegExp(
        `^trellis-standalone: --data-dir: ${dataDir()} is in use by another server(, process \\d+)?; stop that one first, or give this one another directory$`,
      ),
    );
    expect((await albums.put("a", "It goes on")).status).toBe(200);
  });

  it("when its log is damaged: which file, where, and what to do", async () => {
    const first = start();
    const albums = albumsAt(await first.url());
    for (let at = 0; at < 5; at++) await albums.put(`album-${at}`, "Title");
    await first.end();
    const segment = join(dataDir(), "wal/0000000000000001.wal");
    await damage(segment, 4096 + 40);
    const before = await readFile(segment, "hex");
    const line = await refusal();
    expect(line).toMatch(
      new RegExp(
        `^trellis-standalone: --data-dir: ${dataDir()} cannot be opened: ${segment} is damaged at byte \\d+: .*` +
          "Look for disk errors; then put the directory back from a copy, or begin with an empty one: restore a snapshot into it",
      ),
    );
    expect(await readFile(segment, "hex")).toBe(before);
  });

  it("when its snapshot is damaged", async () => {
    const first = start();
    await first.url();
    first.signal("SIGTERM");
    await first.ended;
    const [name = ""] = await readdir(join(dataDir(), "snapshots"));
    const snapshot = join(dataDir(), "snapshots", name);
    await damage(snapshot, 30);
    expect(await refusal()).toMatch(
      new RegExp(
        `^trellis-standalone: --data-dir: ${dataDir()} cannot be opened: ${snapshot} is damaged at byte \\d+: a checksum does not fit\\. ` +
          "Look for disk errors; then put the file back from a copy, or begin with an empty directory: restore a snapshot",
      ),
    );
  });

  it("when what says whose it is is damaged, or gone", async () => {
    const first = start();
    await first.url();
    first.signal("SIGTERM");
    await first.ended;
    const identity = join(dataDir(), "node.json");
    const content = await readFile(identity);
    await writeFile(identity, content.subarray(0, 20));
    expect(await refusal()).toMatch(
      / cannot be opened: .*\/node\.json is no JSON; put the file back from a copy/,
    );
    await rm(identity);
    expect(await refusal()).toMatch(
      / cannot be opened: .* holds a store, and node\.json, which says whose it is, is gone; /,
    );
    await writeFile(identity, content);
    await start().url();
  });
});

/** Lets the disk fail from the moment on that a file is there. */
const FAILING_DISK = `import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
const { fdatasync } = fs;
fs.fdatasync = (descriptor, done) =>
  fs.existsSync(process.env.DISK_FAILS)
    ? done(Object.assign(new Error("EIO: i/o error, fdatasync"), { code: "EIO", syscall: "fdatasync" }))
    : fdatasync(descriptor, done);
syncBuiltinESMExports();`;

describe("a standalone server whose disk fails", () => {
  it("acknowledges nothing more, says why in one line, and ends with 1", async () => {
    const trigger = join(root, "fails");
    const standalone = start({
      DISK_FAILS: trigger,
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(FAILING_DISK)}`,
    });
    const albums = albumsAt(await standalone.url());
    expect((await albums.put("before", "Kept")).status).toBe(200);
    await writeFile(trigger, "");
    const failed = await albums.put("after", "Nobody knows").catch(() => undefined);
    expect(failed?.status ?? 500).toBeGreaterThanOrEqual(500);
    expect(await standalone.ended).toBe(1);
    expect(standalone.stderr()).toMatch(
      /^trellis-standalone: the storage failed, and with it this server: .*EIO.*\n$/,
    );
    await rm(trigger);
    const again = albumsAt(await start().url());
    expect((await again.read("before")).status).toBe(200);
  });
});
