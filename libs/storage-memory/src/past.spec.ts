import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { describe, expect, it } from "@jest/globals";
import { type Operation, TextKey, toVersion } from "@trellis/storage";
import fc from "fast-check";

import type { RecordTree } from "./record-tree.ts";
import { createServedStore } from "./served-store.ts";
import { createStore, type Store } from "./store.ts";
import { createManualClock } from "./test-support/manual-clock.ts";
import { nextTurn } from "./turn.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const keyOf = (number: number): TextKey =>
  new TextKey({ group: "g", kind: "k", partition: "p", namespace: "n", name: `n${number}` });

const keysOf = (count: number): TextKey[] => Array.from({ length: count }, (_, number) => keyOf(number));

function put(key: TextKey, generation: string): Operation {
  const record = { uid: "u", groupVersion: "v1", generation, marked: false, bytes: new Uint8Array(300) };
  return { kind: "put", key, record, preconditions: [] };
}

const remove = (key: TextKey): Operation => ({ kind: "delete", key, preconditions: [] });

const emptyStore = (): Store =>
  createStore({ storeId: "s", version: toVersion(0) }, { historyCommits: 1, copies: 1 });

/** The generations that a tree shows, by the order of their keys. */
function generationsOf(tree: RecordTree): string[] {
  const bounds = { after: undefined, records: Infinity, visits: Infinity };
  return tree.walk({ prefix: "" }, bounds).records.map(({ generation }) => generation);
}

/** Changes keys so often, one commit each. */
function churn(store: Store, keys: readonly TextKey[], rounds: number): void {
  for (let round = 0; round < rounds; round++)
    for (const key of keys) store.apply([put(key, `${store.version}`)]);
}

/** Pins a copy and has nothing of it in the end. */
function pinAndForget(store: Store): WeakRef<RecordTree> {
  const tree = store.pin();
  expect(generationsOf(tree)).toHaveLength(store.size);
  return new WeakRef(tree);
}

/** A record that nothing here holds. */
function weakly(store: Store, number: number): WeakRef<object> {
  return new WeakRef(store.get(keyOf(number)) as object);
}

function isThere(reference: WeakRef<object>): boolean {
  return reference.deref() !== undefined;
}

/** Whether something comes to be so as garbage is collected, and the store tidies up. */
async function settled(store: Store, isDone: () => boolean): Promise<boolean> {
  for (let turn = 0; turn < 10 && !isDone(); turn++) {
    // What was looked at stays for the rest of the turn.
    await nextTurn();
    collectGarbage();
    await nextTurn();
    while (store.compact());
  }
  return isDone();
}

