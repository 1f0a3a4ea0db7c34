import { RESERVED_METADATA_KEYS } from "@trellis/resource";

import {
  MAX_FINALIZER_BYTES,
  MAX_HOOK_FINALIZER_BYTES,
  MAX_METADATA_BYTES,
  MAX_METADATA_ENTRIES,
} from "./limits.ts";
import { violationsError } from "./service-error.ts";

type Metadata = Readonly<Record<string, string>>;

/** Refuses metadata beyond the limits; the reserved keys are {@link checkFinalizers}' business. `field` is where the request has it. */
export function checkMetadata(metadata: Metadata, field: string): void {
  const descriptions = faultsOf(metadata);
  if (descriptions.length === 0) return;
  throw violationsError(
    "INVALID_REQUEST",
    descriptions.map((description) => ({ field, description })),
  );
}

/**
 * Refuses finalizers beyond the limit, unless what is stored has as many bytes of them: hooks may have added some, and a writer must be able to
 * send what it read, and to take finalizers away one by one. `resourcePath` is where the request has the resource.
 */
export function checkFinalizers(
  metadata: Metadata,
  stored: Metadata | undefined,
  resourcePath: string,
): void {
  const bytes = reservedBytes(metadata);
  if (bytes <= MAX_FINALIZER_BYTES || bytes <= reservedBytes(stored ?? {})) return;
  const description = `must have at most ${MAX_FINALIZER_BYTES} bytes of finalizers and deletionTimestamp, keys included, found ${bytes}`;
  throw violationsError("INVALID_REQUEST", [{ field: `${resourcePath}.metadata`, description }]);
}

/** Throws a RangeError for metadata that a mutate hook may not make of `given`: what is stored keeps to the limits, whoever asked for it. */
export function checkMutatedMetadata(metadata: Metadata, given: Metadata): void {
  const descriptions = faultsOf(metadata);
  const most = Math.max(MAX_FINALIZER_BYTES + MAX_HOOK_FINALIZER_BYTES, reservedBytes(given));
  const bytes = reservedBytes(metadata);
  if (bytes > most)
    descriptions.push(`must have at most ${most} bytes of finalizers and deletionTimestamp, found ${bytes}`);
  if (descriptions.length > 0)
    throw new RangeError(`the metadata that a mutate hook returns ${descriptions.join("; it ")}`);
}

/** What is wrong with metadata but for its reserved keys. */
function faultsOf(metadata: Metadata): string[] {
  const { entries, bytes } = sizesOf(metadata);
  const faults: string[] = [];
  if (entries > MAX_METADATA_ENTRIES)
    faults.push(`must have at most ${MAX_METADATA_ENTRIES} entries, found ${entries}`);
  if (bytes > MAX_METADATA_BYTES)
    faults.push(`must have at most ${MAX_METADATA_BYTES} bytes of keys and values, found ${bytes}`);
  if (Object.hasOwn(metadata, "")) faults.push("must not have an empty key");
  return faults;
}

function reservedBytes(metadata: Metadata): number {
  return sizesOf(metadata).reservedBytes;
}

interface Sizes {
  /** Without the reserved keys. */
  entries: number;
  /** Bytes of their keys and values. */
  bytes: number;
  /** Those of the reserved keys. */
  reservedBytes: number;
}

function sizesOf(metadata: Metadata): Sizes {
  const sizes: Sizes = { entries: 0, bytes: 0, reservedBytes: 0 };
  for (const key in metadata) {
    const bytes = Buffer.byteLength(key) + Buffer.byteLength(metadata[key] ?? "");
    if (RESERVED_METADATA_KEYS.includes(key)) sizes.reservedBytes += bytes;
    else {
      sizes.entries += 1;
      sizes.bytes += bytes;
    }
  }
  return sizes;
}
