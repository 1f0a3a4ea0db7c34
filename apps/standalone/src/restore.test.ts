import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { connectClient } from "@trellis/client/node";
import { v2 } from "@trellis/demo";
import { systemClock } from "@trellis/resource";
import { eventually, runProgram } from "@trellis/testkit";

import { albumsAt, type Answer, type Mark } from "./test-support/albums.ts";
import { repositoryRoot } from "./test-support/checkout.ts";
import { type Standalone, startStandalone } from "./test-support/standalone.ts";

/** The command line as npm links it. */
const TRELLIS = join(repositoryRoot, "node_modules/.bin/trellis");
/** How long a client may take to find a server again. */
const AGAIN_MS = 20_000;

let root: string;
let running: Standalone[] = [];
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "trellis-restore-"));
});
afterEach(async () => {
  await Promise.all(running.map((one) => one.end()));
  running = [];
  await rm(root, { recursive: true });
});

function start(place: readonly string[], listen = "127.0.0.1:0"): Standalone {
  const standalone = startStandalone(["--listen", listen, "--domain", "@trellis/demo", ...place]);
  running.push(standalone);
  return standalone;
}

async function trellis(...args: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await runProgram(TRELLIS, args);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  return stdout;
}

/** What the SDK's watch tells of albums, as `kind name title`; it goes on until it is ended. */
function watchAlbums(url: string) {
  const client = connectClient({ server: url, clock: systemClock, random: Math.random });
  const stop = new AbortController();
  const told: string[] = [];
  const ended = (async () => {
    for await (const item of client.watch(v2.Album, {}, { signal: stop.signal })) {
      told.push(
        item.kind === "endOfSnapshot"
          ? item.kind
          : `${item.kind} ${item.resource.id.name} ${item.resource.data.title}`,
      );
    }
  })().catch(() => undefined);
  return {
    client,
    told,
    async end() {
      stop.abort();
      await ended;
      client.close();
    },
  };
}

/** The version of an album that a write has answered with. */
function versionOf({ body }: Answer): string {
  return String((body["resource"] as { version: string } | undefined)?.version ?? body["version"]);
}

