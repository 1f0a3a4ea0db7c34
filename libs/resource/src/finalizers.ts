/** The metadata key that holds the finalizers: names separated by white space, read as a set. */
export const FINALIZERS_KEY = "finalizers";
/** The metadata key whose presence marks a resource for deletion; its value is the time (RFC 3339). */
export const DELETION_TIMESTAMP_KEY = "deletionTimestamp";

/** The metadata keys that the service gives a meaning. */
export const RESERVED_METADATA_KEYS: readonly string[] = [FINALIZERS_KEY, DELETION_TIMESTAMP_KEY];

type Metadata = Readonly<Record<string, string>>;

/** The finalizers of a resource; empty when there are none. */
export function finalizersOf(metadata: Metadata): ReadonlySet<string> {
  return new Set((metadata[FINALIZERS_KEY] ?? "").split(/\s+/).filter((name) => name !== ""));
}

/** The metadata with one more finalizer. */
export function withFinalizer(metadata: Metadata, name: string): Record<string, string> {
  return withFinalizers(metadata, [...finalizersOf(metadata), name]);
}

/** The metadata without a finalizer; the key goes with the last one. */
export function withoutFinalizer(metadata: Metadata, name: string): Record<string, string> {
  return withFinalizers(
    metadata,
    [...finalizersOf(metadata)].filter((other) => other !== name),
  );
}

/** Whether the resource is being deleted, and goes with its last finalizer. */
export function isMarkedForDeletion(metadata: Metadata): boolean {
  return Object.hasOwn(metadata, DELETION_TIMESTAMP_KEY);
}

function withFinalizers(metadata: Metadata, names: readonly string[]): Record<string, string> {
  const { [FINALIZERS_KEY]: _, ...rest } = metadata;
  return names.length === 0 ? rest : { ...rest, [FINALIZERS_KEY]: [...new Set(names)].join(" ") };
}
