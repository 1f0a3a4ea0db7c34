import { create, fromBinary } from "@bufbuild/protobuf";
import { type ID, type Resource, ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { encodeCanonical, isMarkedForDeletion } from "@trellis/resource";
import { type Key, type OwnerRef, type RecordInit, type StoredRecord, TextKey } from "@trellis/storage";

import { decodeStored } from "./decode-resource.ts";
import { encodeResource } from "./encode-resource.ts";
import { MAX_MARK_BYTES, MAX_RESOURCE_BYTES } from "./limits.ts";
import { invalidField } from "./errors.ts";

/** The key under which a resource is stored. The tenancy must be complete. */
export function keyOf(id: ID): Key {
  return new TextKey({
    group: id.type?.group ?? "",
    kind: id.type?.kind ?? "",
    partition: id.tenancy?.partition ?? "",
    namespace: id.tenancy?.namespace ?? "",
    name: id.name,
  });
}

/** The resource that a record holds, with its version. A fresh message: the caller may change it. */
export function resourceOf(record: StoredRecord): Resource {
  const resource = decodeStored(record) ?? fromBinary(ResourceSchema, record.bytes);
  resource.version = String(record.version);
  return resource;
}

/**
 * The record that stores a resource: one canonical encoding, without a version (the commit decides it). Throws `REQUEST_TOO_LARGE`
 * beyond {@link MAX_RESOURCE_BYTES}, which the mark of a deletion may pass by {@link MAX_MARK_BYTES} and statuses do not count for.
 */
export function recordOf(resource: Resource): RecordInit {
  if (resource.version !== "") throw new TypeError("a resource is encoded without its version");
  const bytes = encodeResource(resource);
  const marked = isMarkedForDeletion(resource.metadata);
  const most = MAX_RESOURCE_BYTES + (marked ? MAX_MARK_BYTES : 0);
  if (bytes.length > most) checkSize(bytes.length - statusBytes(resource), most);
  const owner = resource.owner;
  return {
    uid: resource.id?.uid ?? "",
    groupVersion: resource.id?.type?.groupVersion ?? "",
    generation: resource.generation,
    owner: owner && ownerRefOf(owner),
    marked,
    bytes,
  };
}

/** An owner as a record has it. */
export function ownerRefOf(owner: ID): OwnerRef {
  return { key: keyOf(owner), uid: owner.uid };
}

/** Throws `REQUEST_TOO_LARGE` for so many bytes of a resource without its statuses. */
export function checkSize(found: number, most = MAX_RESOURCE_BYTES): void {
  if (found > most)
    throw invalidField(
      "REQUEST_TOO_LARGE",
      "resource",
      `must be at most ${most} bytes when encoded, found ${found}; split it or store less in it`,
    );
}

/** The bytes that the statuses of a resource take in its encoding. */
export function statusBytes({ status }: Pick<Resource, "status">): number {
  return encodeCanonical(ResourceSchema, create(ResourceSchema, { status })).length;
}

/** Whether two encodings are the same. */
export function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}
