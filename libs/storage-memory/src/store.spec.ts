import { describe, expect, it } from "@jest/globals";
import { type Operation, type StoredRecord, toVersion } from "@trellis/storage";

import { createStore, type Store } from "./store.ts";
import { storedRecord } from "./stored-record.ts";

function record(name: string, version: number, bytes = new Uint8Array(3)): StoredRecord {
  const key = { group: "g", kind: "k", partition: "p", namespace: "n", name };
  const init = { uid: "u", groupVersion: "v1", generation: "g", marked: false, bytes };
  return storedRecord(key, init, toVersion(version), undefined);
}

const storeAt = (version: number): Store => createStore({ storeId: "s", version: toVersion(version) });

describe("a store that begins with a snapshot", () => {
  it("takes it in parts, and then is as if it had got it at once", () => {
    const records = [record("a", 1), record("b", 5), record("c", 3)];
    const store = storeAt(5);
    store.load(records.slice(0, 2));
    store.load(records.slice(2));
    const whole = createStore({ storeId: "s", version: toVersion(5), records });
    expect(store.size).toBe(3);
    expect(records.map(({ key }) => store.get(key))).toEqual(records.map(({ key }) => whole.get(key)));
  });

  it.each<[string, (store: Store) => void, string]>([
    ["a key twice", (store) => store.load([record("a", 2)]), "one record per key"],
    ["a record of the future", (store) => store.load([record("b", 6)]), "none newer"],
    [
      "a record after the first commit",
      (store) => {
        store.apply([{ kind: "delete", key: record("a", 1).key, preconditions: [] }]);
        store.load([record("b", 2)]);
      },
      "before the first commit",
    ],
  ])("does not take %s", (_, load, says) => {
    const store = storeAt(5);
    store.load([record("a", 1)]);
    expect(() => load(store)).toThrow(says);
  });
});

describe("a commit", () => {
  it.each([1, 7, 8, 9, 20])("sees what its earlier operations do, with %i of each kind before", (count) => {
    const store = storeAt(5);
    const names = Array.from({ length: count }, (_, at) => `${at}`);
    store.load(names.map((name) => record(`old${name}`, 1)));
    const operations = names.flatMap((name): Operation[] => {
      const { key, ...init } = record(`new${name}`, 1);
      return [
        { kind: "put", key, record: init, preconditions: [] },
        { kind: "delete", key: record(`old${name}`, 1).key, preconditions: [] },
      ];
    });
    const checks = names.flatMap((name): Operation[] => [
      { kind: "check", key: record(`new${name}`, 1).key, preconditions: [{ kind: "live", uid: "u" }] },
      { kind: "check", key: record(`old${name}`, 1).key, preconditions: [{ kind: "absent" }] },
    ]);
    expect(store.apply([...operations, ...checks])).toMatchObject({ outcome: "applied", version: 6 });
    expect(store.size).toBe(count);
  });
});

describe("the bytes of a store", () => {
  it("are those of the records that it has now", () => {
    const store = storeAt(5);
    const put = (name: string, length: number) => {
      const { key, ...init } = record(name, 1, new Uint8Array(length));
      store.apply([{ kind: "put", key, record: init, preconditions: [] }]);
    };
    store.load([record("a", 1)]);
    put("b", 10);
    put("a", 7);
    expect(store.bytes).toBe(17);
    store.apply([{ kind: "delete", key: record("b", 1).key, preconditions: [] }]);
    expect(store.bytes).toBe(7);
  });
});
