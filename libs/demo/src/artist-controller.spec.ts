import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { TypedResource } from "@trellis/client";
import { Genre } from "@trellis/protos/trellis/demo/v2/demo_pb";
import { createTestServer, createVirtualClock, type TestServer } from "@trellis/testing";

import { ARTIST_ALBUMS_KEY, artistAlbums } from "./artist-controller.ts";
import demo, { v2 } from "./index.ts";

const { Album, Artist } = v2;

let server: TestServer;
beforeEach(() => {
  server = createTestServer({ domains: [demo], clock: createVirtualClock() });
});
afterEach(() => server.close());

type ArtistResource = TypedResource<typeof Artist.schema>;

/** Writes an artist, and waits until its controller has nothing left to do. */
async function play(genre: Genre, metadata: Record<string, string> = {}): Promise<ArtistResource> {
  const data = { name: "Muddy Waters", genre };
  const { resource } = await server.client.write(Artist, { name: "muddy", data, metadata });
  await server.settled();
  return resource;
}

async function albums(): Promise<TypedResource<typeof Album.schema>[]> {
  const found: TypedResource<typeof Album.schema>[] = [];
  for await (const album of server.client.list(Album)) found.push(album);
  return found;
}

const statusOf = async () => (await server.client.read(Artist, { name: "muddy" })).status[ARTIST_ALBUMS_KEY];

describe("an artist's albums", () => {
  it("T504, C241: are ten for one who plays the blues, and the artist's status names them", async () => {
    const artist = await play(Genre.BLUES);
    const found = await albums();
    expect(found).toHaveLength(10);
    for (const { owner } of found) expect(owner).toEqual(artist.id);
    expect(found.map(({ data }) => data.title)).toContain("Muddy Waters, volume 10");
    const status = await statusOf();
    expect(status?.observedGeneration).toBe(artist.generation);
    expect(status?.conditions.map(({ type }) => type)).toEqual([
      "Accepted",
      ...Array.from({ length: 10 }, (_, at) => `AlbumCreated-${at + 1}`),
    ]);
    expect(status?.conditions.slice(1).map(({ resource }) => resource?.name)).toEqual(
      Array.from({ length: 10 }, (_, at) => `${artist.id.uid.toLowerCase()}-${at + 1}`),
    );
  });

  it("T505, C241: are ten again after one was deleted", async () => {
    await play(Genre.BLUES);
    const [lost, ...others] = await albums();
    if (lost === undefined) throw new Error("there is no album");
    await server.client.delete(Album, { name: lost.id.name });
    await server.settled();
    const found = await albums();
    expect(found.map(({ id }) => id.name)).toEqual([lost, ...others].map(({ id }) => id.name));
    expect(found[0]?.id.uid).not.toBe(lost.id.uid);
    expect(found.slice(1)).toEqual(others);
  });

  it("T506, C241: are three once the artist plays disco", async () => {
    await play(Genre.BLUES);
    const before = await albums();
    const artist = await play(Genre.DISCO);
    const found = await albums();
    expect(found).toHaveLength(3);
    expect(before).toEqual(expect.arrayContaining(found));
    expect(await statusOf()).toMatchObject({ observedGeneration: artist.generation });
    expect((await statusOf())?.conditions).toHaveLength(4);
  });

  it("are left as they are where others wrote or changed them", async () => {
    const artist = await play(Genre.ROCK);
    const [first] = await albums();
    const renamed = { name: first?.id.name ?? "", owner: artist.id, data: { title: "Renamed" } };
    await server.client.write(Album, renamed);
    await server.client.write(Album, { name: "live", owner: artist.id, data: { title: "Live" } });
    await server.client.write(Album, { name: "of-nobody", data: { title: "Of nobody" } });
    await server.settled();
    const found = await albums();
    expect(found).toHaveLength(5);
    expect(found.map(({ data }) => data.title)).toEqual(
      expect.arrayContaining(["Renamed", "Live", "Of nobody"]),
    );
  });

  it("are no more made for an artist that is marked for deletion", async () => {
    await play(Genre.ROCK, { finalizers: "keep" });
    await server.client.delete(Artist, { name: "muddy" });
    const [lost] = await albums();
    await server.client.delete(Album, { name: lost?.id.name ?? "" });
    await server.settled();
    expect(await albums()).toHaveLength(2);
  });

  it("change nothing any more once they are there", async () => {
    await play(Genre.ROCK);
    const { version } = server.backend.position();
    await play(Genre.ROCK);
    expect(server.backend.position().version).toBe(version);
    expect(server.runtime.status().controllers.map(({ name }) => name)).toEqual([artistAlbums.name]);
  });
});
