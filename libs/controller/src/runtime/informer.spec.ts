import { afterEach, describe, expect, it } from "@jest/globals";
import type { TypedResource } from "@trellis/resource";
import { seededRandom } from "@trellis/testing";
import fc from "fast-check";

import { createPool, type Pool } from "../test-support/pool.ts";
import { Album, Artist } from "../test-support/run.ts";
import { isOlder } from "./informer.ts";
import { type CacheChange, cacheKey } from "./type-cache.ts";

let pool: Pool;
afterEach(() => pool.close());

/** Does something at random to one of a few albums. */
async function disturb(seed: number, steps: number): Promise<void> {
  const random = seededRandom(seed);
  for (let step = 0; step < steps; step++) {
    const name = `album-${Math.floor(random() * 6)}`;
    const what = random();
    if (what < 0.5) await pool.client.write(Album, { name, data: { title: `${step}` } });
    else if (what < 0.7) await pool.client.delete(Album, { name });
    else if (what < 0.85) await pool.clock.advance(random() * 3_000);
    else if (pool.faults.message === undefined) {
      pool.faults.message = () => {
        throw new Error("cut");
      };
    } else delete pool.faults.message;
  }
  delete pool.faults.message;
  await pool.clock.advance(120_000);
}

describe("a cache and the store", () => {
  it("are the same after any changes and cuts; the cache moves forward only, and keeps nothing that is gone (invariant 6)", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 1e6 }), async (seed) => {
        pool = createPool();
        await pool.client.write(Album, { name: "album-0", data: { title: "first" } });
        const { informer } = await pool.share({ type: Album });
        const changes: CacheChange[] = [];
        informer.subscribe((change) => changes.push(change));
        await disturb(seed, 40);

        const stored: TypedResource[] = [];
        for await (const resource of pool.client.list(Album)) stored.push(resource);
        const cached = informer.cache.keys().map((key) => informer.cache.get(key));
        expect(cached).toEqual(stored);
        for (const { previous, next } of changes)
          if (previous !== undefined && next !== undefined)
            expect(isOlder(previous.version, next.version)).toBe(true);
        await pool.close();
      }),
      { numRuns: 25, seed: 5 },
    );
    pool = createPool();
  }, 120_000);

  it("C094, C095, C096, C097, C098, C099, C178, C184: never show what does not decode: the watch says so and is tried again", async () => {
    pool = createPool();
    await pool.client.write(Album, { name: "one", data: { title: "x" } });
    // As a program sees it that was built with another message for the type.
    const type = { ...Album, schema: Artist.schema } as unknown as typeof Album;
    const { informer } = await pool.share({ type });
    await pool.clock.advance(10_000);
    expect([informer.isSynced, informer.cache.size]).toEqual([false, 0]);
    expect(String(informer.lastError)).toContain("demo.v2");
    expect(pool.watches()).toBeGreaterThan(1);
    expect(pool.lines.filter(({ level }) => level === "error").length).toBeGreaterThan(0);
  });

  it("tell each change to all who listen, though one of them fails", async () => {
    pool = createPool();
    const { informer } = await pool.share({ type: Album });
    const heard: (string | undefined)[] = [];
    informer.subscribe(() => {
      throw new Error("broken");
    });
    informer.subscribe(({ next }) => heard.push(next?.id.name));
    for (const name of ["one", "two"]) await pool.client.write(Album, { name, data: { title: "x" } });
    await pool.clock.flush();
    expect([heard, pool.watches()]).toEqual([["one", "two"], 1]);
    expect(pool.lines.filter(({ level }) => level === "error")).toHaveLength(2);
  });

  it("C018, C019: are watched once for each type, and what the watch told is what the cache has", async () => {
    pool = createPool();
    const written = await pool.client.write(Album, { name: "one", data: { title: "x" } });
    const { informer } = await pool.share({ type: Album });
    await pool.clock.advance(600_000);
    expect(pool.watches()).toBe(1);
    const key = cacheKey(written.resource);
    expect(informer.cache.get(key)).toBe(informer.cache.get(key));
    expect(informer.cache.get(key)).toEqual(written.resource);
  });
});
