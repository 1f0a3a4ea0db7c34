import { describe, expect, it } from "@jest/globals";
import type { Client, TypedResource } from "@trellis/client";
import demo, { v1, v2 } from "@trellis/demo";
import { converges, type TestServer } from "@trellis/testing";

import { Tombstone } from "../index.ts";

const ARTISTS = ["a0", "a1"];
const ALBUMS = ["one", "two", "three"];

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = [];
  for await (const item of items) found.push(item);
  return found;
}

const form = (name: string) => (client: Client) => client.write(v2.Artist, { name, data: { name } });

/** Takes an artist away while others record albums of it, and ideas for those. Whoever comes too late is refused. */
const partWays = (name: string) => async (client: Client) => {
  const artist = await client.find(v2.Artist, { name });
  const record = async (title: string): Promise<void> => {
    const album = { name: `${name}-${title}`, ...(artist && { owner: artist.id }), data: { title } };
    const { resource } = await client.write(v2.Album, album);
    await client.write(v1.Concept, { name: album.name, owner: resource.id, data: {} });
  };
  if (artist === undefined) return;
  const [first, ...others] = ALBUMS;
  await record(first ?? "").catch(() => undefined);
  await Promise.allSettled([...others.map(record), client.delete(v2.Artist, { name })]);
};

/** Nothing is left of what is gone: neither what it owned, nor the word that it is gone. */
async function nothingIsLeft({ client }: TestServer): Promise<void> {
  const artists = await all(client.list(v2.Artist));
  const albums = await all(client.list(v2.Album));
  const concepts = await all(client.list(v1.Concept));
  const there = new Set([...artists, ...albums].map(({ id }) => id.uid));
  const orphans = [...albums, ...concepts].filter(
    ({ owner }: Pick<TypedResource, "owner">) => !there.has(owner?.uid ?? ""),
  );
  expect(orphans).toEqual([]);
  expect(await all(client.list(Tombstone, { partition: "*", namespace: "*" }))).toEqual([]);
}

describe("children that are written while their owner is deleted", () => {
  it("invariant 8: are gone in one pass, or were never there, wherever the reaper was killed", async () => {
    const changes = [1, 2, 3].flatMap(() => ARTISTS.flatMap((name) => [form(name), partWays(name)]));
    await converges({
      domains: [demo],
      controllers: [],
      system: true,
      changes: [...changes, form("a0")],
      seeds: 12,
      check: nothingIsLeft,
    });
  }, 120_000);
});
