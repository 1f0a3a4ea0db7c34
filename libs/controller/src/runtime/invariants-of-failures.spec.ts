import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import demo from "@trellis/demo";
import {
  converges,
  createTestServer,
  createVirtualClock,
  seededRandom,
  type TestServer,
} from "@trellis/testing";

import { type AnyController, defineController, index, watch } from "../define.ts";
import { requestOf } from "../mappers.ts";
import { source } from "../source.ts";
import { bookings, type Change, randomChanges, untold } from "../test-support/band.ts";
import { Album, Artist, Festival } from "../test-support/run.ts";

/** Where an author's code may throw. */
const PLACES = [
  "init",
  "onStart",
  "onStop",
  "reconcile",
  "finalize",
  "absent",
  "when",
  "map",
  "watch when",
  "transform",
  "index",
  "source",
  "source map",
] as const;
type Place = (typeof PLACES)[number];

/** A controller that throws at one place for as long as it is told to. */
function createThrower(place: Place) {
  let isThrowing = true;
  let thrown = 0;
  const at = <Value>(here: Place, value: Value): Value => {
    if (!isThrowing || here !== place) return value;
    thrown += 1;
    throw new Error(`thrown at ${here}`);
  };
  const controller: AnyController = defineController({
    name: "thrower",
    type: Artist,
    when: () => at("when", true),
    watches: [
      watch(Festival, ({ resource }) => at("map", [{ ...requestOf(resource.id), name: "a0" }]), {
        when: () => at("watch when", true),
      }),
      watch(Album, () => [], { transform: (album) => at("transform", album) }),
    ],
    indexes: [index({ name: "all", type: Artist, keys: () => at("index", ["all"]) })],
    sources: [
      source({
        name: "outside",
        async *open({ signal }) {
          yield at("source", 1);
          await new Promise((resolve) => signal.addEventListener("abort", resolve));
        },
        map: () => at("source map", [{ partition: "default", namespace: "default", name: "a0" }]),
      }),
    ],
    init: async () => at("init", undefined),
    onStart: async () => at("onStart", undefined),
    onStop: async () => at("onStop", undefined),
    reconcile: async () => at("reconcile", undefined),
    finalize: async () => at("finalize", undefined),
    absent: async () => at("absent", undefined),
  });
  return { controller, thrown: () => thrown, throws: (whether: boolean) => void (isThrowing = whether) };
}

const album: Change = (client) => client.write(Album, { name: "one", data: { title: "One" } });

describe("an author's function that throws", () => {
  it.each(PLACES)(
    "invariant 5: stops no other controller, whatever else goes wrong: %s",
    async (place) => {
      const thrower = createThrower(place);
      const changes: Change[] = [
        async () => thrower.throws(true),
        album,
        (client) => client.write(Artist, { name: "of-a-day", data: { name: "Of a day" } }),
        ...randomChanges(seededRandom(3), 10),
        (client) => client.delete(Artist, { name: "of-a-day" }),
        // Done again until it is so: while the one throws, the other comes to tell the truth.
        async (client) => {
          const behind = await untold(client);
          if (behind.length > 0) throw new Error(behind.join());
        },
        async () => thrower.throws(false),
      ];
      await converges({ domains: [demo], controllers: [thrower.controller, bookings], changes, seeds: 3 });
      expect(thrower.thrown()).toBeGreaterThan(0);
    },
    120_000,
  );
});

describe("a controller's own status", () => {
  let server: TestServer;
  const runs: string[] = [];
  beforeEach(() => {
    runs.splice(0);
    const counted = defineController({
      ...bookings,
      async reconcile(context) {
        runs.push(context.request.name);
        return await bookings.reconcile(context);
      },
    });
    server = createTestServer({ domains: [demo], controllers: [counted], clock: createVirtualClock() });
  });
  afterEach(() => server.close());

  it("invariant 4: causes no run: each change causes one for each name that it concerns, and none when it changes nothing", async () => {
    const random = seededRandom(11);
    const seen: number[] = [];
    for (const change of randomChanges(random, 60)) {
      const { version } = server.backend.position();
      await change(server.client).catch(() => undefined);
      const isChange = server.backend.position().version !== version;
      await server.settled();
      const names = runs.splice(0);
      expect(new Set(names).size).toBe(names.length);
      if (!isChange) expect(names).toEqual([]);
      seen.push(names.length);
    }
    expect(Math.max(...seen)).toBeGreaterThanOrEqual(2);
  });
});
