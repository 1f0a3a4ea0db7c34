import { readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import {
  createFormation,
  ensureIdentity,
  formCluster,
  openDataDirectory,
  type SnapshotHeader,
  SnapshotStore,
} from "@trellis/raft-node";

import { firstChunks, type LocalStoreEvent } from "./open-local-store.ts";
import { storeIdOf } from "./snapshot/first-content.ts";
import { keyOf, put, remove } from "./test-support/contents.ts";
import { LocalStores, slowTime, SMALL_WAL } from "./test-support/local-stores.ts";

const stores = new LocalStores();
beforeEach(() => stores.begin());
afterEach(() => stores.end());

/** What a start writes first, of a cluster that then never was. */
const emptyHeader: SnapshotHeader = {
  clusterId: "0".repeat(32),
  index: 1,
  term: 1,
  confState: { voters: [7], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false },
  members: [{ id: 7, name: "n", address: "" }],
  featureLevel: 1,
};

const text = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString();

describe("a store in a directory", () => {
  it("begins empty, with an id that follows from the cluster's, and can be written to at once", async () => {
    const { backend, node } = await stores.open("data");
    expect(backend.capabilities).toMatchObject({ durable: true, strongReads: true });
    expect(backend.position().storeId).toBe(storeIdOf(node.clusterId));
    await backend.commit([put("a", "one")]);
    const { record } = await backend.read(keyOf("a"), { consistency: "strong" });
    expect(text(record?.bytes)).toBe("one");
  });

  it("is the same store when it is opened again: id, versions, what is there and what is gone", async () => {
    const first = await stores.open("data");
    await first.backend.commit([put("a", "one")]);
    const { version } = await first.backend.commit([put("b", "two")]);
    await first.backend.commit([remove("a")]);
    const before = first.backend.position();
    await stores.close(first);

    const { backend } = await stores.open("data");
    expect(backend.position().storeId).toBe(before.storeId);
    expect(backend.position().version).toBeGreaterThan(before.version);
    expect((await backend.read(keyOf("a"))).record).toBeUndefined();
    expect((await backend.read(keyOf("b"))).record).toMatchObject({ version });
    expect((await backend.commit([put("c", "three")])).version).toBeGreaterThan(before.version);
  });

  it("has all that it acknowledged when its process was killed", async () => {
    const { backend, node } = await stores.open("data");
    for (let at = 0; at < 20; at++) await backend.commit([put(`before-${at}`, "x")]);
    await node.takeSnapshot();
    for (let at = 0; at < 20; at++) await backend.commit([put(`after-${at}`, "x")]);
    // What a killed process leaves: the files of this moment.
    await stores.copy("data", "left");

    const left = await stores.open("left");
    const { group, kind, partition, namespace } = keyOf("");
    const { records } = await left.backend.list({ group, kind, partition, namespace });
    expect(records).toHaveLength(40);
  });

  it("is opened also when its log takes longer to apply than a read waits", async () => {
    const first = await stores.open("data");
    await Promise.all(
      Array.from({ length: 8_000 }, (_, at) => first.backend.commit([put(`${at % 8}`, `${at}`)])),
    );
    await stores.close(first);
    const time = slowTime({ lookMs: 1, turnMs: 60 });
    const told: LocalStoreEvent[] = [];
    const { backend } = await stores.open("data", {}, { ...time, onEvent: (event) => told.push(event) });
    expect(time.clock.now()).toBeGreaterThan(20_000);
    expect(text((await backend.read(keyOf("7"))).record?.bytes)).toBe("7999");
    const progress = told.flatMap((event) => (event.kind === "applying-log" ? [event] : []));
    expect(progress.length).toBeGreaterThan(4);
    expect(progress.every(({ applied, last }) => applied < last)).toBe(true);
    expect(progress.map(({ applied }) => applied)).toEqual(
      progress.map(({ applied }) => applied).toSorted((a, b) => a - b),
    );
  });

  it("is opened once at a time, and the refused one leaves the other alone", async () => {
    const { backend } = await stores.open("data");
    await expect(stores.open("data")).rejects.toMatchObject({ code: "locked" });
    await backend.commit([put("a", "one")]);
  });

  it("can be opened again after an opening that was refused", async () => {
    const first = await stores.open("data");
    await stores.close(first);
    const path = join(stores.path("data"), "snapshots");
    const [snapshot = ""] = await readdir(path);
    await stores.copy("data", "copy");
    await writeFile(join(path, snapshot), "nonsense");
    const damaged = { code: "damaged", message: expect.stringContaining(`${snapshot} is damaged at byte 0`) };
    await expect(stores.open("data")).rejects.toMatchObject(damaged);
    await rm(stores.path("data"), { recursive: true });
    await stores.copy("copy", "data");
    await stores.open("data");
  });

  it("is not begun anew over one that has lost whose it is", async () => {
    const first = await stores.open("data");
    await first.backend.commit([put("a", "one")]);
    await stores.close(first);
    await stores.copy("data", "copy");
    for (const lost of ["node.json", "wal"]) {
      await rm(join(stores.path("data"), lost), { recursive: true });
      await expect(stores.open("data")).rejects.toMatchObject({ code: "damaged" });
    }
    await expect(stores.open("data")).rejects.toMatchObject({
      message: expect.stringMatching(/holds a store, and node\.json, .*, is gone; put that file back/),
    });
    // Nothing was taken away.
    await stores.copy("copy/wal", "data/wal");
    await stores.copy("copy/node.json", "data/node.json");
    const { backend } = await stores.open("data");
    expect((await backend.read(keyOf("a"))).record).toBeDefined();
  });

  it("is begun again where its first start was cut off", async () => {
    const data = await openDataDirectory(stores.path("data"));
    const { nodeId } = await ensureIdentity(data, Math.random);
    const first = (await SnapshotStore.open(data.snapshots)).write(
      emptyHeader,
      firstChunks({ clusterId: "0".repeat(32) }),
    );
    expect((await first).index).toBe(1);
    const { node } = await stores.open("data");
    expect(node.id).toBe(nodeId);
  });

  it("is not opened out of the directory of a member of a larger cluster", async () => {
    const data = await openDataDirectory(stores.path("member"));
    const { nodeId } = await ensureIdentity(data, Math.random);
    const members = [nodeId, nodeId + 1, nodeId + 2].map((id) => ({
      id,
      name: `n${id}`,
      address: `n${id}:1`,
    }));
    await formCluster(data, createFormation(members, 1, Math.random), firstChunks, Math.random);
    await expect(stores.open("member")).rejects.toMatchObject({
      code: "wrong-cluster",
      message: expect.stringMatching(
        /belongs to one of 3 members of cluster \w+; start it as a storage node/,
      ),
    });
    // Its lock was given back.
    await expect(stores.open("member")).rejects.toMatchObject({ code: "wrong-cluster" });
  });

  it("is not opened while the disk has no room for what a start writes, and says so at once; then it is", async () => {
    const first = await stores.open("data");
    await first.backend.commit([put("a", "one")]);
    await stores.close(first);
    const config = { wal: { ...SMALL_WAL, segmentsAhead: 3 } };
    stores.isFull = true;
    await expect(stores.open("data", config)).rejects.toMatchObject({
      code: "no-space",
      message: expect.stringMatching(
        /data has no room on its disk for the log and the next snapshot; free space, then start it again$/,
      ),
    });
    stores.isFull = false;
    const { backend } = await stores.open("data", config);
    expect(text((await backend.read(keyOf("a"))).record?.bytes)).toBe("one");
  });

  it("keeps the limits that it was given", async () => {
    const { backend } = await stores.open("data", { limits: { watches: 1 } });
    backend.watch({ group: "test", kind: "Thing", partition: "*", namespace: "*" });
    expect(() => backend.watch({ group: "test", kind: "Thing", partition: "*", namespace: "*" })).toThrow(
      "at most 1 watches",
    );
  });
});
