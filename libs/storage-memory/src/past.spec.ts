import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { describe, expect, it } from "@jest/globals";
import { type Operation, TextKey, toVersion } from "@trellis/storage";
import fc from "fast-check";

import type { RecordTree } from "./record-tree.ts";
import { createStore, type Store } from "./store.ts";
import { nextTurn } from "./turn.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const keyOf = (number: number): TextKey =>
  new TextKey({ group: "g", kind: "k", partition: "p", namespace: "n", name: `n${number}` });

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

async function settled(isDone: () => boolean): Promise<boolean> {
  for (let turn = 0; turn < 50 && !isDone(); turn++) {
    // What was looked at stays for the rest of the turn.
    await nextTurn();
    collectGarbage();
    await nextTurn();
  }
  return isDone();
}

describe("what cells held", () => {
  it("is shown to each who looked, of more changes than are remembered in one place", () => {
    const store = emptyStore();
    const keys = Array.from({ length: 5_000 }, (_, number) => keyOf(number));
    const looks: { readonly tree: RecordTree; readonly shown: readonly string[] }[] = [];
    for (let round = 0; round < 5; round++) {
      churn(store, keys, 1);
      looks.push({ tree: store.pin(), shown: generationsOf(store.tree) });
      churn(store, keys.slice(1_000, 1_100), 3);
      store.apply(keys.slice(2_000, 2_010).map(remove));
      looks.push({ tree: store.pin(), shown: generationsOf(store.tree) });
    }
    for (const { tree, shown } of looks) expect(generationsOf(tree)).toEqual(shown);
    expect(new Set(looks.map(({ shown }) => shown.join()))).toHaveProperty("size", 10);
  });

  it("is shown as of the look, where what came before it and after it is remembered in two places", () => {
    const store = emptyStore();
    const keys = Array.from({ length: 9_000 }, (_, number) => keyOf(number));
    churn(store, keys, 1);
    const looks = [store.pin()];
    churn(store, keys.slice(0, 1), 1);
    looks.push(store.pin());
    churn(store, keys.slice(1), 1);
    churn(store, keys.slice(0, 1), 1);
    looks.push(store.pin());
    const shown = looks.map((tree) => tree.get(keyOf(0).text())?.generation);
    expect(shown).toEqual(["0", "9000", "18000"]);
  });

  it("is forgotten when nobody looks any more", async () => {
    const store = emptyStore();
    const keys = Array.from({ length: 9_000 }, (_, number) => keyOf(number));
    churn(store, keys, 1);
    const tree = pinAndForget(store);
    const former = weakly(store, 7);
    churn(store, keys, 2);
    expect(isThere(former)).toBe(true);
    // As another copy is pinned, the first is let go. The few that it shares a layer with stay.
    const other = store.pin();
    expect(await settled(() => !isThere(tree) && !isThere(former))).toBe(true);
    expect(generationsOf(other)).toEqual(generationsOf(store.tree));
  });

  it("is remembered for nobody once the last look has ended, and again for who looks then", async () => {
    const store = emptyStore();
    const keys = Array.from({ length: 100 }, (_, number) => keyOf(number));
    churn(store, keys, 1);
    store.expire(0);
    const tree = pinAndForget(store);
    const former = weakly(store, 7);
    store.expire(store.limits.copyAgeMs);
    churn(store, keys, 2);
    expect(await settled(() => !isThere(tree) && !isThere(former))).toBe(true);
    const other = store.pin();
    const shown = generationsOf(store.tree);
    churn(store, keys, 2);
    expect(generationsOf(other)).toEqual(shown);
  });
});

describe("a key that was used before", () => {
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
