import { describe, expect, it } from "@jest/globals";

import { inspectWal } from "./inspect.ts";
import { crashImage } from "./test-support/crash-image.ts";
import { below, seededRandom } from "./test-support/seeded-random.ts";
import { SimulatedDisk } from "./test-support/simulated-disk.ts";
import {
  codeOf,
  contentOf,
  entries,
  openTestLog,
  reopen,
  settle,
  type TestLog,
} from "./test-support/test-log.ts";

const SEGMENT = 16 * 1024;
const STEPS = 200;
const TERM = 1;

/** Everything that a node does with its log, at once: on a disk that answers late and out of turn, and that is full now and then. */
class BusyNode {
  readonly #log: TestLog;
  readonly #random: () => number;
  readonly #tasks = new Set<Promise<void>>();
  /** The last entry that was given to the log; undefined after a refusal, when it is asked. */
  #given: number | undefined;
  /** The last entry of the last append that was acknowledged. */
  acknowledged = 0;
  /** What was refused or answered in another way than is allowed. */
  readonly surprises: string[] = [];

  constructor(log: TestLog, random: () => number) {
    this.#log = log;
    this.#random = random;
  }

  async run(): Promise<void> {
    for (let step = 0; step < STEPS; step++) {
      this.#step();
      if (this.#random() < 0.5) await nextTurn();
    }
    while (this.#tasks.size > 0) await nextTurn();
  }

  #step(): void {
    const { wal, disk, clock } = this.#log;
    const kind = this.#random();
    if (kind < 0.55) this.#start("append", this.#append(), ["no-space", "busy", "invalid"]);
    else if (kind < 0.65) this.#start("mark", this.#markAndDrop(), ["no-space", "busy", "invalid"]);
    else if (kind < 0.72) this.#start("read", this.#readAll(), ["compacted"]);
    else if (kind < 0.76)
      this.#start("reserve", wal.reserveSnapshotRoom(below(3 * SEGMENT, this.#random)), []);
    else if (kind < 0.8) this.#start("snapshot", wal.withSnapshotRoom(nextTurn), []);
    else if (kind < 0.84) this.#start("inspect", this.#inspect(), ["busy"]);
    else if (kind < 0.9) {
      disk.capacityBytes = Math.max(disk.usedBytes, SEGMENT * (4 + below(12, this.#random)));
      clock.elapse(1000);
    }
  }

  #start(what: string, call: Promise<void>, allowed: readonly string[]): void {
    const task = codeOf(call).then((code) => {
      this.#tasks.delete(task);
      if (code !== undefined && !allowed.includes(code)) this.surprises.push(`${what}: ${code}`);
    });
    this.#tasks.add(task);
  }

  async #append(): Promise<void> {
    const from = (this.#given ?? this.#log.wal.lastIndex) + 1;
    const count = 1 + below(3, this.#random);
    this.#given = from + count - 1;
    try {
      await this.#log.wal.append({ entries: entries(from, count, TERM, 1 + below(1200, this.#random)) });
      this.acknowledged = from + count - 1;
    } catch (error) {
      this.#given = undefined;
      throw error;
    }
  }

  async #markAndDrop(): Promise<void> {
    const { wal } = this.#log;
    const index = wal.lastIndex;
    if (index <= (wal.snapshot?.index ?? 0)) return;
    await wal.append({ snapshot: { index, term: TERM } });
    await wal.dropBefore(Math.max(1, index + 1 - below(5, this.#random)));
  }

  async #readAll(): Promise<void> {
    const { firstIndex: from, lastIndex } = this.#log.wal;
    const [first] = await this.#log.wal.read({ from, before: lastIndex + 1 });
    if (from <= lastIndex && first?.index !== from) this.surprises.push(`read from ${from}: ${first?.index}`);
  }

  async #inspect(): Promise<void> {
    const { damage } = await inspectWal(this.#log.disk);
    if (damage !== undefined) this.surprises.push(`inspect: ${damage.message}`);
  }
}

async function nextTurn(): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
}

describe("everything at once", () => {
  it("loses nothing that was acknowledged, calls nothing damaged, and recovers when space comes back", async () => {
    let refused = 0;
    for (let seed = 1; seed <= 60; seed++) {
      const random = seededRandom(seed);
      const capacityBytes = SEGMENT * (4 + below(10, random)) + below(SEGMENT, random);
      const disk = new SimulatedDisk(new Map(), { capacityBytes });
      const limits = { segmentsAhead: 1 + below(3, random), spareSegments: below(4, random) };
      const log = await openTestLog({ disk, seed, limits });
      const slowness = random() * 0.6;
      disk.gate = async () => {
        while (random() < slowness) await nextTurn();
      };
      const node = new BusyNode(log, random);
      await node.run();
      disk.gate = undefined;
      if (log.states.includes("out-of-space")) refused++;
      expect({ seed, surprises: node.surprises }).toEqual({ seed, surprises: [] });
      expect({ seed, lastIndex: log.wal.lastIndex }).toEqual({ seed, lastIndex: node.acknowledged });

      disk.capacityBytes = 60 * SEGMENT;
      await settle();
      log.clock.elapse(1000);
      await settle();
      expect({ seed, state: log.wal.state }).toEqual({ seed, state: "open" });
      const shown = await contentOf(log.wal);
      for (const tearing of ["none", "mixed"] as const) {
        const image = crashImage(disk, { at: disk.events.length, tearing, random });
        const found = await contentOf((await reopen(image, { seed })).wal);
        expect(found.slice(found.length - shown.length)).toEqual(shown);
      }
      await log.wal.close();
    }
    expect(refused).toBeGreaterThan(20);
  });
});
