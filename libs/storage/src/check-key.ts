import { StorageError } from "./errors.ts";
import { type Key, WILDCARD } from "./key.ts";

/** A key in the words of a message: `group.kind partition/namespace/name`. */
export function keyText(key: Key): string {
  return `${key.group}.${key.kind} ${key.partition}/${key.namespace}/${key.name}`;
}

/** Throws `invalid` for a key that no record can have. */
export function checkKey(key: Key): void {
  const fault = keyFault(key);
  if (fault !== undefined) throw new StorageError("invalid", fault);
}

/** Why no record can have a key; undefined for one that some may have. */
export function keyFault(key: Key): string | undefined {
  const { group, kind, partition, namespace, name } = key;
  if (partition === WILDCARD || namespace === WILDCARD)
    return `"${WILDCARD}" stands for any tenancy in queries and names none, found it in the key ${keyText(key)}`;
  return (
    partFault(group) ?? partFault(kind) ?? partFault(partition) ?? partFault(namespace) ?? partFault(name)
  );
}

function partFault(part: string): string | undefined {
  return part.includes("\0")
    ? `a key's parts are text without NUL, found ${JSON.stringify(part)}`
    : undefined;
}
