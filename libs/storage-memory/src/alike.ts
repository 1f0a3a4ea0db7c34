import type { Key } from "@trellis/storage";
import { typeString } from "@trellis/storage/watching";

/** What many records have alike, and share. */
export interface Alike {
  readonly group: string;
  readonly kind: string;
  readonly partition: string;
  readonly namespace: string;
  readonly groupVersion: string;
  /** By what the watches of their type are told ({@link typeString}). */
  readonly type: string;
  /** Characters of their keys' string forms before the name. */
  readonly prefixLength: number;
}

/** So many are kept to be shared; when there are more, it begins anew. Whoever has one keeps it. */
const MAX_SHARED = 4096;

const shared = new Map<string, Alike>();

/** What a record has of its key and group version, the same object as for others that have the same. `text` is the key's string form. */
export function alike(key: Key, text: string, groupVersion: string): Alike {
  const prefixLength = text.length - key.name.length - 1;
  const form = text.slice(0, prefixLength) + groupVersion;
  const known = shared.get(form);
  if (known !== undefined) return known;
  if (shared.size >= MAX_SHARED) shared.clear();
  const { group, kind, partition, namespace } = key;
  const type = typeString(key);
  const made = Object.freeze({ group, kind, partition, namespace, groupVersion, type, prefixLength });
  shared.set(form, made);
  return made;
}
