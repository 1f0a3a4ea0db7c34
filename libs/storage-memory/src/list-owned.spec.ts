import { describe, expect, it } from "@jest/globals";
import { systemClock } from "@trellis/resource";
import { type Key, type Operation, type OwnerRef, WILDCARD } from "@trellis/storage";

import { createMemoryBackend } from "./memory-backend.ts";

const keyOf = (name: string): Key => ({ group: "g", kind: "k", partition: "p", namespace: "n", name });
const owner: OwnerRef = { key: keyOf("owner"), uid: "u" };
const nameOf = (index: number): string => `owned-${String(index).padStart(6, "0")}`;

const OWNED = 100_000;
const OPERATIONS = 1_000;
const PAGE = 256;
/** Processor time of all pages together, in milliseconds: many times what they take, and far below what sorting everything for each page does. */
const MAX_MS = 1_000;

function put(name: string, of: OwnerRef | undefined): Operation {
  const record = { uid: name, groupVersion: "v1", generation: "g", marked: false, bytes: new Uint8Array() };
  return {
    kind: "put",
    key: keyOf(name),
    record: { ...record, ...(of && { owner: of }) },
    preconditions: [],
  };
}

async function createFull() {
  const backend = createMemoryBackend({ clock: systemClock, random: Math.random });
  for (let first = 0; first < OWNED; first += OPERATIONS)
    await backend.commit(Array.from({ length: OPERATIONS }, (_, index) => put(nameOf(first + index), owner)));
  return backend;
}

describe("a list by owner of 100,000 records", () => {
  it("reads for each page what is on it, in the order of the keys, while others move away and come", async () => {
    const backend = await createFull();
    const { version } = backend.position();
    const before = process.threadCpuUsage();
    const names: string[] = [];
    let after: Key | undefined;
    let pages = 0;
    for (let more = true; more;) {
      const page = await backend.list(
        { owner },
        { limit: PAGE, atVersion: version, ...(after && { after }) },
      );
      for (const { key } of page.records) names.push(key.name);
      after = page.records.at(-1)?.key;
      ({ more } = page);
      // In turns, one that was read moves away and one that was not; and a new one comes.
      pages += 1;
      const moved = nameOf(pages % 2 === 0 ? names.length / 2 : Math.min(OWNED - 1, names.length + 300));
      await backend.commit([put(moved, undefined), put(`${moved}-new`, owner)]);
    }
    const { user, system } = process.threadCpuUsage(before);
    expect(names).toEqual(Array.from({ length: OWNED }, (_, index) => nameOf(index)));
    expect((user + system) / 1_000).toBeLessThan(MAX_MS);
    await backend.close();
  });

  it("of all at once lets others go first, and shows one version", async () => {
    const backend = await createFull();
    let turns = 0;
    let isListing = true;
    const others = (async () => {
      for (; isListing; turns++) {
        await new Promise((resolve) => void setImmediate(resolve));
        await backend.commit([put(nameOf(OWNED - 1 - turns), undefined)]);
      }
    })();
    const { records, more } = await backend.list({ owner });
    isListing = false;
    await others;
    expect([records.length, more]).toEqual([OWNED, false]);
    expect(turns).toBeGreaterThan(5);
    const type = { group: "g", kind: "k", partition: WILDCARD, namespace: WILDCARD };
    expect((await backend.list(type)).records).toHaveLength(OWNED);
    await backend.close();
  });
});
