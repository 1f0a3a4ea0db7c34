import { describe, expect, it } from "@jest/globals";
import { type StoredRecord, toVersion } from "@trellis/storage";
import fc from "fast-check";

import { toStoredRecordMessage } from "@trellis/storage/wire";
import { encodeItem } from "./items.ts";
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

describe("a record as an item of a snapshot", () => {
  it("is byte for byte what its message gives", () => {
    const encoder = new RecordEncoder();
    fc.assert(
      fc.property(stored, (record) => {
        const item = Buffer.concat([encoder.encodeHead(record), record.bytes]);
        const expected = encodeItem({ case: "record", value: toStoredRecordMessage(record) });
        expect(item.equals(expected)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
