import { create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import type { Client } from "@connectrpc/connect";
import { AlbumSchema } from "@trellis/protos/trellis/demo/v2/demo_pb";
import { ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import type { ResourceService } from "@trellis/protos/trellis/resource/v1/resource_service_pb";

import { BenchError } from "./measure.ts";

/** The client that the bench makes its calls with. */
export type BenchClient = Client<typeof ResourceService>;

/** The type of all resources of the bench. */
export const ALBUM = { group: "demo", groupVersion: "v2", kind: "Album" };

/** What the names of all of them begin with. */
export const ALBUM_PREFIX = "album-";

/** Calls under way while the store is filled. */
const FILL_CLIENTS = 64;

/** The id of the album with that number. */
export function albumId(item: number) {
  return { type: ALBUM, name: `${ALBUM_PREFIX}${item}` };
}

/** A resource of about 600 bytes as stored; `revision` makes each write a change. */
export function album(item: number, revision: number) {
  const tracks = Array.from({ length: 12 }, (_, track) => `${revision} ${"track number".repeat(2)} ${track}`);
  const data = create(AlbumSchema, { title: `Album ${item}`, yearOfRelease: 1990, tracks });
  return create(ResourceSchema, {
    id: albumId(item),
    metadata: { team: "bench" },
    data: anyPack(AlbumSchema, data),
  });
}

/** Writes the albums 0 to `count` - 1. */
export async function fillStore(client: (index: number) => BenchClient, count: number): Promise<void> {
  let next = 0;
  const runClient = async (index: number): Promise<void> => {
    for (let item = next++; item < count; item = next++) {
      await client(index).write({ resource: album(item, 0) });
    }
  };
  await Promise.all(Array.from({ length: FILL_CLIENTS }, (_, index) => runClient(index)));
}

/** Lists all albums, in pages as the server gives them. Throws when there are not `expected` of them. */
export async function listAlbums(client: BenchClient, expected: number): Promise<void> {
  let pageToken = "";
  let count = 0;
  do {
    const page = await client.list({ type: ALBUM, tenancy: {}, pageToken });
    count += page.resources.length;
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  if (count !== expected) throw new BenchError(`the list has ${count} resources, expected ${expected}`);
}
