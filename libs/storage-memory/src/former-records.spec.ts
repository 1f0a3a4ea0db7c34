import { describe, expect, it } from "@jest/globals";
import { toVersion } from "@trellis/storage";
import fc from "fast-check";

import { PresentTree, type RecordTree } from "./record-tree.ts";
import { Slabs } from "./slabs.ts";

const KEYS = 5;

function contentsOf(tree: RecordTree): readonly string[] {
  const bounds = { after: undefined, records: KEYS, visits: KEYS };
  const { records } = tree.walk({ prefix: "", matches: undefined }, bounds);
  return records.map(({ name, generation }) => `${name} ${generation}`);
}

describe("the records that copies have and the present has not", () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ write: fc.nat(KEYS - 1) }) },
    { weight: 1, arbitrary: fc.record({ remove: fc.nat(KEYS - 1) }) },
    { weight: 3, arbitrary: fc.record({ copy: fc.nat(), isOfACopy: fc.boolean() }) },
    { weight: 3, arbitrary: fc.record({ forget: fc.nat() }) },
  );

  it("stay as long as one of those copies is there, whichever of the others are gone, and no longer", () => {
    let merged = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 100 }), (steps) => {
        const gone = new Map<object, () => void>();
        const tree = new PresentTree((copy, callback) => void gone.set(copy, callback));
        const slabs = new Slabs();
        const present = new Map<string, ReturnType<Slabs["keep"]>>();
        let copies: {
          readonly tree: ReturnType<PresentTree["copy"]>;
          readonly contents: readonly string[];
        }[] = [];
        let version = toVersion(0);
        for (const one of steps) {
          if ("copy" in one) {
            const of = one.isOfACopy ? copies[one.copy % copies.length] : undefined;
            copies.push({
              tree: of?.tree.older(of.tree.version) ?? tree.copy(version),
              contents: of?.contents ?? contentsOf(tree),
            });
          } else if ("forget" in one) {
            const forgotten = copies[one.forget % copies.length];
            if (forgotten === undefined) continue;
            gone.get(forgotten.tree)?.();
            copies = copies.filter((copy) => copy !== forgotten);
            merged += 1;
          } else {
            version = toVersion(version + 1);
            const name = `n${"write" in one ? one.write : one.remove}`;
            const previous = present.get(name);
            if ("write" in one) {
              const key = { group: "g", kind: "k", partition: "p", namespace: "n", name };
              const init = {
                uid: "u",
                groupVersion: "v",
                generation: `${version}`,
                marked: false,
                bytes: new Uint8Array(),
              };
              if (previous !== undefined) tree.replaced(previous);
              const record = slabs.keep(
                { key, text: `g\0k\0p\0n\0${name}\0`, init: { ...init, owner: undefined }, version },
                previous,
              );
              if (previous === undefined) tree.add(record.keptKey);
              present.set(name, record);
            } else if (previous !== undefined) {
              tree.delete(previous.keptKey);
              present.delete(name);
            }
          }
          for (const copy of copies) expect(contentsOf(copy.tree)).toEqual(copy.contents);
          expect(tree.copied).toBe(new Set(copies.map((copy) => copy.tree.version)).size);
        }
      }),
      { numRuns: 300 },
    );
    expect(merged).toBeGreaterThan(1_000);
  });
});
