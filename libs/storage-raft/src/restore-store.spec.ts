import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { openDataDirectory, type SnapshotHeader, SnapshotStore } from "@trellis/raft-node";
import { toVersion } from "@trellis/storage";

import type { LocalStore } from "./open-local-store.ts";
import { restoreStore, verifySnapshot } from "./restore-store.ts";
import { storeIdOf } from "./snapshot/first-content.ts";
import { keyOf, put } from "./test-support/contents.ts";
import { inPieces, LocalStores } from "./test-support/local-stores.ts";

const JUMP = 2 ** 32;
const SELF = { name: "standalone", address: "" };
const ALL = { group: "test", kind: "Thing", partition: "default", namespace: "default" };

const stores = new LocalStores();
let store: LocalStore;
let saved: Buffer;

beforeEach(async () => {
  await stores.begin();
  store = await stores.open("original");
  await store.backend.openSession("someone");
  for (let at = 0; at < 30; at++) await store.backend.commit([put(`thing-${at}`, `text ${at}`)]);
  saved = await stores.save(store);
});
afterEach(() => stores.end());

async function restore(name: string, bytes: Uint8Array = saved, replace = false) {
  const data = await openDataDirectory(stores.path(name));
  return await restoreStore(
    { data, random: Math.random },
    { pieces: inPieces(bytes), source: "saved.snapshot" },
    { ...SELF, replace },
  );
}

async function namesIn({ backend }: LocalStore) {
  return (await backend.list(ALL, { consistency: "strong" })).records.map(({ key }) => key.name);
}

