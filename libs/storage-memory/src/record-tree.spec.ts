import { describe, expect, it } from "@jest/globals";
import { keyString, type TypeQuery, type Version, WILDCARD } from "@trellis/storage";
import { matchesQuery } from "@trellis/storage/watching";
import fc from "fast-check";

import type { KeptRecord } from "./kept-record.ts";
import { keyRange } from "./key-range.ts";
import { compareStrings, type RecordTree } from "./record-tree.ts";
import { createStore } from "./store.ts";

/** Resources of two types in tenancies whose names begin alike, some tenancies with many of them. */
const part = fc.constantFrom("", "a", "a-b", "ab", "b");
const key = fc.record({
  group: fc.constant("demo"),
  kind: fc.constantFrom("Artist", "Artists"),
  partition: part,
  namespace: part,
  name: fc.integer({ min: 0, max: 60 }).map((at) => `n${at.toString(36)}`),
});
const query: fc.Arbitrary<TypeQuery> = fc.record(
  {
    group: fc.constant("demo"),
    kind: fc.constantFrom("Artist", "Artists"),
    partition: fc.oneof(fc.constant(WILDCARD), part),
    namespace: fc.oneof(fc.constant(WILDCARD), part),
    namePrefix: fc.constantFrom("", "n", "n1", "nz", "x"),
    name: fc.constantFrom("n", "n0", "n1", "n1o", "m", "z"),
  },
  { requiredKeys: ["group", "kind", "partition", "namespace"] },
);

/** The records of a store with these keys. */
function treeOf(keys: readonly Parameters<typeof keyString>[0][]): RecordTree {
  const store = createStore({ storeId: "01H00000000000000000000000", version: 1 as Version });
  const record = { uid: "u", groupVersion: "v1", generation: "g", marked: false, bytes: new Uint8Array(3) };
  const texts = new Set<string>();
  const operations = keys.flatMap((one) => {
    if (texts.has(keyString(one))) return [];
    texts.add(keyString(one));
    return [{ kind: "put" as const, key: one, record, preconditions: [] }];
  });
  for (let at = 0; at < operations.length; at += 1_000) store.apply(operations.slice(at, at + 1_000));
  return store.tree;
}

describe("a walk of a range", () => {
  it("finds what the query means, in order, however it is cut into slices", () => {
    let skipped = 0;
    fc.assert(
      fc.property(
        fc.array(key, { minLength: 100, maxLength: 600 }),
        fc.array(query, { minLength: 10, maxLength: 10 }),
        fc.record({ records: fc.integer({ min: 1, max: 20 }), visits: fc.integer({ min: 1, max: 100 }) }),
        (keys, queries, bounds) => {
          const tree = treeOf(keys);
          const texts = [...new Set(keys.map(keyString))].sort(compareStrings);
          const byText = new Map(keys.map((one) => [keyString(one), one]));
          for (const wanted of queries) {
            const expected = texts.filter((text) => matchesQuery(wanted, byText.get(text) as never));
            const found: KeptRecord[] = [];
            let after: string | undefined;
            for (;;) {
              const slice = tree.walk(keyRange(wanted), { after, ...bounds });
              found.push(...slice.records);
              expect(slice.records.length).toBeLessThanOrEqual(bounds.records);
              if (slice.stopped === "done") break;
              expect(slice.last).not.toBe(after);
              after = slice.last;
            }
            expect(found.map(({ text }) => text)).toEqual(expected);
            const whole = tree.walk(keyRange(wanted), {
              after: undefined,
              records: Infinity,
              visits: Infinity,
            });
            expect(whole.records).toHaveLength(expected.length);
            if (expected.length > 0 && expected.length < texts.length / 20) skipped++;
          }
        },
      ),
      { numRuns: 100, seed: 7 },
    );
    expect(skipped).toBeGreaterThan(50);
  });

  it("looks at few keys for one name in all tenancies, however many others there are", () => {
    const names = Array.from({ length: 5_000 }, (_, at) => `name-${at}`);
    const namespaces = ["a", "b", "c"];
    const keys = namespaces.flatMap((namespace) =>
      names.map((name) => ({ group: "demo", kind: "Artist", partition: "p", namespace, name })),
    );
    const tree = treeOf(keys);
    const of = (part: Partial<TypeQuery>): TypeQuery => ({
      group: "demo",
      kind: "Artist",
      partition: WILDCARD,
      namespace: WILDCARD,
      ...part,
    });
    const walk = (wanted: TypeQuery, visits: number) =>
      tree.walk(keyRange(wanted), { after: undefined, records: 100_000, visits });
    for (const name of ["name-0", "name-2500", "name-4999"]) {
      const { records, stopped } = walk(of({ name }), 120);
      expect(stopped).toBe("done");
      expect(records.map(({ key: found }) => found.namespace)).toEqual(namespaces);
    }
    expect(walk(of({ name: "name-2500", namespace: "b" }), 120)).toMatchObject({ stopped: "done" });
    expect(walk(of({ namePrefix: "name-49", partition: "p" }), 3 * 111 + 120)).toMatchObject({
      stopped: "done",
    });
    expect(walk(of({ name: "name-1", namePrefix: "other" }), 20)).toMatchObject({
      stopped: "done",
      records: [],
    });
  });
});
