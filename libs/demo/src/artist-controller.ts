import { byOwner, defineController, watch } from "@trellis/controller";
import type { ConditionInput, TypedResource } from "@trellis/client";
import { Genre } from "@trellis/protos/trellis/demo/v2/demo_pb";
import { Condition_State } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { WriteRequest_Mode } from "@trellis/protos/trellis/resource/v1/resource_service_pb";

import { Album, Artist } from "./v2.ts";

/** The status of an Artist: which albums were made for it. */
export const ARTIST_ALBUMS_KEY = "trellis.dev/artist-albums";

/** Albums of a blues artist, and of everybody else. */
const BLUES_ALBUMS = 10;
const OTHER_ALBUMS = 3;
const FIRST_YEAR = 1990;

type ArtistResource = TypedResource<typeof Artist.schema>;
type AlbumId = TypedResource["id"];

/**
 * Keeps albums for every artist, more of them for one who plays the blues, and tells on the artist which. It leaves albums alone that others wrote, and what
 * others changed of its own.
 */
export const artistAlbums = defineController({
  name: "artist-albums",
  type: Artist,
  watches: [watch(Album, byOwner())],
  async reconcile({ resource: artist, cache, client }) {
    if (artist === undefined || isMarked(artist)) return;
    const { partition, namespace } = artist.id.tenancy ?? {};
    const extra = new Map(
      cache
        .listByOwner(Album, artist.id)
        .filter(({ id }) => id.name.startsWith(namePrefix(artist)))
        .map(({ id }) => [id.name, id]),
    );
    const kept: AlbumId[] = [];
    for (let number = 1; number <= albumCount(artist); number++) {
      const name = `${namePrefix(artist)}${number}`;
      let id = extra.get(name);
      if (id === undefined) {
        const data = {
          title: `${artist.data.name}, volume ${number}`,
          yearOfRelease: FIRST_YEAR + number - 1,
        };
        const album = { name, partition, namespace, owner: artist.id, data };
        // Never over one that is there already and that the cache does not show yet: the run after this one sees it.
        ({ id } = (await client.write(Album, album, { mode: WriteRequest_Mode.CREATE })).resource);
      }
      kept.push(id);
      extra.delete(name);
    }
    for (const name of extra.keys()) await client.delete(Album, { name, partition, namespace });
    await client.writeStatus(Artist, artist, {
      key: ARTIST_ALBUMS_KEY,
      observedGeneration: artist.generation,
      conditions: [{ type: "Accepted", state: Condition_State.TRUE }, ...kept.map(albumCreated)],
    });
  },
});

function albumCount({ data }: ArtistResource): number {
  return data.genre === Genre.BLUES ? BLUES_ALBUMS : OTHER_ALBUMS;
}

/** What an artist's albums are called by: those of another incarnation of it may still be there for a while. */
function namePrefix({ id }: ArtistResource): string {
  return `${id.uid.toLowerCase()}-`;
}

/** A status has each type of condition once, so each album has its own. */
function albumCreated(album: AlbumId, at: number): ConditionInput {
  return { type: `AlbumCreated-${at + 1}`, state: Condition_State.TRUE, resource: album };
}

/** Marked for deletion: nothing new may be owned by it. */
function isMarked({ metadata }: ArtistResource): boolean {
  return metadata["deletionTimestamp"] !== undefined;
}
