import { describe, expect, it } from "@jest/globals";

import { createFormation, formCluster, joinCluster, RECOVERY_JUMP, restoreCluster } from "./begin-cluster.ts";
import { ensureIdentity, type Formation, readIdentity } from "./identity.ts";
import type { Member } from "./member.ts";
import type { StateChunk } from "./snapshots/snapshot-store.ts";
import { SnapshotStore } from "./snapshots/snapshot-store.ts";
import { noChunks } from "./test-support/list-machine.ts";
import { diskError, MemoryVolume } from "./test-support/memory-volume.ts";
import { seededRandom } from "./test-support/seeded-random.ts";
import { LoneNode } from "./test-support/lone-node.ts";

async function* restored(): AsyncGenerator<StateChunk> {
  const text = JSON.stringify({ words: ["restored"], indexes: [5] });
  yield { kind: 2, bytes: new TextEncoder().encode(text) };
}

async function formationOf(volume: MemoryVolume, seed = 1): Promise<Formation> {
  const random = seededRandom(seed);
  const { nodeId } = await ensureIdentity(volume.data(), random);
  return createFormation([{ id: nodeId, name: "n", address: "n:1" }], 1, random);
}

/** Does something with a fault at a step of the disk. Answers whether it got through. */
async function interrupted(
  volume: MemoryVolume,
  step: number,
  work: () => Promise<unknown>,
): Promise<boolean> {
  let left = step;
  volume.fault = () => {
    if (left-- <= 0) throw diskError("EIO");
  };
  try {
    await work();
    return true;
  } catch {
    return false;
  } finally {
    volume.fault = undefined;
  }
}

describe("a formation", () => {
  it("is repeated with the same, and refused with another or without this node", async () => {
    const volume = new MemoryVolume();
    const data = volume.data();
    const formation = await formationOf(volume);
    await formCluster(data, formation, noChunks, seededRandom(2));
    const before = await readIdentity(data.identity);
    await formCluster(data, formation, noChunks, seededRandom(2));
    expect(await readIdentity(data.identity)).toEqual(before);
    const other = createFormation([{ id: 9, name: "o", address: "o:1" }], 1, seededRandom(3));
    await expect(formCluster(data, other, noChunks, seededRandom(2))).rejects.toMatchObject({
      code: "wrong-cluster",
    });
    await expect(joinCluster(data, "another", seededRandom(2))).rejects.toMatchObject({
      code: "wrong-cluster",
    });
    const stranger = new MemoryVolume().data();
    await expect(formCluster(stranger, other, noChunks, seededRandom(2))).rejects.toMatchObject({
      code: "invalid",
    });
  });

  it("told twice at the same time is one formation", async () => {
    const volume = new MemoryVolume();
    const data = volume.data();
    const formation = await formationOf(volume);
    await Promise.all([1, 2, 3].map(() => formCluster(data, formation, noChunks, seededRandom(2))));
    const node = new LoneNode(volume);
    await node.start();
    await node.write("one");
    expect(node.machine.words).toEqual(["one"]);
  });

  it("can be begun again, whatever step the power goes at before the node leads", async () => {
    const through: boolean[] = [];
    for (let step = 0; !through.includes(true); step++) {
      for (const unsynced of ["lost", "kept"] as const) {
        const volume = new MemoryVolume();
        const formation = await formationOf(volume);
        const isThrough = await interrupted(volume, step, async () => {
          await formCluster(volume.data(), formation, noChunks, seededRandom(2));
          await new LoneNode(volume).start();
        });
        if (unsynced === "kept") through.push(isThrough);
        volume.losePower(unsynced);
        await formCluster(volume.data(), formation, noChunks, seededRandom(2));
        const node = new LoneNode(volume);
        await node.start();
        await node.write("one");
        const status = node.running.status();
        expect(status).toMatchObject({
          clusterId: formation.clusterId,
          snapshotIndex: 1,
          members: { length: 1 },
        });
        await node.stop();
      }
    }
    expect(through.length).toBeGreaterThan(20);
  });

  it("goes before what a former coordinator left behind", async () => {
    const volume = new MemoryVolume();
    const lost = await formationOf(volume, 5);
    // The snapshot of the lost formation is there, the identity was not written.
    let isOver = false;
    volume.fault = ({ folder }) => {
      if (folder === "identity") isOver = true;
      if (isOver) throw diskError("EIO");
    };
    await expect(formCluster(volume.data(), lost, restored, seededRandom(2))).rejects.toThrow("EIO");
    volume.losePower("kept");
    const formation = { ...lost, clusterId: "f".repeat(32) };
    await formCluster(volume.data(), formation, noChunks, seededRandom(2));
    const node = new LoneNode(volume);
    await node.start();
    expect(node.running.clusterId).toBe(formation.clusterId);
    expect(node.machine.words).toEqual([]);
  });
});

