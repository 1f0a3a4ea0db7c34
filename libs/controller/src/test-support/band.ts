import type { Client, TypedResource } from "@trellis/client";

import { defineController, index, watch } from "../define.ts";
import { byReader } from "../mappers.ts";
import { Album, Artist, Festival } from "./run.ts";

/** The names that changes are about. */
const ARTISTS = ["a0", "a1", "a2"];
const FESTIVALS = ["f0", "f1"];
export const BOOKINGS_KEY = "test.dev/bookings";
export const RECORDS_KEY = "test.dev/records";

type FestivalResource = TypedResource<typeof Festival.schema>;

/** A festival's artists name the artists that play there. */
const byArtist = index({
  name: "artist",
  type: Festival,
  keys: ({ data }) => data.artists.map(({ name }) => name),
});

/** What there is to say of an artist: who books it, and what it is at home at. Its own name names the festival that it is at home at. */
function told(booking: readonly FestivalResource[], home: FestivalResource | undefined): string {
  const words = booking.map(({ id, data: { name } }) => `${id.name} (${name})`);
  return `${words.join()} at home: ${home?.data.name ?? "nowhere"}`;
}

/**
 * Tells on each artist which festivals book it, and of the one that it is at home at, be it there or not. A festival that moves from one to another concerns both. It takes its time
 * between two looks, and may fail there.
 */
export const bookings = defineController({
  name: "bookings",
  key: BOOKINGS_KEY,
  type: Artist,
  watches: [watch(Festival, byReader())],
  indexes: [byArtist],
  concurrency: 2,
  async reconcile({ request, resource, cache, client, status }) {
    const booking = cache.byIndex(byArtist, request.name);
    await client.find(Festival, { name: "f0" });
    const home = cache.get(Festival, { ...request, name: resource.data.name });
    status.set("Booked", true, { message: told(booking, home) });
  },
});

/** Keeps two albums of each artist, and takes them back before it goes. */
export const records = defineController({
  name: "records",
  key: RECORDS_KEY,
  type: Artist,
  owns: [Album],
  async reconcile({ resource: { id, data }, children, status }) {
    const albums = ["one", "two"].map((name) => ({
      name: `${id.uid.toLowerCase()}-${name}`,
      data: { title: `${data.name}, ${name}` },
    }));
    for (const album of await children(Album).set(albums)) status.set(`Made-${album.data.title}`, true);
  },
  async finalize({ children, event }) {
    await children(Album).set([]);
    event("TakenBack", "the albums");
  },
});

export type Change = (client: Client) => Promise<unknown>;

/** What people do to artists and festivals: so many changes, decided at random. */
export function randomChanges(random: () => number, count: number): Change[] {
  const pick = (names: readonly string[]): string => names[Math.floor(random() * names.length)] ?? "";
  const one = (): Change => {
    const artist = pick(ARTISTS);
    const festival = pick(FESTIVALS);
    const home = pick(FESTIVALS);
    const word = `${Math.floor(random() * 100)}`;
    const kind = random();
    if (kind < 0.35) return (client) => client.write(Artist, { name: artist, data: { name: home } });
    if (kind < 0.5) return (client) => client.delete(Artist, { name: artist });
    if (kind < 0.9) {
      const data = { name: word, artists: [{ name: artist }] };
      return (client) => client.write(Festival, { name: festival, data });
    }
    return (client) => client.delete(Festival, { name: festival });
  };
  return Array.from({ length: count }, one);
}

/** What is stored of a type. */
export async function stored<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** Who is not told yet what is true: an artist's bookings, worked out from what is stored. Empty when all are. */
export async function untold(client: Client): Promise<string[]> {
  const festivals = await stored(client.list(Festival));
  const artists = await stored(client.list(Artist));
  // What is marked is not told of any more.
  const living = artists.filter(({ metadata }) => metadata["deletionTimestamp"] === undefined);
  return living.flatMap(({ id: { name }, data, status }) => {
    const booking = festivals.filter((festival) =>
      festival.data.artists.some((artist) => artist.name === name),
    );
    const home = festivals.find(({ id }) => id.name === data.name);
    const expected = told(booking, home);
    const found = status[BOOKINGS_KEY]?.conditions[0]?.message;
    return found === expected ? [] : [`${name} says "${found}", expected "${expected}"`];
  });
}
