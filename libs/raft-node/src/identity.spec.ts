import { describe, expect, it } from "@jest/globals";

import { ensureIdentity, mintClusterId, mintNodeId, readIdentity, writeIdentity } from "./identity.ts";
import { diskError, MemoryVolume } from "./test-support/memory-volume.ts";
import { seededRandom } from "./test-support/seeded-random.ts";

const put = (text: string): MemoryVolume => {
  const volume = new MemoryVolume();
  volume.put("identity", "node.json", Buffer.from(text));
  return volume;
};

describe("who a node is", () => {
  it("is minted once, on an empty directory, and durable before anybody hears of it", async () => {
    const volume = new MemoryVolume();
    expect(await readIdentity(volume.data().identity)).toBeUndefined();
    const minted = await ensureIdentity(volume.data(), seededRandom(1));
    volume.losePower("lost");
    expect(await readIdentity(volume.data().identity)).toMatchObject(minted);
    expect(await ensureIdentity(volume.data(), seededRandom(2))).toMatchObject(minted);
  });

  it("is the same for all who ask an empty directory at the same time", async () => {
    const data = new MemoryVolume().data();
    const random = seededRandom(1);
    const found = await Promise.all(Array.from({ length: 5 }, () => ensureIdentity(data, random)));
    expect(new Set(found.map(({ nodeId }) => nodeId)).size).toBe(1);
    expect((await readIdentity(data.identity))?.nodeId).toBe(found[0]?.nodeId);
  });

  it.each([
    ["wal", "0000000000000001.wal"],
    ["snapshots", "snapshot-0000000000000001-0000000001"],
  ] as const)("is not minted anew over what is stored in %s", async (folder, file) => {
    const volume = new MemoryVolume();
    volume.put(folder, file, Buffer.from("what was stored"));
    await expect(ensureIdentity(volume.data(), seededRandom(1))).rejects.toMatchObject({
      code: "damaged",
      message: expect.stringContaining("node.json, which says whose it is, is gone"),
    });
    expect(await readIdentity(volume.data().identity)).toBeUndefined();
  });

  it("is what it was or what it becomes, whatever step of writing it the power goes at", async () => {
    const [before, after] = [{ nodeId: 7 }, { nodeId: 7, clusterId: "c", beginsAt: { index: 1, term: 1 } }];
    const steps = new MemoryVolume();
    await writeIdentity(steps.data().identity, after);
    for (let step = 0; step <= steps.changes.length; step++) {
      for (const unsynced of ["lost", "kept"] as const) {
        const volume = new MemoryVolume();
        await writeIdentity(volume.data().identity, before);
        let left = step;
        volume.fault = () => {
          if (left-- <= 0) throw diskError("EIO");
        };
        await writeIdentity(volume.data().identity, after).catch(() => undefined);
        volume.losePower(unsynced);
        const found = await readIdentity(volume.data().identity);
        expect([undefined, "c"]).toContain(found?.clusterId);
        expect(found?.nodeId).toBe(7);
      }
    }
  });

  it.each([
    ["", "no JSON"],
    ['{"format":1', "no JSON"],
    ["null", "does not say who this node is"],
    ['"text"', "does not say who"],
    ['{"nodeId":5}', "does not say who"],
    ['{"format":1}', "does not say who"],
    ['{"format":1,"nodeId":0}', "does not say who"],
    ['{"format":1,"nodeId":1.5}', "does not say who"],
    ['{"format":1,"nodeId":5,"clusterId":""}', "does not say who"],
    [
      '{"format":1,"nodeId":5,"clusterId":"c","formation":{"clusterId":"d","members":[]}}',
      "does not say who",
    ],
    ['{"format":1,"nodeId":5,"clusterId":"c","beginsAt":{"index":1}}', "does not say who"],
    ['{"format":1,"nodeId":5,"clusterId":"c","beginsAt":{"index":-1,"term":0}}', "does not say who"],
    ['{"format":2,"nodeId":5}', "format 2"],
  ])("is not guessed from %j", async (text, message) => {
    await expect(readIdentity(put(text).data().identity)).rejects.toThrow(message);
  });

  it("has a number that is positive and below 2^52, and a cluster an id of 32 digits", () => {
    expect(mintNodeId(() => 0)).toBe(1);
    expect(mintNodeId(() => 1 - 2 ** -53)).toBeLessThanOrEqual(2 ** 52);
    expect(mintClusterId(() => 0)).toBe("0".repeat(32));
    expect(mintClusterId(seededRandom(1))).toMatch(/^[0-9a-f]{32}$/);
  });
});
