import { describe, expect, it } from "@jest/globals";
import demo from "@trellis/demo";
import { type Backend, WILDCARD } from "@trellis/storage";
import { createMemoryBackend } from "@trellis/storage-memory";
import { createTestServer, createVirtualClock, randomFaults, seededRandom } from "@trellis/testing";

import type { Cache } from "../cache.ts";
import { defineController } from "../define.ts";
import { randomChanges } from "../test-support/band.ts";
import { Artist } from "../test-support/run.ts";

const SEEDS = 8;
const CHANGES = 40;

/** What there is of a type, as one text: each name with its version. */
const told = (of: readonly { readonly name: string; readonly version: string }[]): string =>
  of
    .map(({ name, version }) => `${name}@${version}`)
    .sort()
    .join();

/** The artists of a store as of each of its versions. */
async function historyOf(backend: Backend, first: number): Promise<string[]> {
  const { group, kind } = Artist;
  const history: string[] = [];
  for (let atVersion = first; atVersion <= backend.position().version; atVersion++) {
    const query = { group, kind, partition: WILDCARD, namespace: WILDCARD };
    const { records } = await backend.list(query, { atVersion: atVersion as never });
    history.push(told(records.map(({ key, version }) => ({ name: key.name, version: String(version) }))));
  }
  return history;
}

describe("a cache whose watch is cut and which is made anew", () => {
  it("invariant 6: shows the store as of some version once it is full, and then only newer ones", async () => {
    let begun = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const random = seededRandom(seed);
      const clock = createVirtualClock({ order: random });
      const faults = randomFaults({ clock, random });
      const backend = createMemoryBackend({ clock, random });
      const first = backend.position().version;
      /** What each life of the controller saw, in order. */
      const lives: string[][] = [];
      const look = ({ cache }: { readonly cache: Cache }): string =>
        told(cache.list(Artist).map(({ id, version }) => ({ name: id.name, version })));
      const looking = defineController({
        name: "looking",
        type: Artist,
        onStart: async (context) => void lives.push([look(context)]),
        reconcile: async (context) => void lives.at(-1)?.push(look(context)),
        absent: async (context) => void lives.at(-1)?.push(look(context)),
      });
      const server = createTestServer({
        domains: [demo],
        controllers: [looking],
        backend,
        clock,
        random,
        order: random,
        controllerFaults: faults,
      });
      for (const change of randomChanges(random, CHANGES)) {
        await change(server.client);
        await clock.advance(random() * 60);
        if (random() < 0.1) await server.restart();
      }
      faults.end();
      await clock.advance(60_000);
      await server.settled();
      const history = await historyOf(backend, first);
      await server.close();
      begun += lives.length;
      for (const life of lives) {
        let at = 0;
        for (const seen of life) {
          const found = history.indexOf(seen, at);
          expect({ seed, seen, isInStore: found >= 0 }).toEqual({ seed, seen, isInStore: true });
          at = found;
        }
      }
      expect(lives.at(-1)?.at(-1)).toBe(history.at(-1));
    }
    expect(begun).toBeGreaterThan(2 * SEEDS);
  }, 120_000);
});
