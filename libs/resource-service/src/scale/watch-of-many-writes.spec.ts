import { Code, ConnectError } from "@connectrpc/connect";
import { type Client, createClient, type WatchItem } from "@trellis/client";
import { describe, expect, it } from "@jest/globals";
import { errorReason, type Random } from "@trellis/resource";
import { createMemoryBackend } from "@trellis/storage-memory";
import { createFaultyTransport, createVirtualClock, seededRandom } from "@trellis/testing";

import { Artist, type Fixture, withFixture } from "../test-support/fixture.ts";
import { CutWatcher } from "./cut-watcher.ts";
import { noteChanges } from "./noted-changes.ts";
import { RandomWriter } from "./random-writer.ts";

const WRITES = 100_000;
/** Commits that the store keeps: some seconds of these writes. */
const HISTORY = 5_000;
/** Commits that a watcher may fall behind while it is connected; then the writer waits for it. */
const MAX_LAG = HISTORY / 2;
/** How long the SDK stays away at most, in commits. */
const MAX_ABSENCE = 3 * HISTORY;
/** One message in so many cuts the SDK's stream. */
const MESSAGES_PER_CUT = 2_000;
/** Streams that the other watcher leaves at least. */
const LEAST_CUTS = 50;
/** How long a watcher may take to catch up, in turns of the event loop or steps of the SDK's time. */
const MAX_STEPS = 10_000;
/** What passes for the SDK with each thing that is written: its waits between two streams are of this order. */
const STEP_MS = 500;

const turn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

/** Waits for what must come to be. Throws when it takes too many steps. */
async function until(isSo: () => boolean, step: () => Promise<void>): Promise<void> {
  for (let steps = 0; !isSo(); steps++) {
    if (steps === MAX_STEPS) throw new Error(`expected an end within ${MAX_STEPS} steps: ${isSo.toString()}`);
    await step();
  }
}

/** Follows all artists through the SDK's watch. */
function follow(client: Client) {
  const titles = new Map<string, string>();
  const reasons = new Set<string | undefined>();
  const stop = new AbortController();
  let reached = "";
  const take = (item: WatchItem<typeof Artist.schema>): void => {
    if (item.kind === "endOfSnapshot") return;
    const { id, data } = item.resource;
    if (item.kind === "upsert") titles.set(id.name, data.name);
    else if (!titles.delete(id.name))
      throw new Error(`was told the end of ${id.name}, which it did not have`);
  };
  const following = (async () => {
    const items = client.watch(
      Artist,
      {},
      {
        signal: stop.signal,
        onInterrupt: (error) => reasons.add(errorReason(error)),
        onPosition: ({ version }) => (reached = version),
      },
    );
    for await (const item of items) take(item);
  })();
  return {
    /** What it was told is there: titles by name. */
    titles,
    /** Why its streams ended. */
    reasons,
    /** The version up to which it was told everything. */
    reached: () => reached,
    async leave(): Promise<void> {
      stop.abort();
      await following;
    },
  };
}

/** The SDK's client behind a network that cuts its streams, and then keeps it away for a while. */
function createWanderer({ server }: Fixture, random: Random) {
  const clock = createVirtualClock();
  const version = (): number => server.backend.position().version;
  let isHome = false;
  let returnsAt = 0;
  const transport = createFaultyTransport(server.transport, {
    message() {
      if (isHome || random() >= 1 / MESSAGES_PER_CUT) return;
      returnsAt = version() + Math.floor(random() * MAX_ABSENCE);
      throw new ConnectError("cut", Code.Unavailable);
    },
    request() {
      if (!isHome && version() < returnsAt) throw new ConnectError("away", Code.Unavailable);
    },
  });
  return {
    client: createClient({ transport, clock, random }),
    clock,
    /** From now on nothing comes between. */
    comeBack: () => (isHome = true),
  };
}

/** What is stored, through the service: titles by name. */
async function storedTitles({ server }: Fixture): Promise<Map<string, string>> {
  const titles = new Map<string, string>();
  for await (const { id, data } of server.client.list(Artist)) titles.set(id.name, data.name);
  return titles;
}

describe("a watch through 100,000 writes that is cut at random", () => {
  it("sees every change once, in order; kept away for longer than the history, the SDK's is told so and equals the store", async () => {
    const clock = createVirtualClock();
    const inner = createMemoryBackend({ clock, random: seededRandom(1) }, { historyCommits: HISTORY });
    const { backend, changes } = noteChanges(inner);
    await withFixture({ backend, clock }, async (fixture) => {
      const [writing, cutting, wandering] = [seededRandom(1), seededRandom(2), seededRandom(3)];
      const watcher = new CutWatcher(fixture.rpc, cutting, String(backend.position().version));
      const watching = watcher.run();
      const wanderer = createWanderer(fixture, wandering);
      const follower = follow(wanderer.client);
      const writer = new RandomWriter(fixture.rpc, writing);
      while (changes.length < WRITES) {
        await writer.step();
        await wanderer.clock.advance(STEP_MS);
        await until(() => backend.position().version - Number(watcher.reached) <= MAX_LAG, turn);
      }
      wanderer.comeBack();
      const last = String(backend.position().version);
      await until(() => watcher.reached === last, turn);
      await until(
        () => follower.reached() === last,
        () => wanderer.clock.advance(STEP_MS),
      );
      watcher.leave();
      await Promise.all([watching, follower.leave()]);

      expect(watcher.seen).toEqual(changes);
      expect(watcher.cuts).toBeGreaterThan(LEAST_CUTS);
      expect(follower.titles).toEqual(await storedTitles(fixture));
      expect(follower.reasons).toContain("HISTORY_GONE");
    });
  }, 120_000);
});
