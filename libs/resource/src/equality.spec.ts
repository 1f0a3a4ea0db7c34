import {
  clone,
  create,
  type DescMessage,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { describe, expect, it } from "@jest/globals";
import {
  ConditionSchema,
  IDSchema,
  ReferenceSchema,
  StatusSchema,
  TenancySchema,
  TypeSchema,
} from "@trellis/protos/trellis/resource/v1/resource_pb";

import {
  conditionEquals,
  idEquals,
  namesSame,
  referenceEquals,
  statusEquals,
  statusMapEquals,
  tenancyEquals,
  typeEquals,
} from "./equality.ts";

const type = create(TypeSchema, { group: "demo", groupVersion: "v2", kind: "Artist" });
const tenancy = create(TenancySchema, { partition: "p", namespace: "n" });
const id = create(IDSchema, { type, tenancy, name: "korn", uid: "u" });
const reference = create(ReferenceSchema, { type, tenancy, name: "korn", section: "s" });
const condition = create(ConditionSchema, {
  type: "Ready",
  state: 1,
  reason: "r",
  message: "m",
  resource: reference,
});
/** The same, written a second later. */
const later = create(StatusSchema, {
  observedGeneration: "g",
  conditions: [condition],
  updatedAt: { seconds: 2n },
});
const status = create(StatusSchema, {
  observedGeneration: "g",
  conditions: [condition],
  updatedAt: { seconds: 1n },
});

/** Checks one equality: the same, a copy, an absent side, and each difference, both ways round. */
function behaves<Desc extends DescMessage>(
  schema: Desc,
  value: MessageShape<Desc>,
  equal: (a: MessageShape<Desc> | undefined, b: MessageShape<Desc> | undefined) => boolean,
  differences: readonly MessageInitShape<Desc>[],
): void {
  expect(equal(value, value)).toBe(true);
  expect(equal(value, clone(schema, value))).toBe(true);
  expect(equal(undefined, undefined)).toBe(true);
  expect([equal(value, undefined), equal(undefined, value)]).toEqual([false, false]);
  for (const difference of differences) {
    const other = create(schema, { ...value, ...(difference as object) } as MessageInitShape<Desc>);
    expect([difference, equal(value, other), equal(other, value)]).toEqual([difference, false, false]);
  }
}

describe("equality", () => {
  it("T444 to T449: of types is by group, version and kind", () => {
    behaves(TypeSchema, type, typeEquals, [{ group: "x" }, { groupVersion: "x" }, { kind: "x" }]);
  });

  it("T450 to T454: of tenancies is by partition and namespace", () => {
    behaves(TenancySchema, tenancy, tenancyEquals, [{ partition: "x" }, { namespace: "x" }]);
  });

  it("T455 to T461: of ids is by type, tenancy, name and uid", () => {
    behaves(IDSchema, id, idEquals, [
      { type: { kind: "x" } },
      { tenancy: { partition: "x" } },
      { name: "x" },
      { uid: "x" },
    ]);
  });

  it("T462 to T468: of references is by type, tenancy, name and section", () => {
    behaves(ReferenceSchema, reference, referenceEquals, [
      { type: { kind: "x" } },
      { tenancy: { partition: "x" } },
      { name: "x" },
      { section: "x" },
    ]);
  });

  it("T469 to T473: of names leaves uid and section aside", () => {
    expect(namesSame(reference, id)).toBe(true);
    expect([namesSame(undefined, id), namesSame(id, undefined)]).toEqual([false, false]);
    for (const other of [
      { type: create(TypeSchema, { kind: "x" }) },
      { tenancy: create(TenancySchema, { partition: "x" }) },
      { name: "x" },
    ]) {
      expect(namesSame(create(IDSchema, { ...id, ...other }), reference)).toBe(false);
    }
  });

  it("T480 to T488: of conditions is by every field", () => {
    behaves(ConditionSchema, condition, conditionEquals, [
      { type: "x" },
      { state: 2 },
      { reason: "x" },
      { message: "x" },
      { resource: { ...reference, section: "x" } },
      { resource: { name: "x" } },
    ]);
  });

  it("T474 to T490: of statuses is by generation and conditions, and by time when it is asked", () => {
    behaves(StatusSchema, status, (a, b) => statusEquals(a, b, { updatedAt: true }), [
      { observedGeneration: "x" },
      { conditions: [condition, condition] },
      { conditions: [] },
      { updatedAt: { seconds: 2n } },
    ]);
    expect(
      statusEquals(status, later, {
        updatedAt: false,
      }),
    ).toBe(true);
  });

  it("T491 to T495: of maps of statuses is by key", () => {
    expect([
      statusMapEquals(undefined, undefined),
      statusMapEquals(undefined, {}),
      statusMapEquals({}, undefined),
    ]).toEqual([true, true, true]);
    expect(statusMapEquals({ a: status }, { a: clone(StatusSchema, status) })).toBe(true);
    expect(
      statusMapEquals({ a: status }, { a: create(StatusSchema, { ...status, observedGeneration: "x" }) }),
    ).toBe(false);
    expect([
      statusMapEquals({ a: status }, {}),
      statusMapEquals({}, { a: status }),
      statusMapEquals({ a: status }, { b: status }),
    ]).toEqual([false, false, false]);
  });
});