describe("a node that joins", () => {
  it("begins with nothing, and a log that is gone later is refused: it held votes", async () => {
    const volume = new MemoryVolume();
    await joinCluster(volume.data(), "c", seededRandom(1));
    const node = new LoneNode(volume);
    await node.start();
    expect(node.running.status()).toMatchObject({ role: "learner", lastIndex: 0, members: [] });
    await node.stop();
    await node.start();
    await node.stop();
    volume.clear("wal");
    await expect(node.start()).rejects.toMatchObject({ code: "damaged" });
  });

  it("that was formed does not begin with an empty log when its own is gone", async () => {
    const volume = new MemoryVolume();
    await formCluster(volume.data(), await formationOf(volume), noChunks, seededRandom(2));
    const node = new LoneNode(volume);
    await node.start();
    await node.write("voted and written");
    await node.stop();
    volume.clear("wal");
    await expect(node.start()).rejects.toThrow("its log is gone");
    expect(volume.files("snapshots").size).toBe(1);
  });
});

describe("a restored state", () => {
  const self: Omit<Member, "id"> = { name: "n", address: "n:1" };
  const state = { index: 500, term: 7, featureLevel: 1, chunks: restored };

  it("begins a new cluster: with new ids, further than any former index, and nothing of the former log", async () => {
    const volume = new MemoryVolume();
    const formation = await formationOf(volume);
    await formCluster(volume.data(), formation, noChunks, seededRandom(2));
    const node = new LoneNode(volume);
    await node.start();
    for (let at = 0; at < 20; at++) await node.write(`former ${at}`);
    await node.stop();
    const { member, header } = await restoreCluster(volume.data(), self, state, seededRandom(3));
    expect(header).toMatchObject({ term: 8, members: [member] });
    expect(header.index).toBeGreaterThanOrEqual(500 + RECOVERY_JUMP);
    expect(header.clusterId).not.toBe(formation.clusterId);
    expect(member.id).not.toBe(formation.members[0]?.id);
    await node.start();
    expect(node.machine.words).toEqual(["restored"]);
    expect(node.running.id).toBe(member.id);
    await node.write("new");
    expect(node.machine.indexes.at(-1)).toBeGreaterThan(500 + 2 ** 32);
    expect([...volume.files("snapshots").keys()]).toHaveLength(1);
    await node.stop();
    await node.start();
    expect(node.machine.words).toEqual(["restored", "new"]);
  });

  it("takes the place of a log that is damaged: that is what it is for", async () => {
    const volume = new MemoryVolume();
    await formCluster(volume.data(), await formationOf(volume), noChunks, seededRandom(2));
    const node = new LoneNode(volume);
    await node.start();
    await node.write("former");
    await node.stop();
    const [[segment, bytes]] = [...volume.files("wal")].filter(([name]) => name.endsWith(".wal")) as [
      [string, Buffer],
    ];
    const damaged = Buffer.from(bytes);
    damaged.writeUInt8(damaged.readUInt8(20) ^ 1, 20);
    volume.put("wal", segment, damaged);
    await expect(node.start()).rejects.toMatchObject({ code: "damaged" });
    volume.processDied();
    await restoreCluster(volume.data(), self, state, seededRandom(3));
    await node.start();
    expect(node.machine.words).toEqual(["restored"]);
  });

  it("goes beyond what its directory has been at, also when it is older than that", async () => {
    const volume = new MemoryVolume();
    const first = await restoreCluster(volume.data(), self, state, seededRandom(3));
    const node = new LoneNode(volume);
    await node.start();
    for (let at = 0; at < 20; at++) await node.write(`first ${at}`);
    await node.stop();
    const older = { ...state, index: 400, term: 2 };
    // By the same chance, so that it does not hide what is compared.
    const second = await restoreCluster(volume.data(), self, older, seededRandom(3));
    expect(second.header.index).toBeGreaterThan(first.header.index + 20);
    expect(second.header.term).toBeGreaterThan(first.header.term);
  });

  it("begins somewhere else each time, so that two clusters of one state give different entries different numbers", async () => {
    const starts: number[] = [];
    for (let seed = 1; seed <= 20; seed++) {
      const { header } = await restoreCluster(new MemoryVolume().data(), self, state, seededRandom(seed));
      starts.push(header.index);
    }
    starts.sort((a, b) => a - b);
    const gaps = starts.slice(1).map((start, at) => start - (starts[at] ?? 0));
    // More entries than a cluster writes before somebody finds that it was the wrong snapshot.
    expect(Math.min(...gaps)).toBeGreaterThan(10_000_000);
    expect(starts[0]).toBeGreaterThanOrEqual(500 + RECOVERY_JUMP);
    expect(starts.at(-1)).toBeLessThan(500 + RECOVERY_JUMP + 2 ** 40);
  });

  it("leaves the former cluster or the new one, whatever step the power goes at", async () => {
    let isThrough = false;
    const seen = new Set<string>();
    for (let step = 0; !isThrough; step++) {
      for (const unsynced of ["lost", "kept"] as const) {
        const volume = new MemoryVolume();
        const formation = await formationOf(volume);
        await formCluster(volume.data(), formation, noChunks, seededRandom(2));
        const node = new LoneNode(volume);
        await node.start();
        await node.write("former");
        await node.stop();
        isThrough = await interrupted(volume, step, async () => {
          await restoreCluster(volume.data(), self, state, seededRandom(3));
          await new LoneNode(volume).start();
        });
        volume.losePower(unsynced);
        await node.start();
        const isFormer = node.running.clusterId === formation.clusterId;
        seen.add(isFormer ? "former" : "new");
        expect(node.machine.words).toEqual([isFormer ? "former" : "restored"]);
        await node.write("goes on");
        await node.stop();
      }
    }
    expect(seen).toEqual(new Set(["former", "new"]));
  });
});

