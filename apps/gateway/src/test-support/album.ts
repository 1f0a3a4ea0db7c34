import { create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { AlbumSchema } from "@trellis/protos/trellis/demo/v2/demo_pb";
import { type Resource, ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";

/** The type that the protocol tests use. */
export const ALBUM = { group: "demo", groupVersion: "v2", kind: "Album" } as const;

/** The path of its REST collection. */
export const ALBUMS_PATH = "/api/demo/v2/album";

/** An album to write, as a message. */
export function album(name: string, title: string): Resource {
  return create(ResourceSchema, {
    id: { type: ALBUM, name },
    metadata: { team: "protocols" },
    data: anyPack(AlbumSchema, create(AlbumSchema, { title, tracks: ["one", "two"] })),
  });
}

/** The same album as JSON, for protocols that are spoken by hand. */
export function albumJson(name: string, title: string): object {
  return {
    id: { type: ALBUM, name },
    metadata: { team: "protocols" },
    data: { "@type": "type.googleapis.com/trellis.demo.v2.Album", title, tracks: ["one", "two"] },
  };
}
