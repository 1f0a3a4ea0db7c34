import type { Key, OwnerRef, RecordInit, StoredRecord, Version } from "@trellis/storage";

/** A record of a snapshot, for a store to take. Frozen; its bytes are those that were given, of which the store makes a copy. */
export function storedRecord(
  key: Key,
  init: RecordInit,
  version: Version,
  previous: StoredRecord | undefined,
): StoredRecord {
  return Object.freeze({
    key: previous?.key ?? frozenKey(key),
    uid: init.uid,
    groupVersion: init.groupVersion,
    generation: init.generation,
    owner: init.owner === undefined ? undefined : frozenOwner(init.owner),
    marked: init.marked,
    bytes: init.bytes,
    version,
  });
}

/** The store's own form of an owner. */
export function frozenOwner(owner: OwnerRef): OwnerRef {
  return Object.freeze({ key: frozenKey(owner.key), uid: owner.uid });
}

function frozenKey(key: Key): Key {
  return Object.freeze({
    group: key.group,
    kind: key.kind,
    partition: key.partition,
    namespace: key.namespace,
    name: key.name,
  });
}
