import { describe, expect, it } from "@jest/globals";
import { type Key, type Operation, type StoredRecord, toVersion } from "@trellis/storage";
import fc from "fast-check";

import type { RecordTree } from "./record-tree.ts";
import { createServedStore } from "./served-store.ts";
import { footprint } from "./slab.ts";
import { MAX_WASTE, SPARE_BYTES } from "./slabs.ts";
import { createStore, type Store } from "./store.ts";
import { createManualClock } from "./test-support/manual-clock.ts";
import { nextTurn } from "./turn.ts";

const keyOf = (number: number): Key => ({
  group: "g",
  kind: "k",
  partition: "p",
  namespace: "n",
  name: `n${number}`,
});

/** Bytes that the changes before and after have not. */
function content(change: number, length: number): Uint8Array {
  return new Uint8Array(length).fill(change);
}

/** One in four changes is of a name that is hardly ever met again, the others are of a few by turns: what stays lies between what goes. */
function nameOf(change: number, names: number): number {
  return change % 4 === 0 ? 1_000 + (change % 5_000) : change % names;
}

/** The bytes of a uid and a generation here. */
const ID_BYTES = 2;

function put(number: number, bytes: Uint8Array): Operation {
  const record = { uid: "u", groupVersion: "v1", generation: "1", marked: false, bytes };
  return { kind: "put", key: keyOf(number), record, preconditions: [] };
}

const remove = (number: number): Operation => ({ kind: "delete", key: keyOf(number), preconditions: [] });

/** All bytes, as text, under their names. */
function contentsOf(tree: RecordTree): Map<string, string> {
  const bounds = { after: undefined, records: 1e6, visits: 1e6 };
  const { records } = tree.walk({ prefix: "" }, bounds);
  return new Map(records.map(({ key, bytes }) => [key.name, textOf(bytes)]));
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}

function expectBounded({ memory }: Store): void {
  expect(memory.bytes).toBeLessThanOrEqual(memory.liveBytes * (1 + MAX_WASTE) + SPARE_BYTES);
}

describe("the memory of a store", () => {
  const length = fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 0, max: 6_000 }) },
    fc.constantFrom(8 * 1024, 8 * 1024 + 1, 64 * 1024, 100_000),
  );
  const step = fc.oneof(
    { weight: 40, arbitrary: fc.record({ change: fc.array(length, { minLength: 1, maxLength: 40 }) }) },
    { weight: 8, arbitrary: fc.record({ remove: fc.integer({ min: 1, max: 20 }) }) },
    { weight: 1, arbitrary: fc.constant("pin" as const) },
    { weight: 1, arbitrary: fc.constant("age" as const) },
  );

  it("holds what was written, now and in pinned copies, with little waste, whatever is moved", () => {
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 100, maxLength: 200 }),
        fc.integer({ min: 1, max: 50 }),
        (steps, names) => {
          const limits = { historyCommits: 10, historyAgeMs: 1_000 };
          const store = createStore({ storeId: "s", version: toVersion(0) }, limits);
          const model = new Map<string, string>();
          const pinned: { readonly tree: RecordTree; readonly contents: Map<string, string> }[] = [];
          let change = 0;
          for (const [at, action] of steps.entries()) {
            if (action === "pin") pinned.push({ tree: store.pin(), contents: new Map(model) });
            else if (action === "age") store.expire(at * 1_000);
            else if ("remove" in action) {
              for (let count = 0; count < action.remove; count++) {
                const number = nameOf(++change, names);
                store.apply([remove(number)]);
                model.delete(keyOf(number).name);
              }
            } else {
              for (const bytes of action.change) {
                const number = nameOf(++change, names);
                store.apply([put(number, content(change, bytes))]);
                model.set(keyOf(number).name, textOf(content(change, bytes)));
              }
            }
            if (action !== "age") expectBounded(store);
          }
          expect(contentsOf(store.tree)).toEqual(new Map([...model].sort(byName)));
          for (const { tree, contents } of pinned)
            expect(contentsOf(tree)).toEqual(new Map([...contents].sort(byName)));
          expect(store.memory.liveBytes).toBe(presentBytes(store) + formerBytes(store));
        },
      ),
      { numRuns: 30 },
    );
  });

  it("lets a view that somebody has be, when the record's bytes are moved", () => {
    const { store, kept } = storeWithHoles();
    const record = store.get(keyOf(1)) as StoredRecord;
    const { bytes } = kept;
    expect(record.bytes.buffer === bytes.buffer).toBe(false);
    expect(record).toBe(kept.record);
    expect(record.bytes).toEqual(content(1, 1_000));
    expect(bytes).toEqual(content(1, 1_000));
  });

  it("is free of what was deleted, once the history has forgotten it", () => {
    const store = createStore({ storeId: "s", version: toVersion(0) }, { historyAgeMs: 1_000 });
    for (let number = 0; number < 2_000; number++) store.apply([put(number, content(number, 6_000))]);
    store.expire(0);
    for (let number = 0; number < 2_000; number++) if (number % 10 > 0) store.apply([remove(number)]);
    expect(store.memory.liveBytes).toBe(2_000 * (6_000 + ID_BYTES));
    store.expire(1_000);
    store.expire(2_000);
    expect(store.memory.liveBytes).toBe(200 * (6_000 + ID_BYTES));
    expect(store.memory.bytes).toBeGreaterThan(10_000_000);
    let slices = 1;
    while (store.compact()) slices++;
    expect(slices).toBeGreaterThan(1);
    expectBounded(store);
  });

  it("is taken back also when no commit comes any more", async () => {
    const clock = createManualClock();
    const store = createStore(
      { storeId: "s", version: toVersion(0) },
      { historyAgeMs: 1_000, copyAgeMs: 1_000 },
    );
    const served = createServedStore({ store, clock });
    for (let number = 0; number < 2_000; number++) served.apply([put(number, content(number, 6_000))]);
    for (let number = 0; number < 2_000; number++) if (number % 10 > 0) served.apply([remove(number)]);
    await clock.elapse(2_000);
    for (let turn = 0; turn < 100; turn++) await nextTurn();
    expect(store.memory.liveBytes).toBe(200 * (6_000 + ID_BYTES));
    expectBounded(store);
    served.close();
  });

  it("has few hundred records in one, however small they are, and forgets each that goes", () => {
    const store = createStore({ storeId: "s", version: toVersion(0) }, { historyCommits: 10 });
    for (let again = 0; again < 50_000; again++) store.apply([put(1, content(again, 0))]);
    expect(store.memory.liveBytes).toBeLessThan(11 * 200);
    expectBounded(store);
    while (store.compact());
    expect(store.get(keyOf(1))?.bytes).toEqual(content(49_999, 0));
  });

  it("takes nothing for what is refused or only evaluated", () => {
    const store = createStore({ storeId: "s", version: toVersion(0) });
    const operation = put(1, content(1, 1_000));
    store.evaluateOnly([operation]);
    store.apply([operation, { ...put(2, content(2, 10)), preconditions: [{ kind: "exists" }] }]);
    expect(store.memory).toMatchObject({ bytes: 0, liveBytes: 0 });
  });

  it("is a store's own: what another one has is copied", () => {
    const first = createStore({ storeId: "s", version: toVersion(0) });
    first.apply([put(1, content(1, 100))]);
    const record = first.get(keyOf(1)) as StoredRecord;
    const second = createStore({ storeId: "s", version: first.version, records: [record] });
    expect(second.get(keyOf(1))).toEqual(record);
    expect(second.get(keyOf(1))?.bytes.buffer === record.bytes.buffer).toBe(false);
  });
});