async function filesOf(name: string): Promise<readonly unknown[]> {
  const path = stores.path(name);
  const names = (await readdir(path, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  return await Promise.all(names.map(async (file) => [file, await readFile(file, "hex")]));
}

describe("a snapshot that is verified", () => {
  it("tells what it holds", async () => {
    expect(await verifySnapshot(inPieces(saved), "saved.snapshot")).toEqual({
      clusterId: store.node.clusterId,
      storeId: store.backend.position().storeId,
      version: store.backend.position().version,
      term: expect.any(Number),
      members: 1,
      records: 30,
      sessions: 1,
      recordsByType: new Map([["test.Thing", 30]]),
    });
  });

  it("is found damaged wherever a byte is another, with the place", async () => {
    for (let at = 0; at < saved.length; at += 7) {
      const damaged = Buffer.from(saved);
      damaged[at] = (damaged[at] ?? 0) ^ 0x40;
      await expect(verifySnapshot(inPieces(damaged), "saved.snapshot")).rejects.toMatchObject({
        code: "damaged",
        message: expect.stringMatching(
          /^saved\.snapshot is damaged at byte \d+: .*\. Use another snapshot, or save a new one/,
        ),
      });
    }
  });

  it("is found cut off wherever it ends early, and too long behind its end", async () => {
    for (let length = 0; length < saved.length; length += 11) {
      const cut = saved.subarray(0, length);
      await expect(verifySnapshot(inPieces(cut), "saved.snapshot")).rejects.toMatchObject({
        code: "damaged",
      });
    }
    const longer = Buffer.concat([saved, Buffer.of(0)]);
    await expect(verifySnapshot(inPieces(longer), "saved.snapshot")).rejects.toMatchObject({
      code: "damaged",
    });
  });
});

describe("a restored store", () => {
  it("has the resources with their versions, and everything else of its own: ids, and versions that go on 2^32 later and more", async () => {
    const { version, ...ids } = await restore("restored");
    const before = store.backend.position();
    expect(version).toBeGreaterThanOrEqual(before.version + JUMP);
    expect(ids.storeId).toBe(storeIdOf(ids.clusterId));
    expect(ids.storeId).not.toBe(before.storeId);

    const restored = await stores.open("restored");
    expect(restored.node.clusterId).toBe(ids.clusterId);
    expect(restored.backend.position().storeId).toBe(ids.storeId);
    expect(restored.backend.position().version).toBeGreaterThanOrEqual(version);
    expect(await namesIn(restored)).toEqual(await namesIn(store));
    const one = keyOf("thing-7");
    expect((await restored.backend.read(one)).record).toEqual((await store.backend.read(one)).record);
    expect((await restored.backend.commit([put("new", "x")])).version).toBeGreaterThan(version);
  });

  it("has no history: a watch that goes on from before is told, of the other store and of what is gone", async () => {
    const since = store.backend.position();
    await restore("restored");
    const { backend } = await stores.open("restored");
    await expect(backend.watch(ALL, { since }).next()).rejects.toMatchObject({ code: "store-changed" });
    const inNewStore = { storeId: backend.position().storeId, version: since.version };
    await expect(backend.watch(ALL, { since: inNewStore }).next()).rejects.toMatchObject({
      code: "history-gone",
    });
  });

  it("tells readers who want at least a version of before that the store is another", async () => {
    await restore("restored");
    const { backend } = await stores.open("restored");
    const minimum = { storeId: store.backend.position().storeId, version: toVersion(1) };
    await expect(backend.read(keyOf("thing-1"), { minimum })).rejects.toMatchObject({
      code: "store-changed",
    });
  });

  it("knows no session, so that nobody repeats a request into it", async () => {
    await restore("restored");
    const { backend } = await stores.open("restored");
    const session = { id: "someone", openedAt: 2 };
    expect(await backend.keepAlive(session)).toBe(false);
    const request = { session, sequence: 1, lowestUnanswered: 1 };
    expect(await backend.submit(request, [put("twice", "x")])).toMatchObject({ outcome: "unknown" });
  });

  it("has no version in common with another of the same snapshot: who goes on in it with a version of that one is refused", async () => {
    await restore("first");
    const first = await stores.open("first");
    const { version } = await first.backend.commit([put("thing-1", "of the first")]);
    await stores.close(first);
    await restore("second");
    const second = await stores.open("second");
    const other = await second.backend.commit([put("thing-1", "of the second")]);
    const over = [put("thing-1", "of one who saw the first", { kind: "version", version })];
    expect(await second.backend.commit(over)).toMatchObject({
      outcome: "refused",
      current: { version: other.version },
    });
  });

  it("is saved and restored again, and never meets a version again", async () => {
    await restore("second");
    const second = await stores.open("second");
    await second.backend.commit([put("later", "x")]);
    const again = await stores.save(second);
    const { version } = await restore("third", again);
    expect(version).toBeGreaterThan(second.backend.position().version + JUMP - 1);
    expect(await namesIn(await stores.open("third"))).toHaveLength(31);
  });
});

describe("a directory that is restored into", () => {
  it("is left as it is when it holds a store, unless that is given up", async () => {
    const other = await stores.open("other");
    await other.backend.commit([put("of-another", "x")]);
    await stores.close(other);
    const before = await filesOf("other");
    await expect(restore("other")).rejects.toMatchObject({
      code: "invalid",
      message: expect.stringContaining("holds a store already; restore into an empty directory"),
    });
    expect(await filesOf("other")).toEqual(before);

    await restore("other", saved, true);
    expect(await namesIn(await stores.open("other"))).toEqual(await namesIn(store));
  });

  it("goes on behind whatever it held, when the snapshot is older", async () => {
    await restore("other");
    const other = await stores.open("other");
    const { version } = await other.backend.commit([put("later", "x")]);
    await stores.close(other);
    const again = await restore("other", saved, true);
    expect(again.version).toBeGreaterThan(version);
    expect(await namesIn(await stores.open("other"))).toHaveLength(30);
  });

  it("is refused when its log is there and who it was is lost", async () => {
    const other = await stores.open("other");
    await stores.close(other);
    const path = stores.path("other");
    await mkdir(stores.path("nameless"));
    for (const folder of ["wal", "snapshots"]) {
      await stores.copy(`other/${folder}`, `nameless/${folder}`);
    }
    expect(await readdir(path)).toContain("node.json");
    await expect(restore("nameless")).rejects.toMatchObject({ code: "invalid" });
  });

  it("is refused while a server has it, also when it is given up", async () => {
    await expect(restore("original", saved, true)).rejects.toMatchObject({ code: "locked" });
    await store.backend.commit([put("goes-on", "x")]);
  });

  it("keeps what it held when the snapshot turns out to be damaged, wherever that is", async () => {
    const other = await stores.open("other");
    await other.backend.commit([put("kept", "x")]);
    await stores.close(other);
    for (const at of [3, 20, Math.floor(saved.length / 2), saved.length - 1]) {
      const damaged = Buffer.from(saved);
      damaged[at] = (damaged[at] ?? 0) ^ 1;
      await expect(restore("other", damaged, true)).rejects.toMatchObject({ code: "damaged" });
      await expect(restore("other", saved.subarray(0, at), true)).rejects.toMatchObject({ code: "damaged" });
    }
    const opened = await stores.open("other");
    expect(await namesIn(opened)).toEqual(["kept"]);
  });

  it("can be restored into again after a damaged snapshot", async () => {
    await expect(restore("fresh", saved.subarray(0, 100))).rejects.toMatchObject({ code: "damaged" });
    await restore("fresh");
    expect(await namesIn(await stores.open("fresh"))).toHaveLength(30);
  });

  it("does not get a snapshot of a cluster that is at a higher feature level", async () => {
    const from = await openDataDirectory(stores.path("future"));
    const files = await SnapshotStore.open(from.snapshots);
    const header: SnapshotHeader = {
      clusterId: "0".repeat(32),
      index: 5,
      term: 1,
      confState: { voters: [1], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false },
      members: [{ id: 1, name: "n1", address: "n1:1" }],
      featureLevel: 2,
    };
    const { name } = await files.write(header, nothing());
    const bytes = await readFile(join(stores.path("future"), "snapshots", name));
    await writeFile(stores.path("future.snapshot"), bytes);
    await expect(restore("fresh", bytes)).rejects.toMatchObject({
      code: "unsupported",
      message: expect.stringContaining(
        "feature level 2, this version supports 1; use the version that wrote it",
      ),
    });
  });
});

async function* nothing(): AsyncGenerator<never> {
  // A state without machines.
}
