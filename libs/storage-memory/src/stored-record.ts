import type { Key, OwnerRef, RecordInit, StoredRecord, Version } from "@trellis/storage";

/**
 * The record that the store keeps. Its fields are frozen and its bytes are the store's own copy, so that nobody's buffer is pinned and a
 * caller who reuses his does no harm. JavaScript cannot freeze bytes: whoever reads a record must leave its bytes alone.
 * The key of a record that is replaced is used again, so that a much written resource keeps one.
 */
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
    bytes: new Uint8Array(init.bytes),
    version,
  });
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

function frozenOwner(owner: OwnerRef): OwnerRef {
  return Object.freeze({ key: frozenKey(owner.key), uid: owner.uid });
}
