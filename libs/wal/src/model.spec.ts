import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";

import { crashImage } from "./test-support/crash-image.ts";
import {
  afterAppend,
  differenceFrom,
  EMPTY_MODEL,
  type LogModel,
  showLog,
} from "./test-support/log-model.ts";
import { randomAppend } from "./test-support/random-load.ts";
import { below, seededRandom } from "./test-support/seeded-random.ts";
import { openTestLog, reopen, type TestLog } from "./test-support/test-log.ts";

type Step =
  | { readonly kind: "append"; readonly seed: number; readonly together: number }
  | { readonly kind: "drop"; readonly back: number }
  | { readonly kind: "reopen" }
  | { readonly kind: "crash"; readonly seed: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant("append" as const),
      seed: fc.nat(),
      together: fc.integer({ min: 1, max: 5 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("drop" as const), back: fc.nat({ max: 5 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("reopen" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("crash" as const), seed: fc.nat() }) },
);

/** A log and its model, side by side. */
class Pair {
  #log: TestLog;
  #model: LogModel = EMPTY_MODEL;
  #droppedBefore = 1;

  constructor(log: TestLog) {
    this.#log = log;
  }

  async run(next: Step): Promise<void> {
    const { wal, disk } = this.#log;
    switch (next.kind) {
      case "append":
        await this.#append(seededRandom(next.seed), next.together);
        return;
      case "drop": {
        const index = Math.max((wal.snapshot?.index ?? 0) + 1 - next.back, 1);
        await wal.dropBefore(index);
        this.#droppedBefore = Math.max(index, this.#droppedBefore);
        expect(wal.firstIndex).toBeGreaterThanOrEqual(Math.min(index, wal.lastIndex + 1));
        return;
      }
      case "reopen":
        await wal.close();
        this.#log = await openTestLog({ disk, seed: wal.lastIndex });
        return;
      case "crash": {
        const random = seededRandom(next.seed);
        const image = crashImage(disk, { at: disk.events.length, tearing: "mixed", random });
        this.#log = await reopen(image, { seed: next.seed });
      }
    }
  }

  async #append(random: () => number, together: number): Promise<void> {
    const batch = Array.from({ length: 1 + below(together, random) }, async () => {
      const append = randomAppend(this.#model, random);
      this.#model = afterAppend(this.#model, append);
      await this.#log.wal.append(append);
    });
    await Promise.all(batch);
  }

  async compare(): Promise<void> {
    expect(differenceFrom(this.#model, await showLog(this.#log.wal), this.#droppedBefore)).toBeUndefined();
  }

  async close(): Promise<void> {
    await this.#log.wal.close();
  }
}

describe("a log beside a plain model", () => {
  it("shows the same after any appends, overwrites, marks, drops, starts and crashes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const pair = new Pair(await openTestLog());
        for (const next of steps) {
          await pair.run(next);
          await pair.compare();
        }
        await pair.close();
      }),
      { numRuns: 150 },
    );
  });
});
