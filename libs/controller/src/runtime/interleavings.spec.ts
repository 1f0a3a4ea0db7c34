import { describe, expect, it } from "@jest/globals";
import type { Random } from "@trellis/resource";
import { createVirtualClock, seededRandom } from "@trellis/testing";
import fc from "fast-check";

import type { Cache } from "../cache.ts";
import { index } from "../define.ts";
import { Album, album, createAlbumCache, namesOf, request } from "../test-support/albums.ts";
import { createReaderCache } from "./reader-cache.ts";
import { ReaderEdges } from "./reader-edges.ts";
import type { CacheChange } from "./type-cache.ts";
import { WorkQueue } from "./work-queue.ts";

const NAMES = ["n0", "n1", "n2", "n3", "n4"];
/** An album's title names the album that it refers to. */
const byReference = index({ name: "reference", type: Album, keys: ({ data }) => [data.title] });

/** What there is to know about a name: what it refers to, whether that is there, and who refers to it. */
async function lookAt(name: string, cache: Cache, pause: () => Promise<void>): Promise<string> {
  const reference = cache.get(Album, request(name))?.data.title;
  await pause();
  const target = reference === undefined ? undefined : cache.get(Album, request(reference));
  await pause();
  const referring = namesOf(cache.byIndex(byReference, name));
  return `${reference} (${target?.data.yearOfRelease}), from ${referring.join()}`;
}

/** Names that are looked at by workers whose steps, failures and pauses a seed decides, while what they look at changes. */
function createWorld(random: Random) {
  const clock = createVirtualClock();
  const cache = createAlbumCache(byReference);
  const edges = new ReaderEdges();
  const known = new Map<string, string>();
  const running = new Set<string>();
  const workers = 1 + Math.floor(random() * 3);
  let twice = 0;
  let failing = true;
  const options = { random, minIntervalMs: random() < 0.5 ? 0 : 20 };
  const queue = new WorkQueue(clock, { baseMs: 5, maxMs: 100 }, () => dispatch(), options);
  const pause = (): Promise<void> => new Promise((resolve) => void clock.after(random() * 10, resolve));

  function dispatch(): void {
    while (running.size < workers) {
      const name = queue.take();
      if (name === undefined) return;
      if (running.has(name)) twice += 1;
      running.add(name);
      void work(name);
    }
  }
  async function work(name: string): Promise<void> {
    const run = edges.begin(name);
    const reading = createReaderCache(cache.view, { types: new Set([Album.gvk]), record: run.record });
    try {
      const found = await lookAt(name, reading, async () => {
        await pause();
        if (failing && random() < 0.2) throw new Error("broken");
      });
      known.set(name, found);
      run.end("well");
      queue.forget(name);
    } catch {
      run.end("failed");
      queue.addAfterFailure(name);
    }
    running.delete(name);
    queue.finish(name);
    queueMicrotask(dispatch);
  }
  return {
    clock,
    known,
    twice: () => twice,
    start(): void {
      for (const name of NAMES) queue.add(name, "start");
    },
    /** One album comes, changes or goes. */
    change(): void {
      const pick = (): string => NAMES[Math.floor(random() * NAMES.length)] ?? "";
      const changed = album(pick(), { title: pick(), yearOfRelease: Math.floor(random() * 100) });
      const change: CacheChange = random() < 0.3 ? cache.remove(changed) : cache.put(changed);
      for (const name of edges.concernedBy(Album.gvk, change)) queue.add(name, "dependency");
    },
    failNoMore: () => (failing = false),
    /** What there is to know in the end. */
    async truth(): Promise<Map<string, string>> {
      const all = new Map<string, string>();
      for (const name of NAMES) all.set(name, await lookAt(name, cache.view, async () => undefined));
      return all;
    },
    isAtRest: () => queue.pending + queue.processing + queue.retrying === 0,
  };
}

describe("names that are run when what they looked at changes", () => {
  it("never run twice at a time (invariant 1), and know in the end what is (invariants 2 and 3), whatever the order", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 1e6 }), async (seed) => {
        const random = seededRandom(seed);
        const world = createWorld(random);
        world.start();
        for (let step = 0; step < 30; step++) {
          world.change();
          if (random() < 0.6) await world.clock.advance(random() * 15);
        }
        world.failNoMore();
        await world.clock.advance(2_000);
        expect(world.twice()).toBe(0);
        expect(world.isAtRest()).toBe(true);
        expect(world.known).toEqual(await world.truth());
      }),
      { numRuns: 60, seed: 17 },
    );
  }, 120_000);
});
