import { describe, expect, it } from "@jest/globals";
import { seededRandom } from "@trellis/testing";
import fc from "fast-check";

import { OrderedMap } from "./ordered-map.ts";

/** The same by sorting, each time. */
class Model extends Map<string, number> {
  sorted(prefix: string): [string, number][] {
    return [...this].filter(([key]) => key.startsWith(prefix)).sort(([a], [b]) => (a < b ? -1 : 1));
  }
}

describe("an ordered map", () => {
  it("is empty at first", () => {
    const map = new OrderedMap<number>();
    map.delete("a");
    expect([map.size, map.keys(), map.values("a")]).toEqual([0, [], []]);
  });

  it("agrees with sorting, whatever is set and deleted, in whatever order", () => {
    const key = fc.string({ unit: fc.constantFrom("a", "b", "\0", "z"), maxLength: 4 });
    const step = fc.record({ key, remove: fc.boolean(), prefix: key });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const [map, model] = [new OrderedMap<number>(), new Model()];
        steps.forEach(({ key: one, remove, prefix }, value) => {
          if (remove) map.delete(one);
          else map.set(one, value);
          if (remove) model.delete(one);
          else model.set(one, value);
          const expected = model.sorted(prefix);
          expect(map.keys(prefix)).toEqual(expected.map(([found]) => found));
          expect(map.values(prefix)).toEqual(expected.map(([, found]) => found));
          expect(map.size).toBe(model.size);
        });
      }),
      { numRuns: 300, seed: 9 },
    );
  });

  it.each(["in order", "backwards", "at random"])(
    "agrees with sorting over many chunks that come and go %s",
    (how) => {
      const random = seededRandom(2);
      const [map, model] = [new OrderedMap<number>(), new Model()];
      const keyAt = (place: number): string =>
        `k${String(how === "backwards" ? 9_999 - place : place).padStart(4, "0")}`;
      const places = Array.from({ length: 10_000 }, (_, place) => place);
      if (how === "at random") places.sort(() => random() - 0.5);
      const agree = (): void => {
        for (const prefix of ["", "k1", "k12", "k123", "k1234", "k9999", "k99999", "l"]) {
          const expected = model.sorted(prefix);
          expect(map.keys(prefix)).toEqual(expected.map(([found]) => found));
          expect(map.values(prefix)).toEqual(expected.map(([, found]) => found));
        }
        expect(map.size).toBe(model.size);
      };
      for (const place of places) {
        map.set(keyAt(place), place);
        model.set(keyAt(place), place);
      }
      agree();
      for (const place of places) {
        if (place % 7 === 0) continue;
        map.delete(keyAt(place));
        model.delete(keyAt(place));
      }
      agree();
      for (const place of places) map.delete(keyAt(place));
      expect([map.size, map.keys()]).toEqual([0, []]);
    },
  );

  it("gives lists that later changes leave alone", () => {
    const map = new OrderedMap<number>();
    map.set("a", 1);
    const [keys, values] = [map.keys(), map.values()];
    map.set("b", 2);
    map.set("a", 3);
    expect([keys, values]).toEqual([["a"], [1]]);
  });
});
