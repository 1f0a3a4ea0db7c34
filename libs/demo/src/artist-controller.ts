import { type ChildInput, defineController, requestOf } from "@trellis/controller";
import type { TypedResource } from "@trellis/client";
import { Genre } from "@trellis/protos/trellis/demo/v2/demo_pb";

import { Album, Artist } from "./v2.ts";

/** The status of an Artist: which albums were made for it. */
export const ARTIST_ALBUMS_KEY = "trellis.dev/artist-albums";

/** Albums of a blues artist, and of everybody else. */
const BLUES_ALBUMS = 10;
const OTHER_ALBUMS = 3;
const FIRST_YEAR = 1990;

/**
 * Keeps albums for every artist, more of them for one who plays the blues, and tells on the artist which. It leaves albums alone that others wrote, and what
 * others changed of its own.
 */
export const artistAlbums = defineController({
  name: "artist-albums",
  key: ARTIST_ALBUMS_KEY,
  type: Artist,
  owns: [Album],
  async reconcile({ resource: artist, cache, children, status }) {
    const wanted = albumsOf(artist).map(({ name, data }) => {
      const existing = cache.get(Album, { ...requestOf(artist.id), name });
      return { name, data: existing?.data ?? data };
    });
    const albums = await children(Album).set(wanted);
    status.set("Accepted", true);
    // A status has each type of condition once, so each album has its own.
    for (const [at, { id }] of albums.entries()) status.set(`AlbumCreated-${at + 1}`, true, { resource: id });
  },
});

/** The albums of an artist as they are at first. They are called by its uid: those of another incarnation of it may still be there for a while. */
function albumsOf({
  id,
  data: { name, genre },
}: TypedResource<typeof Artist.schema>): readonly ChildInput<typeof Album.schema>[] {
  const count = genre === Genre.BLUES ? BLUES_ALBUMS : OTHER_ALBUMS;
  return Array.from({ length: count }, (_, at) => ({
    name: `${id.uid.toLowerCase()}-${at + 1}`,
    data: { title: `${name}, volume ${at + 1}`, yearOfRelease: FIRST_YEAR + at },
  }));
}
