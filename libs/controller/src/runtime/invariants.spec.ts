import { describe, expect, it, jest } from "@jest/globals";
import demo from "@trellis/demo";
import { converges, seededRandom, type TestServer } from "@trellis/testing";

import { bookings, randomChanges, records, stored, untold } from "../test-support/band.ts";
import { createObserver } from "../test-support/observer.ts";
import { Album, Artist } from "../test-support/run.ts";

/** Lists of changes, and runs of each with other interleavings, faults and restarts. */
const SCENARIOS = 10;
const SEEDS = 4;
const CHANGES = 10;

const observer = createObserver();
const controllers = [bookings, records].map((controller) => observer.of(controller));

const byText = (one: string, other: string): number => (one < other ? -1 : 1);

/** What each run is to show in its end. */
async function checkEnd(server: TestServer): Promise<void> {
  const { client, runtime, backend } = server;
  expect(await untold(client)).toEqual([]);
  const artists = await stored(client.list(Artist));
  expect(artists.filter(({ metadata }) => metadata["deletionTimestamp"] !== undefined)).toEqual([]);
  const owners = (await stored(client.list(Album))).map(({ owner }) => owner?.uid ?? "");
  expect(owners.sort(byText)).toEqual(artists.flatMap(({ id: { uid } }) => [uid, uid]).sort(byText));
  const before = { runs: observer.runs(), version: backend.position().version };
  await server.settled();
  expect(runtime.status().idle).toBe(true);
  expect({ runs: observer.runs(), version: backend.position().version }).toEqual(before);
}

describe("controllers whose calls fail, whose watches are cut, and which are killed and started again", () => {
  it.each(Array.from({ length: SCENARIOS }, (_, at) => at + 1))(
    "invariants 2, 3, 4, 7 and 9: tell the truth of both ends of a reference, come to rest, leave nothing that is marked, and end in one state (%i)",
    async (scenario) => {
      const changes = [() => observer.begin(), ...randomChanges(seededRandom(scenario), CHANGES)];
      await converges({ domains: [demo], controllers, changes, seeds: SEEDS, check: checkEnd });
    },
    120_000,
  );

  it("invariants 1, 6 and 7: never run a name twice at a time, nor see a resource older than before, nor marked and held by nobody", async () => {
    const changes = [() => observer.begin(), ...randomChanges(seededRandom(77), CHANGES)];
    await converges({ domains: [demo], controllers, changes, seeds: SEEDS });
    expect(observer.runs()).toBeGreaterThan(CHANGES * SEEDS);
    expect(observer.misdeeds).toEqual({ twice: [], backwards: [], held: [] });
  }, 120_000);

  it("invariant 10: wait on the clock that they are given, never on the machine's", async () => {
    const never = { ref: () => never, unref: () => never } as never;
    const timers = (["setTimeout", "setInterval"] as const).map((name) =>
      jest.spyOn(globalThis, name).mockImplementation((() => never) as never),
    );
    try {
      const changes = randomChanges(seededRandom(5), CHANGES);
      await converges({ domains: [demo], controllers: [bookings, records], changes, seeds: 2 });
    } finally {
      for (const timer of timers) timer.mockRestore();
    }
  }, 120_000);
});
