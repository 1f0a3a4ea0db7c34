import { describe, expect, it } from "@jest/globals";
import { emptyConfState } from "@trellis/raft";

import type { SnapshotHeader } from "../member.ts";
import { diskError, MemoryVolume } from "../test-support/memory-volume.ts";
import { readSnapshot } from "./read-snapshot.ts";
import { SnapshotStore, type StateChunk } from "./snapshot-store.ts";

const header = (index: number, term = 3): SnapshotHeader => ({
  clusterId: "c",
  index,
  term,
  confState: { ...emptyConfState, voters: [1, 2], learners: [3] },
  members: [{ id: 1, name: "n1", address: "n1:1" }],
  featureLevel: 2,
});

async function* chunks(...texts: readonly string[]): AsyncGenerator<StateChunk> {
  for (const text of texts) yield { kind: 2, bytes: new TextEncoder().encode(text) };
}

async function textOf(found: AsyncIterable<StateChunk>): Promise<string> {
  let text = "";
  for await (const { bytes } of found) text += new TextDecoder().decode(bytes);
  return text;
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

const name = (index: number): string => `snapshot-${String(index).padStart(16, "0")}-0000000003`;

describe("the snapshot files of a node", () => {
  it("hold header and chunks, and are found again", async () => {
    const volume = new MemoryVolume();
    const store = await SnapshotStore.open(volume.disk("s"));
    const written = await store.write(header(9), chunks("a", "b".repeat(400_000), "c"));
    expect(written.bytes).toBe(volume.files("s").get(name(9))?.length);
    const again = await SnapshotStore.open(volume.disk("s"));
    expect(again.files).toEqual([{ name: name(9), index: 9, term: 3 }]);
    const file = again.find(9, 3);
    expect(again.find(9, 4)).toBeUndefined();
    const checked = await again.check(file as never);
    expect(checked).toMatchObject({ header: header(9), bytes: written.bytes });
    expect(await textOf(again.chunks(checked))).toBe(`a${"b".repeat(400_000)}c`);
  });

  it("are synced while they are written, so that not all of one is left to the last sync", async () => {
    const volume = new MemoryVolume();
    const store = await SnapshotStore.open(volume.disk("s"));
    await store.write(header(9), chunks(...Array.from({ length: 80 }, () => "x".repeat(256 * 1024))));
    const writesBeforeSyncs = volume.changes
      .map(({ kind }) => ({ write: "w", sync: "s" })[kind as string] ?? "")
      .join("")
      .split("s")
      .map(({ length }) => length);
    // 20 MiB in writes of 256 KiB: never more than about 8 MiB wait.
    expect(Math.max(...writesBeforeSyncs)).toBeLessThanOrEqual(33);
    expect(writesBeforeSyncs.reduce((sum, count) => sum + count, 0)).toBe(81);
  });

  it("are there whole, or not at all, whatever step of writing the power goes at", async () => {
    const steps = new MemoryVolume();
    await (await SnapshotStore.open(steps.disk("s"))).write(header(9), chunks("state"));
    for (let step = 0; step <= steps.changes.length; step++) {
      for (const unsynced of ["lost", "kept"] as const) {
        const volume = new MemoryVolume();
        const store = await SnapshotStore.open(volume.disk("s"));
        await store.write(header(5), chunks("before"));
        let left = step;
        volume.fault = () => {
          if (left-- <= 0) throw diskError("EIO");
        };
        const isWritten = await store.write(header(9), chunks("state")).then(
          () => true,
          () => false,
        );
        volume.losePower(unsynced);
        const again = await SnapshotStore.open(volume.disk("s"));
        const names = again.files.map(({ index }) => index);
        if (isWritten) expect(names).toEqual([9, 5]);
        else expect([[5], [9, 5]]).toContainEqual(names);
        for (const file of again.files) await again.check(file);
        expect([...volume.files("s").keys()].filter((file) => file.includes("unfinished"))).toEqual([]);
      }
    }
  });

  it("that come in are checked on the way: of damage nothing is left", async () => {
    const source = new MemoryVolume();
    await (await SnapshotStore.open(source.disk("s"))).write(header(9), chunks("state"));
    const whole = source.files("s").get(name(9)) as Buffer;
    const volume = new MemoryVolume();
    const store = await SnapshotStore.open(volume.disk("s"));
    const damaged = { code: "damaged" };
    const torn = store.receive({ index: 9, term: 3 }, one(whole.subarray(0, -1)));
    await expect(torn).rejects.toMatchObject(damaged);
    const flipped = Buffer.from(whole);
    flipped.writeUInt8(flipped.readUInt8(30) ^ 1, 30);
    await expect(store.receive({ index: 9, term: 3 }, one(flipped))).rejects.toMatchObject(damaged);
    await expect(store.receive({ index: 8, term: 3 }, one(whole))).rejects.toMatchObject(damaged);
    expect([...volume.files("s").keys()]).toEqual([]);
    const taken = await store.receive({ index: 9, term: 3 }, one(whole));
    expect(taken.header).toEqual(header(9));
    expect(volume.files("s").get(name(9))).toEqual(whole);
  });

  it("are not taken for what their name says when they hold something else", async () => {
    const volume = new MemoryVolume();
    await (await SnapshotStore.open(volume.disk("s"))).write(header(9), chunks("state"));
    volume.put("s", name(8), volume.files("s").get(name(9)) as Buffer);
    const store = await SnapshotStore.open(volume.disk("s"));
    await expect(store.check(store.find(8, 3) as never)).rejects.toMatchObject({ code: "damaged" });
  });

  it("are kept by twos, and as long as they are read", async () => {
    const volume = new MemoryVolume();
    const store = await SnapshotStore.open(volume.disk("s"));
    const first = await store.write(header(1), chunks("first"));
    const reading = store.chunks(first);
    await reading.next();
    for (const index of [2, 3, 4]) await store.write(header(index), chunks(String(index)));
    await store.retain(3);
    expect(store.files.map(({ index }) => index)).toEqual([4, 3, 2]);
    expect(volume.files("s").has(name(1))).toBe(true);
    expect((await reading.next()).done).toBe(true);
    expect(volume.files("s").has(name(1))).toBe(false);
  });

  it("of one entry that are written at the same time do not spoil each other", async () => {
    const volume = new MemoryVolume();
    const store = await SnapshotStore.open(volume.disk("s"));
    const source = new MemoryVolume();
    await (await SnapshotStore.open(source.disk("s"))).write(header(9), chunks("x", "y"));
    const whole = source.files("s").get(name(9)) as Buffer;
    const [own, foreign] = await Promise.all([
      store.write(header(9), chunks("x", "y")),
      store.receive({ index: 9, term: 3 }, one(whole)),
    ]);
    expect(own.name).toBe(foreign.name);
    expect(store.files).toHaveLength(1);
    await store.check(own);
    expect([...volume.files("s").keys()]).toEqual([name(9)]);
  });

  it("can be read from wherever their bytes come", async () => {
    const volume = new MemoryVolume();
    await (await SnapshotStore.open(volume.disk("s"))).write(header(9), chunks("a", "b"));
    const whole = volume.files("s").get(name(9)) as Buffer;
    const reading = await readSnapshot(one(whole), "a copy");
    expect(reading.header).toEqual(header(9));
    expect(await textOf(reading.chunks)).toBe("ab");
    await expect(readSnapshot(one(new Uint8Array()), "nothing")).rejects.toMatchObject({ code: "damaged" });
    const torn = await readSnapshot(one(whole.subarray(0, -1)), "a torn copy");
    await expect(textOf(torn.chunks)).rejects.toMatchObject({ code: "damaged" });
  });
});
