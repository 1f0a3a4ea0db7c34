import { describe, expect, it } from "@jest/globals";
import type { Disk } from "@trellis/wal";

import { createDice } from "../world/dice.ts";
import { MachineClock } from "../world/machine-clock.ts";
import { SimulatedProcess } from "../world/simulated-process.ts";
import { World } from "../world/world.ts";
import { dataDirectory } from "./process-disk.ts";
import { SimulatedVolume } from "./simulated-volume.ts";

class Bench {
  readonly world = new World();
  readonly volume: SimulatedVolume;
  readonly #clock = new MachineClock(this.world, { rate: 1, bootMs: 0, wallMs: 0 });

  constructor(seed = 1) {
    this.volume = new SimulatedVolume(this.world, createDice(seed, "volume"));
  }

  /** Does something in a process of its own, to its end or until a moment. */
  async run<T>(work: (disk: Disk) => Promise<T>, ms = 10_000): Promise<T | undefined> {
    const process = new SimulatedProcess({
      name: "p",
      world: this.world,
      clock: this.#clock,
      dice: createDice(1, "p"),
    });
    let result: T | undefined;
    let failure: unknown;
    process.input(0, () => {
      work(dataDirectory(this.volume, process).wal).then(
        (found) => {
          result = found;
        },
        (error: unknown) => {
          failure = error;
        },
      );
    });
    await this.world.run({ ms: this.world.nowMs + ms });
    process.kill();
    if (failure !== undefined) throw failure;
    return result;
  }

  async read(name: string): Promise<string | undefined> {
    return await this.run(async (disk) => {
      if (!(await disk.list()).includes(name)) return undefined;
      const file = await disk.open(name, "read");
      const bytes = Buffer.alloc(await file.size());
      await file.read(bytes, 0);
      return bytes.toString();
    });
  }
}

async function write(disk: Disk, name: string, text: string, isSynced: boolean): Promise<void> {
  const file = await disk.open(name, "create");
  await file.write(Buffer.from(text), 0);
  if (!isSynced) return;
  await file.sync();
  await disk.syncDirectory();
}

describe("a simulated disk", () => {
  it("keeps what was synced over every loss of power", async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const bench = new Bench(seed);
      await bench.run((disk) => write(disk, "a", "durable", true));
      bench.volume.losePower();
      expect(await bench.read("a")).toBe("durable");
    }
  });

  it("keeps everything when only the process dies", async () => {
    const bench = new Bench();
    await bench.run((disk) => write(disk, "a", "in memory", false));
    expect(await bench.read("a")).toBe("in memory");
  });

  it("keeps all, nothing, or parts of what was not synced", async () => {
    const outcomes = new Set<string>();
    for (let seed = 1; seed <= 60; seed++) {
      const bench = new Bench(seed);
      await bench.run((disk) => write(disk, "a", "1".repeat(2048), true));
      await bench.run(async (disk) => {
        const file = await disk.open("a", "write");
        await file.write(Buffer.alloc(2048, "2"), 0);
      });
      bench.volume.losePower();
      const found = (await bench.read("a")) ?? "";
      expect(found).toHaveLength(2048);
      const sectors = [0, 512, 1024, 1536].map((at) => new Set(found.slice(at, at + 512)));
      if (sectors.some(({ size }) => size > 1)) outcomes.add("torn within a sector");
      else if (!found.includes("1")) outcomes.add("all");
      else if (!found.includes("2")) outcomes.add("nothing");
      else outcomes.add("some sectors");
    }
    expect([...outcomes].sort()).toEqual(["all", "nothing", "some sectors", "torn within a sector"]);
  });

  it("may forget names whose directory was not synced", async () => {
    const outcomes = new Set<string>();
    for (let seed = 1; seed <= 30; seed++) {
      const bench = new Bench(seed);
      await bench.run((disk) => write(disk, "a", "old", true));
      await bench.run(async (disk) => {
        await disk.rename("a", "b");
      });
      bench.volume.losePower();
      outcomes.add(`${await bench.read("a")}, ${await bench.read("b")}`);
    }
    expect(outcomes).toEqual(new Set(["old, undefined", "undefined, old"]));
  });

  it("loses for good what a failed sync was to make durable", async () => {
    const bench = new Bench();
    await bench.run((disk) => write(disk, "a", "old", true));
    await bench.run(async (disk) => {
      const file = await disk.open("a", "write");
      await file.write(Buffer.from("new"), 0);
      bench.volume.trouble.failNext = "sync";
      await expect(file.sync()).rejects.toMatchObject({ code: "EIO" });
      await file.sync();
    });
    expect(await bench.read("a")).toBe("new");
    bench.volume.losePower();
    expect(await bench.read("a")).toBe("old");
  });

  it("writes what fits on a full disk, and then nothing", async () => {
    const bench = new Bench();
    bench.volume.capacityBytes = 5;
    await bench.run(async (disk) => {
      const file = await disk.open("a", "create");
      expect(await file.write(Buffer.from("12345678"), 0)).toBe(5);
      await expect(file.write(Buffer.from("678"), 5)).rejects.toMatchObject({ code: "ENOSPC" });
      await disk.unlink("a");
      expect(bench.volume.usedBytes).toBe(0);
    });
  });

  it("answers nothing while it is stalled", async () => {
    const bench = new Bench();
    bench.volume.trouble.stalledUntilMs = 3000;
    let answeredMs = 0;
    await bench.run(async (disk) => {
      await disk.list();
      answeredMs = bench.world.nowMs;
    });
    expect(answeredMs).toBeGreaterThanOrEqual(3000);
  });
});
