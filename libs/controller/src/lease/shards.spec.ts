import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { errorReason } from "@trellis/resource";

import { Artist } from "../test-support/run.ts";
import { CONTROLLER_LEASES, Lease, shardLeaseNameOf } from "./lease.ts";
import { createLeaseWorld, type KeptLeases, type LeaseWorld } from "./test-support/lease-world.ts";
import type { WantedLease } from "./wanted-lease.ts";

let world: LeaseWorld;
beforeEach(() => {
  world = createLeaseWorld();
});
afterEach(() => world.close());

const NAME = `${CONTROLLER_LEASES}a`;

/** The leases of a controller `a` that is divided. */
function sharesOf(shards: number): readonly WantedLease[] {
  return Array.from({ length: shards }, (_, index) => ({
    name: shardLeaseNameOf(NAME, index),
    part: { name: NAME, shards },
  }));
}

function heldBy({ terms }: KeptLeases): readonly string[] {
  return terms
    .filter(({ held }) => held)
    .map(({ name }) => name.slice(CONTROLLER_LEASES.length))
    .toSorted();
}

describe("a controller that is divided into shards", () => {
  it("has a lease for each, and one that says how many there are", async () => {
    const first = world.keep("first", sharesOf(3));
    await world.clock.advance(1_000);
    expect(heldBy(first)).toEqual(["a-0", "a-1", "a-2"]);
    expect((await world.lease("a")).data).toMatchObject({ shards: 3, holder: "" });
  });

  it("is spread over members, and taken over shard by shard", async () => {
    const both = ["first", "second"].map((name) => world.keep(name, sharesOf(4)));
    await world.clock.advance(20_000);
    expect(both.map((one) => heldBy(one).length)).toEqual([2, 2]);
    const [first, second] = both as [KeptLeases, KeptLeases];
    first.network.cut = true;
    await world.clock.advance(5_500);
    expect(heldBy(second)).toEqual(["a-0", "a-1", "a-2", "a-3"]);
  });

  it("is not divided anew while a shard of the former division is held, and then at once", async () => {
    const former = world.keep("former", sharesOf(2));
    await world.clock.advance(1_000);
    const next = world.keep("next", sharesOf(3));
    await world.clock.advance(30_000);
    expect(heldBy(next)).toEqual([]);
    expect(heldBy(former)).toEqual(["a-0", "a-1"]);
    await former.keeper.stop();
    await world.clock.advance(1_000);
    expect(heldBy(next)).toEqual(["a-0", "a-1", "a-2"]);
    expect((await world.lease("a")).data.shards).toBe(3);
  });

  it("is not divided while one process has all of it, nor the other way round", async () => {
    const whole = world.keep("whole", ["a"]);
    await world.clock.advance(1_000);
    const divided = world.keep("divided", sharesOf(2));
    await world.clock.advance(30_000);
    expect([heldBy(whole), heldBy(divided)]).toEqual([["a"], []]);
    await whole.keeper.stop();
    await world.clock.advance(1_000);
    expect(heldBy(divided)).toEqual(["a-0", "a-1"]);
    const again = world.keep("again", ["a"]);
    await world.clock.advance(30_000);
    expect([heldBy(again), heldBy(divided)]).toEqual([[], ["a-0", "a-1"]]);
    await divided.keeper.stop();
    await world.clock.advance(1_000);
    expect(heldBy(again)).toEqual(["a"]);
  });

  it("is not divided anew when its holders only seem to have gone", async () => {
    const former = world.keep("former", sharesOf(2));
    await world.clock.advance(1_000);
    const next = world.keep("next", sharesOf(3));
    await world.clock.advance(10);
    next.network.holdMessages();
    await world.clock.advance(20_000);
    expect(heldBy(former)).toEqual(["a-0", "a-1"]);
    expect(former.told.filter((line) => line.includes("lost"))).toEqual([]);
    expect(heldBy(next)).toEqual([]);
  });

  it("has refused what a shard of the former division sends late, whoever holds which now", async () => {
    const former = world.keep("former", sharesOf(2));
    await world.clock.advance(1_000);
    const [term] = former.terms;
    former.network.holdRequests();
    const late = term?.client.write(Artist, { name: "late", data: { name: "Late" } });
    const failure = late?.catch((error: unknown) => error);
    // The shard's own lease is nobody's of three: its fence alone would hold.
    const { version, data } = await world.lease("a");
    await world.client.write(Lease, { name: NAME, version, data: { ...data, shards: 1, transitions: 9n } });
    former.network.letGo();
    await world.clock.advance(100);
    expect(errorReason(await failure)).toBe("PRECONDITION_FAILED");
    expect(former.told.filter((line) => line.includes("lost"))).toHaveLength(2);
  });

  it("is left to those of another division by who lost its shards with the former", async () => {
    const former = world.keep("former", sharesOf(2));
    await world.clock.advance(1_000);
    const next = world.keep("next", sharesOf(3));
    await world.clock.advance(1_000);
    const { version, data } = await world.lease("a");
    await world.client.write(Lease, { name: NAME, version, data: { ...data, shards: 3, transitions: 9n } });
    await world.clock.advance(1_000);
    expect([heldBy(former), heldBy(next)]).toEqual([[], ["a-0", "a-1", "a-2"]]);
  });

  it("is taken over when the one that divided it died before it held anything", async () => {
    await world.client.write(Lease, { name: NAME, data: { shards: 2, transitions: 1n } });
    const next = world.keep("next", sharesOf(2));
    await world.clock.advance(1_000);
    expect(heldBy(next)).toEqual(["a-0", "a-1"]);
  });
});

describe("the name of a shard's lease", () => {
  it("is that of the controller's with its number, and a name however long that is", () => {
    expect(shardLeaseNameOf("controller-a", 12)).toBe("controller-a-12");
    const long = `controller-${"x".repeat(52)}`;
    const names = [0, 1, 10].map((index) => shardLeaseNameOf(long, index));
    expect(new Set(names).size).toBe(3);
    for (const name of names) expect(name.length).toBeLessThanOrEqual(63);
  });
});
