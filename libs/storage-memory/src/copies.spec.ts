import { describe, expect, it } from "@jest/globals";
import { type Operation, toVersion, type Version } from "@trellis/storage";
import fc from "fast-check";

import { Rebuild } from "./copies.ts";
import type { RecordTree } from "./record-tree.ts";
import { createStore, type Store } from "./store.ts";

const KEYS = 6;

/** What a version has: names, and what was written under them. */
type Contents = ReadonlyMap<string, number>;

function change(name: string, content: number | undefined): Operation {
  const key = { group: "g", kind: "k", partition: "p", namespace: "n", name };
  if (content === undefined) return { kind: "delete", key, preconditions: [] };
  const record = {
    uid: "u",
    groupVersion: "v1",
    generation: `${content}`,
    marked: false,
    bytes: new Uint8Array(),
  };
  return { kind: "put", key, record, preconditions: [] };
}

function contentsOf(tree: RecordTree): Contents {
  const bounds = { after: undefined, records: KEYS, visits: KEYS };
  const { records } = tree.walk({ prefix: "" }, bounds);
  return new Map(records.map(({ name, generation }) => [name, Number(generation)]));
}

/** The copy of a version: one that is there, or one that is built and pinned. */
function copyAt(store: Store, version: Version): RecordTree {
  const found = store.at(version);
  if (found === undefined) throw new Error(`${version} is gone`);
  if (!(found instanceof Rebuild)) return found;
  while (!found.advance());
  store.pinRebuilt(version, found);
  return found.tree;
}

describe("the copies of older versions", () => {
  const step = fc.oneof(
    fc.record({ name: fc.nat(KEYS - 1), isDeleted: fc.boolean() }),
    fc.record({ back: fc.nat(20) }),
  );

  it("show their versions for ever, of what newer ones they were built and whatever comes after", () => {
    let built = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 80 }), (steps) => {
        const store = createStore({ storeId: "s", version: toVersion(0) }, { copies: 3 });
        const versions: Contents[] = [new Map()];
        const copies: { readonly tree: RecordTree; readonly contents: Contents | undefined }[] = [];
        for (const [at, one] of steps.entries()) {
          if ("back" in one) {
            const version = toVersion(Math.max(0, store.version - one.back));
            copies.push({ tree: copyAt(store, version), contents: versions[version] });
            built += 1;
            continue;
          }
          const name = `n${one.name}`;
          const content = one.isDeleted ? undefined : at;
          const before = store.version;
          store.apply([change(name, content)]);
          if (store.version === before) continue;
          const next = new Map(versions[before]);
          if (content === undefined) next.delete(name);
          else next.set(name, content);
          versions.push(new Map([...next].sort(([a], [b]) => (a < b ? -1 : 1))));
        }
        for (const { tree, contents } of copies) {
          expect([...contentsOf(tree)]).toEqual([...(contents ?? [])]);
          for (const [name, content] of contents ?? [])
            expect(tree.get(`g\0k\0p\0n\0${name}\0`)?.generation).toBe(`${content}`);
        }
      }),
      { numRuns: 300 },
    );
    expect(built).toBeGreaterThan(1_000);
  });
});