describe("two processes on one directory", () => {
  it("the second is refused, and touches nothing, also while the first begins", async () => {
    const volume = new MemoryVolume();
    await formCluster(volume.data(), await formationOf(volume), noChunks, seededRandom(2));
    const node = new LoneNode(volume);
    await node.start();
    volume.put("snapshots", "snapshot-0000000000000007-0000000001.1.unfinished", new Uint8Array(3));
    const names = (): readonly string[] => [
      ...volume.files("wal").keys(),
      ...volume.files("snapshots").keys(),
    ];
    const before = names();
    await expect(new LoneNode(volume).start()).rejects.toMatchObject({ code: "locked" });
    expect(names()).toEqual(before);
    await node.stop();
    await node.start();
    expect(volume.files("snapshots").size).toBe(1);
    await node.stop();
    const [store] = [await SnapshotStore.open(volume.disk("snapshots"))];
    expect(store.files).toHaveLength(1);
  });

  it("that both find the log is to begin anew do not empty each other's", async () => {
    const volume = new MemoryVolume();
    const first = new LoneNode(volume);
    const second = new LoneNode(volume);
    await formCluster(volume.data(), await formationOf(volume), noChunks, seededRandom(2));
    const outcomes = await Promise.allSettled([first.start(), second.start()]);
    const won = outcomes[0].status === "fulfilled" ? first : second;
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    await won.write("one");
    won.crash();
    await won.start();
    expect(won.machine.words).toEqual(["one"]);
  });
});
