import { create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import type { Client } from "@connectrpc/connect";
import { AlbumSchema } from "@trellis/protos/trellis/demo/v2/demo_pb";
import { ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import type { ResourceService } from "@trellis/protos/trellis/resource/v1/resource_service_pb";

/** The client that tools make their calls with. */
export type BenchClient = Client<typeof ResourceService>;

/** The type of the resources that tools put load on. */
export const ALBUM = { group: "demo", groupVersion: "v2", kind: "Album" };

/** What the names of all of them begin with. */
export const ALBUM_PREFIX = "album-";

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
