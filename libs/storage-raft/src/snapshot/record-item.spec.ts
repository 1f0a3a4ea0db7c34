import { describe, expect, it } from "@jest/globals";
import { type StoredRecord, toVersion } from "@trellis/storage";
import { createStore } from "@trellis/storage-memory";
import fc from "fast-check";

import { toStoredRecordMessage } from "@trellis/storage/wire";

import { fromStoredRecordMessage } from "../record-codec.ts";
import { decodeItem, decodePlainRecord, encodeItem } from "./items.ts";
import { RecordEncoder } from "./record-item.ts";

const text = fc.oneof(fc.string({ unit: "binary", maxLength: 300 }), fc.constant(""), fc.constant("\ud800"));
const key = fc.record({ group: text, kind: text, partition: text, namespace: text, name: text });
const stored: fc.Arbitrary<StoredRecord> = fc.record({
  key,
  version: fc.oneof(fc.nat(300), fc.maxSafeNat()).map(toVersion),
  uid: text,
  groupVersion: text,
  generation: text,
  owner: fc.option(fc.record({ key, uid: text }), { nil: undefined }),
  marked: fc.boolean(),
  bytes: fc.uint8Array({ maxLength: 400 }),
});

/** Many of which have the same type and units. */
const few = fc.constantFrom("a", "bc");
const common = fc
  .tuple(
    stored,
    fc.record({ group: few, kind: few, partition: few, namespace: few, name: fc.string({ maxLength: 4 }) }),
    few,
  )
  .map(([record, of, groupVersion]) => ({ ...record, key: of, groupVersion }));

/** As a store keeps them, which has one for each key. */
function kept(records: readonly StoredRecord[]) {
  const version = toVersion(Number.MAX_SAFE_INTEGER);
  const store = createStore({ storeId: "01JZ0000000000000000000000", version });
  for (const record of records) if (store.get(record.key) === undefined) store.load([record]);
  const bounds = { after: undefined, records: records.length, visits: records.length };
  return store.tree.walk({ prefix: "" }, bounds).records;
}

describe("a record as an item of a snapshot", () => {
  it("is byte for byte what its message gives", () => {
    const encoder = new RecordEncoder();
    let items = 0;
    fc.assert(
      fc.property(fc.array(fc.oneof(stored, common), { minLength: 1, maxLength: 12 }), (records) => {
        for (const record of kept(records)) {
          const expected = encodeItem({ case: "record", value: toStoredRecordMessage(record) });
          expect(Buffer.from(encoder.encode(record))).toEqual(Buffer.from(expected));
          items += 1;
        }
      }),
      { numRuns: 500 },
    );
    expect(items).toBeGreaterThan(500);
  });

  it("is read as the library reads it, or left to it, also when it is spoilt", () => {
    let read = 0;
    const word = fc.stringMatching(/^[a-z]{0,12}$/);
    const words = fc.record({ group: word, kind: word, partition: word, namespace: word, name: word });
    const plain = fc.tuple(stored, words, word).map(([record, of, uid]) => ({
      ...record,
      key: of,
      uid,
      groupVersion: uid,
      generation: uid,
      owner: record.owner && { key: of, uid },
    }));
    const spoilt = fc.option(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { nil: undefined });
    fc.assert(
      fc.property(fc.oneof(plain, stored), spoilt, (record, fault) => {
        const item = encodeItem({ case: "record", value: toStoredRecordMessage(record) });
        if (fault !== undefined) item[fault[0] % item.length] = fault[1];
        const found = decodePlainRecord(item);
        if (found === undefined) return;
        read += 1;
        const decoded = decodeItem(item);
        expect(decoded.case).toBe("record");
        if (decoded.case === "record") expect(found).toEqual({ ...fromStoredRecordMessage(decoded.value) });
      }),
      { numRuns: 2_000 },
    );
    expect(read).toBeGreaterThan(100);
  });
});
