import { create, createRegistry } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { file_google_rpc_error_details } from "@trellis/protos/google/rpc/error_details_pb";
import { file_trellis_catalog_v1_workload } from "@trellis/protos/trellis/catalog/v1/workload_pb";
import { AlbumSchema, file_trellis_demo_v2_demo } from "@trellis/protos/trellis/demo/v2/demo_pb";
import { type Resource, ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";

/** The type that the protocol tests use. */
export const ALBUM = { group: "demo", groupVersion: "v2", kind: "Album" } as const;

/** The path of its REST collection. */
export const ALBUMS_PATH = "/api/demo/v2/album";

/** What clients need to read and write payloads and error details in JSON. */
export const schemas = createRegistry(
  file_trellis_demo_v2_demo,
  file_trellis_catalog_v1_workload,
  file_google_rpc_error_details,
);

/** The identity of an album. */
export function albumId(name: string): { type: typeof ALBUM; name: string } {
  return { type: ALBUM, name };
}

/** An album to write, as a message. */
export function album(name: string, title: string): Resource {
  return create(ResourceSchema, {
    id: albumId(name),
    metadata: { team: "protocols" },
    data: anyPack(AlbumSchema, create(AlbumSchema, { title, tracks: ["one", "two"] })),
  });
}

/** The same album as JSON, for protocols that are spoken by hand. */
export function albumJson(name: string, title: string): object {
  return {
    id: albumId(name),
    metadata: { team: "protocols" },
    data: { "@type": "type.googleapis.com/trellis.demo.v2.Album", title, tracks: ["one", "two"] },
  };
}
