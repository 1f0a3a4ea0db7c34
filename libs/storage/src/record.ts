import type { Key } from "./key.ts";

/**
 * The number of a commit: a counter below 2^53 that only grows within one store. A resource's version is the number of the
 * commit that last changed it. Not to be mixed with a generation, which is a ULID.
 */
export type Version = number & { readonly brand: "Version" };

/** Brands a number as a {@link Version}. */
export function toVersion(value: number): Version {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new RangeError(`a version is a whole number below 2^53, found ${value}`);
  return value as Version;
}

/** The incarnation that owns a resource. */
export interface OwnerRef {
  readonly key: Key;
  readonly uid: string;
}

/**
 * A resource as a caller hands it to storage: its canonical encoded bytes and the few fields that storage indexes or compares.
 * The bytes are a `trellis.resource.v1.Resource` without its `version` field, which the commit decides.
 */
export interface RecordInit {
  readonly uid: string;
  readonly groupVersion: string;
  readonly generation: string;
  /** Absent for a resource that nobody owns. */
  readonly owner?: OwnerRef | undefined;
  /** Whether the metadata has `deletionTimestamp`: such a record fails the precondition `live`. */
  readonly marked: boolean;
  readonly bytes: Uint8Array;
}

/** A resource as stored. Immutable: nobody may change the record or its bytes. */
export interface StoredRecord extends RecordInit {
  readonly key: Key;
  readonly version: Version;
}
