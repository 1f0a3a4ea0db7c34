import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";

import { leaseToHandBack } from "./balance.ts";
import { createLeaseWorld, type KeptLeases, type LeaseWorld } from "./test-support/lease-world.ts";

const held = (...names: string[]) => names.map((name) => ({ name, candidate: name }));
const other = (holds: number, ...candidates: string[]) => ({ id: `holder of ${holds}`, candidates, holds });

describe("what is handed back", () => {
  it.each([
    ["nothing to nobody", held("a", "b", "c"), [], undefined],
    ["nothing to who has one less", held("a", "b"), [other(1, "a", "b")], undefined],
    ["the last to who has two less", held("a", "b", "c"), [other(1, "a", "b", "c")], "c"],
    ["what the poor one would hold", held("a", "b", "c"), [other(0, "b", "x")], "b"],
    ["nothing that only the rich would hold", held("a", "b", "c"), [other(0, "x"), other(3, "c")], undefined],
  ])("is %s", (_, mine, others, expected) => {
    expect(leaseToHandBack({ held: mine, others })).toBe(expected);
  });

  it("is a shard to who would hold shards of the same", () => {
    const shards = [0, 1, 2].map((at) => ({ name: `a-${at}`, candidate: "a" }));
    expect(leaseToHandBack({ held: shards, others: [other(0, "a")] })).toBe("a-2");
  });
});

describe("members that share leases", () => {
  let world: LeaseWorld;
  beforeEach(() => {
    world = createLeaseWorld();
  });
  afterEach(() => world.close());

  const names = Array.from({ length: 11 }, (_, at) => `lease-${at}`);
  /** Each hands back one lease in two to two and a half seconds. */
  const CONVERGED_MS = 30_000;

  function counts(keepers: readonly KeptLeases[]): readonly number[] {
    return keepers.map(({ terms }) => terms.filter(({ held: isHeld }) => isHeld).length);
  }

  function expectFair(keepers: readonly KeptLeases[]): void {
    const shares = counts(keepers);
    expect(shares.reduce((sum, one) => sum + one, 0)).toBe(names.length);
    expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
  }

  it("come to shares that differ by one at most when others join and leave, and then to rest", async () => {
    const first = world.keep("first", names);
    await world.clock.advance(CONVERGED_MS);
    expectFair([first]);
    const second = world.keep("second", names);
    await world.clock.advance(CONVERGED_MS);
    expectFair([first, second]);
    const third = world.keep("third", names);
    await world.clock.advance(CONVERGED_MS);
    expectFair([first, second, third]);
    await first.keeper.stop();
    await world.clock.advance(CONVERGED_MS);
    expectFair([second, third]);
    const told = [...second.told, ...third.told];
    await world.clock.advance(2 * CONVERGED_MS);
    expect([...second.told, ...third.told]).toEqual(told);
    expect([...first.told, ...told].filter((line) => line.includes("lost"))).toEqual([]);
  });

  it("hand back one at a time, which runs on until it has come to its end", async () => {
    const ending = Promise.withResolvers<void>();
    const first = world.keep("first", names, { lost: () => ending.promise });
    await world.clock.advance(5_000);
    const second = world.keep("second", names);
    await world.clock.advance(20_000);
    expect(first.told.filter((line) => line.includes("leaves"))).toHaveLength(1);
    expect(counts([first, second])).toEqual([names.length, 0]);
    ending.resolve();
    await world.clock.advance(100);
    expect(counts([first, second])).toEqual([names.length - 1, 1]);
  });

  it("hand nothing back to one that died", async () => {
    const first = world.keep("first", names);
    await world.clock.advance(5_000);
    const second = world.keep("second", names);
    second.keeper.retire();
    await world.clock.advance(100);
    second.network.cut = true;
    await world.clock.advance(60_000);
    expect(first.told.filter((line) => line.includes("leaves")).length).toBeLessThanOrEqual(1);
    expect(counts([first])).toEqual([names.length]);
  });

  it("take back what nobody took, and leave it at that for a while", async () => {
    const first = world.keep("first", names);
    await world.clock.advance(5_000);
    const idle = world.keep("idle", names);
    await world.clock.advance(10);
    idle.keeper.retire();
    await world.clock.advance(50_000);
    expect(first.told.filter((line) => line.includes("leaves"))).toHaveLength(1);
    expect(counts([first, idle])).toEqual([names.length, 0]);
  });

  it("keep what the others would not hold", async () => {
    const first = world.keep("first", ["a", "b", "c", "d"]);
    await world.clock.advance(1_000);
    const second = world.keep("second", ["x", "d"]);
    await world.clock.advance(CONVERGED_MS);
    expect(counts([first, second])).toEqual([3, 2]);
  });
});