describe("a record in it", () => {
  it("is copied and compared with its bytes", () => {
    const { store } = storeWithHoles();
    const record = store.get(keyOf(1)) as StoredRecord;
    expect({ ...record }.bytes).toEqual(content(1, 1_000));
    expect(structuredClone(record).bytes).toEqual(content(1, 1_000));
    expect(record).toEqual({ ...record });
    expect(record).not.toEqual({ ...record, bytes: content(2, 1_000) });
    expect(record).not.toEqual({ ...record, generation: "2" });
    expect(Object.isFrozen(record)).toBe(true);
    expect(() => Object.assign(record, { bytes: content(2, 10) })).toThrow(TypeError);
  });
});

/** A store in which the record of number 1 was moved: most others around it were changed. `kept` is what was seen of it before. */
function storeWithHoles() {
  const store = createStore({ storeId: "s", version: toVersion(0) }, { historyCommits: 1 });
  for (let number = 0; number < 4_000; number++) store.apply([put(number, content(number, 1_000))]);
  const record = store.get(keyOf(1)) as StoredRecord;
  const kept = { record, bytes: record.bytes };
  for (let change = 0; change < 12_000; change++) {
    const number = change % 4_000;
    if (number % 10 !== 1) store.apply([put(number, content(change, 1_000))]);
  }
  return { store, kept };
}

/** The bytes of what the history's commits replaced or deleted. */
function formerBytes({ history }: Store): number {
  let bytes = 0;
  for (let position = history.first; position < history.next; position++) {
    for (const event of history.at(position).events) {
      const former = event.kind === "put" ? event.previous : event.record;
      if (former !== undefined) bytes += footprint(former.slabLength);
    }
  }
  return bytes;
}

/** What the records of now take. */
function presentBytes({ tree }: Store): number {
  const bounds = { after: undefined, records: 1e6, visits: 1e6 };
  const { records } = tree.walk({ prefix: "" }, bounds);
  return records.reduce((sum, record) => sum + footprint(record.bytes.length + ID_BYTES), 0);
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}
