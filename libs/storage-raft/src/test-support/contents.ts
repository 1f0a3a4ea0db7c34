import type { Key, Operation, Precondition, RecordInit } from "@trellis/storage";

/** A key of the tests' one type. */
export function keyOf(name: string): Key {
  return { group: "test", kind: "Thing", partition: "default", namespace: "default", name };
}

/** A record whose content is a text. */
export function recordOf(text: string, init: Partial<RecordInit> = {}): RecordInit {
  return {
    uid: "uid",
    groupVersion: "v1",
    generation: "g1",
    marked: false,
    bytes: new TextEncoder().encode(text),
    ...init,
  };
}

/** Stores a text under a name. */
export function put(name: string, text: string, ...preconditions: Precondition[]): Operation {
  return { kind: "put", key: keyOf(name), record: recordOf(text), preconditions };
}

/** Deletes what is under a name. */
export function remove(name: string, ...preconditions: Precondition[]): Operation {
  return { kind: "delete", key: keyOf(name), preconditions };
}

/** Nothing may be stored. */
export const absent: Precondition = { kind: "absent" };
/** Something must be stored. */
export const exists: Precondition = { kind: "exists" };
