import type { Any } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import type { Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { DELETION_TIMESTAMP_KEY, FINALIZERS_KEY, finalizersOf, isMarkedForDeletion } from "@trellis/resource";

import { bytesEqual } from "./record.ts";
import { ServiceError } from "./service-error.ts";

/** Whether an update only helps an ending to its end (marks, or removes finalizers), which also passes in a tenancy that is being deleted. */
export type UpdateKind = "ordinary" | "ending";

/**
 * The rules of an update around deletion: a mark is never removed or changed; marking changes nothing else; a marked resource
 * only loses finalizers. `path` is where the request has the resource. Throws `DELETION_RULE`.
 */
export function checkDeletionRules(existing: Resource, next: Resource, path: string): UpdateKind {
  if (!hasEnding(existing.metadata) && !hasEnding(next.metadata)) return "ordinary";
  return checkEnding(existing, next, `${path}.metadata`);
}

function checkEnding(existing: Resource, next: Resource, path: string): UpdateKind {
  const broken = (message: string): ServiceError => brokenRule(message, path);
  const wasMarked = isMarkedForDeletion(existing.metadata);
  const isMarked = isMarkedForDeletion(next.metadata);
  const sameData = payloadEquals(existing, next);
  if (wasMarked && !isMarked)
    throw broken("cannot remove deletionTimestamp: a deletion cannot be taken back");
  const before = existing.metadata[DELETION_TIMESTAMP_KEY];
  if (wasMarked && before !== "" && before !== next.metadata[DELETION_TIMESTAMP_KEY])
    throw broken("cannot modify deletionTimestamp");
  const removesFinalizers = isProperSubset(finalizersOf(next.metadata), finalizersOf(existing.metadata));
  if (!wasMarked && isMarked) {
    if (!sameMetadata(existing, next, [DELETION_TIMESTAMP_KEY]))
      throw broken("cannot modify metadata while marking for deletion");
    if (!sameData) throw broken("cannot modify data while marking for deletion");
    return "ending";
  }
  if (wasMarked) {
    if (!sameMetadata(existing, next, [DELETION_TIMESTAMP_KEY, FINALIZERS_KEY]))
      throw broken("cannot modify metadata of a resource marked for deletion: it only loses finalizers");
    if (!sameData)
      throw broken("cannot modify data of a resource marked for deletion: it only loses finalizers");
    if (removesFinalizers) return "ending";
    throw broken(
      "expected at least one finalizer to be removed: a resource marked for deletion changes in nothing else",
    );
  }
  return removesFinalizers && sameData ? "ending" : "ordinary";
}

/** The keys of metadata that say something of an end. */
export const ENDING_KEYS = [DELETION_TIMESTAMP_KEY, FINALIZERS_KEY] as const;

/** Whether metadata says anything of an end. */
export function hasEnding(metadata: Resource["metadata"]): boolean {
  return ENDING_KEYS.some((key) => Object.hasOwn(metadata, key));
}

/**
 * Whether two resources have the same payload, byte for byte. None is the empty payload: who reads a resource without one may send
 * back an empty one, and clients of types always do.
 */
export function payloadEquals(a: Resource, b: Resource): boolean {
  if (a.data === undefined || b.data === undefined) return isEmptyPayload(a) && isEmptyPayload(b);
  return dataEquals(a.data, b.data);
}

/** Whether two payloads that are there are the same, byte for byte. */
export function dataEquals(a: Any, b: Any): boolean {
  return a.typeUrl === b.typeUrl && bytesEqual(a.value, b.value);
}

function isEmptyPayload({ data }: Resource): boolean {
  return data === undefined || data.value.length === 0;
}

/** Whether two resources have the same metadata, but for some keys. */
export function sameMetadata(a: Resource, b: Resource, except: readonly string[] = []): boolean {
  return hasEntriesOf(a.metadata, b.metadata, except) && hasEntriesOf(b.metadata, a.metadata, except);
}

function hasEntriesOf(
  metadata: Resource["metadata"],
  other: Resource["metadata"],
  except: readonly string[],
): boolean {
  for (const key in other) if (metadata[key] !== other[key] && !except.includes(key)) return false;
  return true;
}

function isProperSubset(smaller: ReadonlySet<string>, larger: ReadonlySet<string>): boolean {
  return smaller.size < larger.size && [...smaller].every((name) => larger.has(name));
}

function brokenRule(message: string, path: string): ServiceError {
  return new ServiceError({
    code: Code.InvalidArgument,
    reason: "DELETION_RULE",
    message: `${path}: ${message}`,
    violations: [{ field: path, description: message }],
  });
}
