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
const status = create(StatusSchema, {
  observedGeneration: "g",
  conditions: [condition],
  updatedAt: { seconds: 1n },
});
/** The same, written a second later. */
const later = create(StatusSchema, {
  observedGeneration: "g",
  conditions: [condition],
  updatedAt: { seconds: 2n },
});
const otherType = create(TypeSchema, { kind: "x" });
const otherTenancy = create(TenancySchema, { partition: "x" });

type Equal<Desc extends DescMessage> = (
  a: MessageShape<Desc> | undefined,
  b: MessageShape<Desc> | undefined,
) => boolean;

/** An equality, a value for it, and the cases: the same, a copy, one absent, and what makes each difference. */
interface Behaviour<Desc extends DescMessage> {
  readonly schema: Desc;
  readonly value: MessageShape<Desc>;
  readonly equal: Equal<Desc>;
  readonly same?: string;
  readonly copy?: string;
  readonly absent?: string;
  readonly differences: readonly (readonly [string, MessageInitShape<Desc>])[];
}

function behaves<Desc extends DescMessage>(what: string, behaviour: Behaviour<Desc>): void {
  const { schema, value, equal, same = "", copy = "", absent = "", differences } = behaviour;
  describe(`of ${what}`, () => {
    it(`${same} holds for the same object`.trim(), () => {
      expect([equal(value, value), equal(undefined, undefined)]).toEqual([true, true]);
    });
    it(`${copy} holds for a copy`.trim(), () => {
      expect(equal(value, clone(schema, value))).toBe(true);
    });
    it(`${absent} does not hold when one is absent`.trim(), () => {
      expect([equal(value, undefined), equal(undefined, value)]).toEqual([false, false]);
    });
    it.each(differences)("%s makes a difference, both ways round", (_, difference) => {
      const other = create(schema, { ...value, ...(difference as object) } as MessageInitShape<Desc>);
      expect([equal(value, other), equal(other, value)]).toEqual([false, false]);
    });
  });
}

describe("equality (C246)", () => {
  behaves("types", {
    schema: TypeSchema,
    value: type,
    equal: typeEquals,
    same: "T444",
    copy: "T445",
    absent: "T446",
    differences: [
      ["T447: the group", { group: "x" }],
      ["T448: the group version", { groupVersion: "x" }],
      ["T449: the kind", { kind: "x" }],
    ],
  });

  behaves("tenancies", {
    schema: TenancySchema,
    value: tenancy,
    equal: tenancyEquals,
    same: "T450",
    copy: "T451",
    absent: "T452",
    differences: [
      ["T453: the partition", { partition: "x" }],
      ["T454: the namespace", { namespace: "x" }],
    ],
  });

  behaves("ids", {
    schema: IDSchema,
    value: id,
    equal: idEquals,
    same: "T455",
    copy: "T456",
    absent: "T457",
    differences: [
      ["T458: the type", { type: otherType }],
      ["T459: the tenancy", { tenancy: otherTenancy }],
      ["T460: the name", { name: "x" }],
      ["T461: the uid", { uid: "x" }],
    ],
  });

  behaves("references", {
    schema: ReferenceSchema,
    value: reference,
    equal: referenceEquals,
    same: "T462",
    copy: "T463",
    absent: "T464",
    differences: [
      ["T465: the type", { type: otherType }],
      ["T466: the tenancy", { tenancy: otherTenancy }],
      ["T467: the name", { name: "x" }],
      ["T468: the section", { section: "x" }],
    ],
  });

  behaves("conditions", {
    schema: ConditionSchema,
    value: condition,
    equal: conditionEquals,
    differences: [["the type", { type: "x" }]],
  });

  behaves("statuses with their times", {
    schema: StatusSchema,
    value: status,
    equal: (a, b) => statusEquals(a, b, { updatedAt: true }),
    same: "T474",
    copy: "T475",
    absent: "T476",
    differences: [
      ["T477: the generation", { observedGeneration: "x" }],
      ["T478: one condition more", { conditions: [condition, condition] }],
      ["T479: no condition", { conditions: [] }],
      ["T480: a condition's type", { conditions: [{ ...condition, type: "x" }] }],
      ["T481: a condition's state", { conditions: [{ ...condition, state: 2 }] }],
      ["T482: a condition's reason", { conditions: [{ ...condition, reason: "x" }] }],
      ["T483: a condition's message", { conditions: [{ ...condition, message: "x" }] }],
      [
        "T484: that a condition has no resource",
        { conditions: [{ type: "Ready", state: 1, reason: "r", message: "m" }] },
      ],
      [
        "T485: the type of a condition's resource",
        { conditions: [{ ...condition, resource: { ...reference, type: otherType } }] },
      ],
      [
        "T486: the tenancy of a condition's resource",
        { conditions: [{ ...condition, resource: { ...reference, tenancy: otherTenancy } }] },
      ],
      [
        "T487: the name of a condition's resource",
        { conditions: [{ ...condition, resource: { ...reference, name: "x" } }] },
      ],
      [
        "T488: the section of a condition's resource",
        { conditions: [{ ...condition, resource: { ...reference, section: "x" } }] },
      ],
      ["T489: the time", { updatedAt: { seconds: 2n } }],
    ],
  });

  it("T490: of statuses without their times leaves the time aside", () => {
    expect(statusEquals(status, later, { updatedAt: false })).toBe(true);
  });
});

describe("naming the same (C247)", () => {
  it("T469: leaves uid and section aside", () => {
    expect([namesSame(reference, id), namesSame(id, reference)]).toEqual([true, true]);
  });

  it("T470: needs both", () => {
    expect([namesSame(undefined, id), namesSame(id, undefined)]).toEqual([false, false]);
  });

  it.each([
    ["T471: the type", { type: otherType }],
    ["T472: the tenancy", { tenancy: otherTenancy }],
    ["T473: the name", { name: "x" }],
  ])("%s makes a difference", (_, difference) => {
    expect(namesSame(create(IDSchema, { ...id, ...difference }), reference)).toBe(false);
  });
});

describe("equality of maps of statuses (C246)", () => {
  it("T491: holds for none and none", () => {
    expect(statusMapEquals(undefined, undefined)).toBe(true);
  });

  it("T492: holds for none and an empty one", () => {
    expect([statusMapEquals(undefined, {}), statusMapEquals({}, undefined)]).toEqual([true, true]);
  });

  it("T493: holds for equal content", () => {
    expect(statusMapEquals({ a: status }, { a: clone(StatusSchema, status) })).toBe(true);
  });

  it("T494: does not hold for another status, or another time", () => {
    const other = create(StatusSchema, { ...status, conditions: [] });
    expect([
      statusMapEquals({ a: status }, { a: other }),
      statusMapEquals({ a: status }, { a: later }),
    ]).toEqual([false, false]);
  });

  it("T495: does not hold for another key, or one more", () => {
    expect([
      statusMapEquals({ a: status }, {}),
      statusMapEquals({}, { a: status }),
      statusMapEquals({ a: status }, { b: status }),
    ]).toEqual([false, false, false]);
  });
});