describe("what cells held", () => {
  it("is shown to each who looked, however often it changed since", () => {
    const store = emptyStore();
    const keys = keysOf(1_000);
    const looks: { readonly tree: RecordTree; readonly shown: readonly string[] }[] = [];
    for (let round = 0; round < 5; round++) {
      churn(store, keys, 1);
      looks.push({ tree: store.pin(), shown: generationsOf(store.tree) });
      churn(store, keys.slice(100, 200), 3);
      store.apply(keys.slice(300, 310).map(remove));
      looks.push({ tree: store.pin(), shown: generationsOf(store.tree) });
    }
    for (const { tree, shown } of looks) expect(generationsOf(tree)).toEqual(shown);
    expect(new Set(looks.map(({ shown }) => shown.join()))).toHaveProperty("size", 10);
  });

  it("is forgotten when nobody looks any more, while others look at what came later", async () => {
    const store = emptyStore();
    const keys = keysOf(100);
    churn(store, keys, 1);
    const tree = pinAndForget(store);
    const former = weakly(store, 7);
    churn(store, keys, 2);
    expect(isThere(former)).toBe(true);
    // As another copy is pinned, the first is let go.
    const other = store.pin();
    expect(await settled(store, () => !isThere(tree) && !isThere(former))).toBe(true);
    expect([store.past.looks, store.past.size]).toEqual([1, 0]);
    expect(generationsOf(other)).toEqual(generationsOf(store.tree));
  });

  it("is remembered for nobody once the last look has ended, and again for who looks then", async () => {
    const store = emptyStore();
    const keys = keysOf(1_000);
    churn(store, keys, 1);
    store.expire(0);
    const tree = pinAndForget(store);
    churn(store, keys, 2);
    expect(store.past.size).toBe(1_000);
    store.expire(store.limits.copyAgeMs);
    expect(await settled(store, () => !isThere(tree) && store.past.size === 0)).toBe(true);
    churn(store, keys, 1);
    expect([store.past.looks, store.past.size]).toEqual([0, 0]);
    const other = store.pin();
    const shown = generationsOf(store.tree);
    churn(store, keys, 2);
    expect(generationsOf(other)).toEqual(shown);
  });

  it.each([false, true])(
    "is little for few looks, also of a few keys that change all the time; one look stays: %s",
    async (stays) => {
      const store = createStore({ storeId: "s", version: toVersion(0) }, { historyCommits: 1, copies: 4 });
      const keys = keysOf(10);
      churn(store, keys, 1);
      const first = stays ? store.pin() : undefined;
      const shown = generationsOf(store.tree);
      for (let round = 0; round < 2; round++) {
        for (let again = 0; again < 300; again++) {
          churn(store, keys, 1);
          pinAndForget(store);
        }
        expect(store.past.size).toBeGreaterThan(2_000);
        expect(await settled(store, () => store.past.looks <= 5)).toBe(true);
      }
      expect(store.past.size).toBeLessThanOrEqual(1_024 + 2 * keys.length * store.past.looks);
      if (first !== undefined) expect(generationsOf(first)).toEqual(shown);
    },
  );

  it("is let go too when it was asked for by its version", async () => {
    const clock = createManualClock();
    const store = createStore({ storeId: "s", version: toVersion(0) });
    const served = createServedStore({ store, clock });
    churn(store, keysOf(10), 3);
    const { records } = await served.list(
      { group: "g", kind: "k", partition: "p", namespace: "n" },
      { atVersion: toVersion(15) },
    );
    expect(records).toHaveLength(10);
    await clock.elapse(store.limits.copyAgeMs + store.limits.historyAgeMs);
    store.expire(clock.monotonic());
    expect(await settled(store, () => store.past.looks === 0)).toBe(true);
    served.close();
  });
});

describe("a key that was used before", () => {
  it("has nothing of a store but the slab in which it was found", async () => {
    let store: Store | undefined = emptyStore();
    const keys = keysOf(1_000);
    churn(store, keys, 1);
    const [near, far] = [weakly(store, 0), weakly(store, 999)];
    const key = keys.splice(0)[0] as TextKey;
    store.get(key);
    store = undefined;
    expect(await settled(emptyStore(), () => !isThere(far))).toBe(true);
    expect(isThere(near)).toBe(true);
    expect(emptyStore().get(key)).toBeUndefined();
  });

  const step = fc.record({
    store: fc.nat(1),
    key: fc.nat(3),
    does: fc.constantFrom("put", "put", "remove", "read", "copy"),
  });

  it("finds what a new one finds, in whichever store and whatever came between", () => {
    let found = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 10, maxLength: 60 }), (steps) => {
        const stores = [emptyStore(), emptyStore()];
        const keys = [0, 1, 2, 3].map(keyOf);
        for (const [at, { store: place, key: number, does }] of steps.entries()) {
          const store = stores[place] as Store;
          const key = keys[number] as TextKey;
          if (does === "put") store.apply([put(key, `${at}`)]);
          else if (does === "remove") store.apply([remove(key)]);
          else if (does === "copy") keys[number] = key.copy();
          const record = store.get(keys[number] as TextKey);
          expect(record?.generation).toBe(store.get(keyOf(number))?.generation);
          if (record !== undefined) found += 1;
          if (does === "put") expect(record?.generation).toBe(`${at}`);
        }
      }),
      { numRuns: 200 },
    );
    expect(found).toBeGreaterThan(1_000);
  });
});