describe("clients that go on where they were", () => {
  it("do so when the server was started again: the store is the same", async () => {
    const place = ["--data-dir", join(root, "data")];
    const first = start(place);
    const url = await first.url();
    const before = albumsAt(url);
    const mark: Mark = await before.put("one", "First");
    const last: Mark = await before.put("two", "Second");
    const watch = watchAlbums(url);
    try {
      await eventually(() => expect(watch.told).toContain("endOfSnapshot"), AGAIN_MS);
      first.signal("SIGKILL");
      await first.ended;
      await start(place, new URL(url).host).url();

      const after = albumsAt(url);
      expect(await after.readSince("two", last)).toMatchObject({ status: 200, store: mark.store });
      const resumed = await after.watchSince(mark);
      expect(resumed).toMatchObject({
        status: 200,
        lines: [{ upsert: { resource: { id: { name: "two" } } } }, { endOfSnapshot: {} }],
      });
      await after.put("three", "Third");
      await eventually(() => expect(watch.told).toContain("upsert three Third"), AGAIN_MS);
      expect(watch.told).toEqual([
        "upsert one First",
        "upsert two Second",
        "endOfSnapshot",
        "upsert three Third",
      ]);
    } finally {
      await watch.end();
    }
  });

  it("are told when a snapshot was restored: what came after it is gone, and no version is met again", async () => {
    const place = ["--data-dir", join(root, "data")];
    const first = start(place);
    const url = await first.url();
    const before = albumsAt(url);
    const kept = await before.put("kept", "As it was saved");
    await before.put("changed", "As it was saved");
    await before.put("deleted", "As it was saved");
    const file = join(root, "it.snapshot");
    expect(await trellis("snapshot", "save", file, "--server", url)).toMatch(/\ndemo\.Album +3\n/);
    const changed = await before.put("changed", "Since");
    await before.delete("deleted");
    const last: Mark = await before.put("added", "Since");
    const watch = watchAlbums(url);
    try {
      await eventually(() => expect(watch.told).toContain("endOfSnapshot"), AGAIN_MS);
      await watch.client.read(v2.Album, { name: "added" });
      first.signal("SIGTERM");
      await first.ended;
      await trellis("snapshot", "verify", file);
      await trellis("snapshot", "restore", file, ...place, "--replace");
      await start(place, new URL(url).host).url();

      const after = albumsAt(url);
      expect(await after.names()).toEqual(["changed", "deleted", "kept"]);
      expect((await after.read("kept")).body).toEqual(kept.body);
      // One who has seen more is told that this is another store, whatever it asks.
      for (const mark of [kept, last]) {
        expect(await after.readSince("kept", mark)).toMatchObject({ body: { reason: "STORE_CHANGED" } });
        expect(await after.watchSince(mark)).toMatchObject({
          status: 410,
          lines: [{ reason: "STORE_CHANGED" }],
        });
      }
      // Who would change what was there since is refused, and overwrites nothing.
      expect(await after.put("changed", "On top", versionOf(changed))).toMatchObject({
        body: { reason: "VERSION_MISMATCH" },
      });
      const { store, version: next } = await after.put("new", "After");
      expect(store).not.toBe(last.store);
      expect(Number(next)).toBeGreaterThan(Number(last.version) + 2 ** 31);
      // The SDK moves on by itself, and makes up what its watch has missed.
      await eventually(() => {
        const since = watch.told.slice(watch.told.indexOf("endOfSnapshot") + 1);
        expect(since.sort()).toEqual([
          "delete added Since",
          "upsert changed As it was saved",
          "upsert deleted As it was saved",
          "upsert new After",
        ]);
      }, AGAIN_MS);
      expect((await watch.client.read(v2.Album, { name: "kept" })).data.title).toBe("As it was saved");
    } finally {
      await watch.end();
    }
  });

  it("are told when the directory of a member was recovered that had not heard of all: what it had not is gone", async () => {
    const data = join(root, "data");
    const first = start(["--data-dir", data]);
    const url = await first.url();
    const kept = await albumsAt(url).put("kept", "As it was heard of");
    await albumsAt(url).put("changed", "As it was heard of");
    first.signal("SIGKILL");
    await first.ended;
    const behind = join(root, "behind");
    await cp(data, behind, { recursive: true });

    const again = start(["--data-dir", data], new URL(url).host);
    const before = albumsAt(await again.url());
    const changed = await before.put("changed", "Since");
    const last = await before.put("added", "Since");
    const watch = watchAlbums(url);
    try {
      await eventually(() => expect(watch.told).toContain("endOfSnapshot"), AGAIN_MS);
      again.signal("SIGKILL");
      await again.ended;
      expect(await trellis("cluster", "recover", "--data-dir", behind, "--yes")).toContain("Recovered");
      await start(["--data-dir", behind], new URL(url).host).url();

      const after = albumsAt(url);
      for (const mark of [kept, last]) {
        expect(await after.readSince("kept", mark)).toMatchObject({ body: { reason: "STORE_CHANGED" } });
        expect(await after.watchSince(mark)).toMatchObject({
          status: 410,
          lines: [{ reason: "STORE_CHANGED" }],
        });
      }
      const refused = { body: { reason: "VERSION_MISMATCH" } };
      expect(await after.put("changed", "On top", versionOf(changed))).toMatchObject(refused);
      expect(await after.put("added", "On top", versionOf(last))).toMatchObject(refused);
      // Who read what is still so may go on.
      expect(await after.put("kept", "Goes on", versionOf(kept))).toMatchObject({ status: 200 });
      await eventually(() => {
        const since = watch.told.slice(watch.told.indexOf("endOfSnapshot") + 1);
        expect(since.sort()).toEqual([
          "delete added Since",
          "upsert changed As it was heard of",
          "upsert kept Goes on",
        ]);
      }, AGAIN_MS);
    } finally {
      await watch.end();
    }
  });

  it("are told when a server that keeps resources in memory was started again: it is empty, and another store", async () => {
    const first = start(["--memory"]);
    const url = await first.url();
    const mark: Mark = await albumsAt(url).put("gone", "Gone");
    const watch = watchAlbums(url);
    try {
      await eventually(() => expect(watch.told).toContain("endOfSnapshot"), AGAIN_MS);
      first.signal("SIGTERM");
      await first.ended;
      await start(["--memory"], new URL(url).host).url();

      const after = albumsAt(url);
      expect(await after.readSince("gone", mark)).toMatchObject({ body: { reason: "STORE_CHANGED" } });
      expect(await after.watchSince(mark)).toMatchObject({
        status: 410,
        lines: [{ reason: "STORE_CHANGED" }],
      });
      const { store, version } = await after.put("new", "New");
      expect(store).not.toBe(mark.store);
      expect(Number(version)).toBeGreaterThan(Number(mark.version));
      await eventually(
        () => expect(watch.told.slice(2).sort()).toEqual(["delete gone Gone", "upsert new New"]),
        AGAIN_MS,
      );
    } finally {
      await watch.end();
    }
  });

  it("are refused a write over what such a server held before, whether something is there again or not", async () => {
    const first = start(["--memory"]);
    const url = await first.url();
    const gone = await albumsAt(url).put("gone", "Gone");
    first.signal("SIGTERM");
    await first.ended;
    const after = albumsAt(await start(["--memory"], new URL(url).host).url());
    const refused = { body: { reason: "VERSION_MISMATCH" } };
    expect(await after.put("gone", "On top", versionOf(gone))).toMatchObject(refused);
    await after.put("gone", "Somebody else's");
    expect(await after.put("gone", "On top", versionOf(gone))).toMatchObject(refused);
    expect((await after.read("gone")).body).toMatchObject({ data: { title: "Somebody else's" } });
  });
});
