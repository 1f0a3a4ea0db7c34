import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";

import { type ControllerPlacement, sharded } from "../controller.ts";
import { defineController } from "../define.ts";
import { createControllerRuntime, createControllersPart, shardOf } from "../runtime/index.ts";
import { Artist } from "../test-support/run.ts";
import { CONTROLLER_LEASES } from "./lease.ts";
import { allOf, createLeaseWorld, type LeaseWorld } from "./test-support/lease-world.ts";
import { underLeases } from "./under-leases.ts";

let world: LeaseWorld;
beforeEach(() => {
  world = createLeaseWorld();
});
const toStop: (() => Promise<void>)[] = [];
afterEach(async () => {
  const stopped = Promise.all(toStop.splice(0).map((stop) => stop()));
  await world.clock.advance(10_000);
  await stopped;
  await world.close();
});

/** A process that runs one controller, `artists`, placed like that. */
function startManager(name: string, placement: ControllerPlacement, fails: unknown[] = []) {
  const { client, clock, log, network } = world.createProcess(name);
  const ran: string[] = [];
  const controller = defineController({
    name: "artists",
    type: Artist,
    placement,
    async reconcile(context) {
      ran.push(context.request.name);
      const input = { name: context.request.name, metadata: { by: name }, data: context.resource.data };
      await context.client.write(Artist, input).catch((error: unknown) => void fails.push(error));
    },
  });
  const holder = { id: `id-of-${name}`, name };
  const runtime = createControllerRuntime({
    client,
    clock,
    log,
    controllers: [controller],
    placement: underLeases({ client, clock, log, random: world.random, holder, prefix: CONTROLLER_LEASES }),
  });
  runtime.start();
  toStop.push(() => runtime.stop());
  return { ran, runtime, network, part: createControllersPart({ name: "controllers", runtime, clock, log }) };
}

const NAMES = Array.from({ length: 12 }, (_, at) => `artist-${at}`);

async function writeArtists(called: string): Promise<void> {
  for (const name of NAMES) await world.client.write(Artist, { name, data: { name: called } });
}

async function writers(): Promise<ReadonlyMap<string, string | undefined>> {
  const artists = await allOf(world.client.list(Artist));
  return new Map(artists.map(({ id, metadata }) => [id.name, metadata.by]));
}

describe("a controller whose names are divided over shards", () => {
  it("has each name looked after by the process that holds its shard", async () => {
    const managers = ["first", "second"].map((name) => startManager(name, sharded(4)));
    await world.clock.advance(20_000);
    await writeArtists("new");
    await world.clock.advance(1_000);
    const by = await writers();
    const shards = new Map<number, Set<string | undefined>>();
    for (const name of NAMES) {
      const shard = shardOf({ partition: "default", namespace: "default", name }, 4);
      shards.set(shard, (shards.get(shard) ?? new Set()).add(by.get(name)));
    }
    for (const who of shards.values()) expect(who.size).toBe(1);
    expect(new Set(by.values())).toEqual(new Set(["first", "second"]));
    const [first, second] = managers.map(({ ran }) => new Set(ran));
    for (const name of NAMES) expect(first?.has(name) === true && second?.has(name) === true).toBe(false);
  });

  it("goes on in those that stay", async () => {
    const [first] = ["first", "second"].map((name) => startManager(name, sharded(4)));
    await world.clock.advance(20_000);
    if (first !== undefined) first.network.cut = true;
    await writeArtists("new");
    await world.clock.advance(6_000);
    expect(new Set((await writers()).values())).toEqual(new Set(["second"]));
  });

  it("does not keep a manager from being ready that would divide it otherwise, while others still run it", async () => {
    startManager("former", sharded(2));
    await world.clock.advance(1_000);
    const next = startManager("next", sharded(3));
    await world.clock.advance(1_000);
    expect(next.part.notReady()).toBeUndefined();
    expect(next.part.remark()).toBe("standing by: artists runs at former");
  });
});

describe("a controller for every member", () => {
  it("runs in each process under no lease, and writes nothing", async () => {
    const fails: unknown[] = [];
    const managers = ["first", "second"].map((name) => startManager(name, "everyMember", fails));
    await writeArtists("new");
    await world.clock.advance(1_000);
    for (const { ran } of managers) expect(new Set(ran)).toEqual(new Set(NAMES));
    expect(fails.length).toBeGreaterThanOrEqual(2 * NAMES.length);
    expect(String(fails[0])).toContain("everyMember");
    expect(new Set((await writers()).values())).toEqual(new Set([undefined]));
    await expect(world.lease("artists")).rejects.toThrow();
  });
});

describe("controllers that would share a lease", () => {
  it("are not placed side by side", () => {
    const { client, clock, log } = world.createProcess("one");
    const placement = underLeases({
      client,
      clock,
      log,
      random: world.random,
      prefix: CONTROLLER_LEASES,
      holder: { id: "id-of-one", name: "one" },
    });
    const placed = { begin: () => undefined, end: async () => undefined };
    const controllers = [{ name: "artists", placement: sharded(2) }, { name: "artists-1" }];
    expect(() => placement.start(controllers, placed)).toThrow(
      'the controllers "artists" and "artists-1" would share the lease controller-artists-1: rename one',
    );
  });
});
