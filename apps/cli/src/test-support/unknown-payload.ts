import { create } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { encodeCanonical } from "@trellis/resource";
import type { TestServer } from "@trellis/testing";

const ULID = "01K00000000000000000000000";

/** Stores a demo artist whose payload, the bytes 1, 2 and 3, is of a type that no one knows. */
export async function storeUnknown(server: TestServer, name: string): Promise<void> {
  const tenancy = { partition: "default", namespace: "default" };
  const resource = create(ResourceSchema, {
    id: { type: { group: "demo", groupVersion: "v2", kind: "Artist" }, name, uid: ULID, tenancy },
    generation: ULID,
    data: create(AnySchema, { typeUrl: "type.googleapis.com/gone.v1.Thing", value: Uint8Array.of(1, 2, 3) }),
  });
  const bytes = encodeCanonical(ResourceSchema, resource);
  const record = { uid: ULID, groupVersion: "v2", generation: ULID, marked: false, bytes };
  const key = { group: "demo", kind: "Artist", ...tenancy, name };
  await server.backend.commit([{ kind: "put", key, record, preconditions: [] }]);
}
