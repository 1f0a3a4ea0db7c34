import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";

import { CONTROLLER_LEASES, shardLeaseNameOf } from "./lease.ts";
import { followFences, writeUnder, writeWith } from "./test-support/fence-judge.ts";
import { FormerManager } from "./test-support/former-manager.ts";
import {
  createLeaseWorld,
  type KeptLeases,
  type LeaseWorld,
  type Process,
} from "./test-support/lease-world.ts";
import { befall, DEEDS, heal, meddle, MISHAPS } from "./test-support/mishaps.ts";
import type { WantedLease } from "./wanted-lease.ts";

const PROCESSES = 3;
/** Within which all is well again: a watch that was cut waits ten seconds at most, and a lease lasts four. */
const RECOVERY_MS = 20_000;
const STEP_MS = 250;

const rates = fc.array(fc.double({ min: 0.95, max: 1.05, noNaN: true }), {
  minLength: PROCESSES,
  maxLength: PROCESSES,
});

function mishapsOf<What extends string>(...what: readonly What[]) {
  const mishap = fc.record({
    process: fc.nat(PROCESSES - 1),
    what: fc.constantFrom(...what),
    afterMs: fc.integer({ min: 0, max: 3_000 }),
  });
  return fc.array(mishap, { minLength: 5, maxLength: 25 });
}

function heldBy(kept: readonly KeptLeases[]): string[] {
  return kept.flatMap(({ name, terms }) => terms.filter((term) => term.held).map(() => name));
}

async function advance(world: LeaseWorld, ms: number, look: () => void = () => undefined): Promise<void> {
  for (let left = ms; left > 0; left -= STEP_MS) {
    await world.clock.advance(Math.min(left, STEP_MS));
    look();
  }
}

function keepWriting(
  world: LeaseWorld,
  speeds: readonly number[],
  leases: (at: number) => readonly (string | WantedLease)[],
) {
  const kept: KeptLeases[] = speeds.map((rate, at) =>
    world.keep(`p${at}`, leases(at), { rate, taken: (term) => writeUnder(term, kept[at] as KeptLeases) }),
  );
  return kept;
}

async function end(world: LeaseWorld, kept: readonly KeptLeases[]): Promise<void> {
  const stopped = Promise.all(kept.map(({ keeper }) => keeper.stop()));
  await world.clock.advance(2_000);
  await stopped;
  await world.close();
}

describe("a lease, whatever befalls those who want it", () => {
  it("lets nobody write but its holder, and is held by one at a time", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), rates, mishapsOf(...MISHAPS), async (seed, speeds, mishaps) => {
        const world = createLeaseWorld(seed);
        const judge = followFences(world);
        await world.clock.flush();
        const kept = keepWriting(world, speeds, () => ["a"]);
        const look = (): void => expect(heldBy(kept).length).toBeLessThanOrEqual(1);
        await advance(world, 500, look);
        for (const { process, what, afterMs } of mishaps) {
          befall(kept[process] as KeptLeases, what);
          await advance(world, afterMs, look);
        }
        for (const one of kept) heal(one);
        await advance(world, RECOVERY_MS, look);
        expect(heldBy(kept)).toHaveLength(1);
        const { writes, findings } = judge.verdict();
        expect(findings).toEqual([]);
        expect(writes).toBeGreaterThan(0);
        judge.stop();
        await end(world, kept);
      }),
      { numRuns: 10, seed: 20_260_102 },
    );
  }, 120_000);

  it("lets nobody write but its holder, whatever people do to leases by hand", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), rates, mishapsOf(...MISHAPS, ...DEEDS), async (seed, speeds, mishaps) => {
        const world = createLeaseWorld(seed);
        const judge = followFences(world);
        await world.clock.flush();
        const kept = keepWriting(world, speeds, () => ["a", "b"]);
        await world.clock.advance(500);
        for (const { process, what, afterMs } of mishaps) {
          if (isDeed(what)) await meddle(world, what);
          else befall(kept[process] as KeptLeases, what);
          await world.clock.advance(afterMs);
        }
        for (const one of kept) heal(one);
        await world.clock.advance(RECOVERY_MS);
        expect(heldBy(kept)).toHaveLength(2);
        expect(judge.verdict().findings).toEqual([]);
        judge.stop();
        await end(world, kept);
      }),
      { numRuns: 5, seed: 20_260_103 },
    );
  }, 120_000);

  it("lets nobody write but its holder while managers of before there were members are beside", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), rates, mishapsOf(...MISHAPS), async (seed, speeds, mishaps) => {
        const world = createLeaseWorld(seed);
        const judge = followFences(world);
        await world.clock.flush();
        const kept = keepWriting(world, speeds.slice(1), () => ["a"]);
        const process = world.createProcess("former", speeds[0]);
        const former = new FormerManager(process);
        const all: readonly Process[] = [...kept, process];
        const look = (): void => {
          expect(heldBy(kept).length + Number(former.held)).toBeLessThanOrEqual(1);
          const { fence } = former;
          if (fence !== undefined) writeWith(process.client, [fence], "former").catch(() => undefined);
        };
        await advance(world, 500, look);
        for (const one of mishaps) {
          befall(all[one.process] as Process, one.what);
          await advance(world, one.afterMs, look);
        }
        for (const one of all) heal(one);
        await advance(world, RECOVERY_MS, look);
        expect(heldBy(kept).length + Number(former.held)).toBe(1);
        expect(judge.verdict().findings).toEqual([]);
        judge.stop();
        former.stop();
        await end(world, kept);
      }),
      { numRuns: 5, seed: 20_260_104 },
    );
  }, 120_000);

  it("lets nobody write but the holders of the shards of one division", async () => {
    const sharesOf = (shards: number): readonly WantedLease[] =>
      Array.from({ length: shards }, (_, index) => ({
        name: shardLeaseNameOf(`${CONTROLLER_LEASES}a`, index),
        part: { name: `${CONTROLLER_LEASES}a`, shards },
      }));
    await fc.assert(
      fc.asyncProperty(fc.nat(), rates, mishapsOf(...MISHAPS), async (seed, speeds, mishaps) => {
        const world = createLeaseWorld(seed);
        const judge = followFences(world);
        await world.clock.flush();
        // As in an upgrade that changes the number.
        const kept = keepWriting(world, speeds, (at) => (at === 0 ? sharesOf(3) : sharesOf(2)));
        await world.clock.advance(500);
        for (const { process, what, afterMs } of mishaps) {
          befall(kept[process] as KeptLeases, what);
          await world.clock.advance(afterMs);
        }
        for (const one of kept) heal(one);
        await world.clock.advance(RECOVERY_MS);
        expect(heldBy(kept).length).toBe(heldBy(kept).includes("p0") ? 3 : 2);
        expect(judge.verdict().findings).toEqual([]);
        judge.stop();
        await end(world, kept);
      }),
      { numRuns: 5, seed: 20_260_105 },
    );
  }, 120_000);
});

function isDeed(what: string): what is (typeof DEEDS)[number] {
  return (DEEDS as readonly string[]).includes(what);
}
