import { create, type DescMessage, hasOption } from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import {
  field as fieldRules,
  message as messageRules,
  oneof as oneofRules,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { describe, expect, it } from "@jest/globals";
import {
  DeleteRequestSchema,
  ListRequestSchema,
  ReadRequestSchema,
  WriteRequestSchema,
  WriteStatusRequestSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import fc from "fast-check";

import { isPlainRequest } from "./plain-requests.ts";

const validator = createValidator();

const unit = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("", "default", "a-1") },
  {
    weight: 1,
    arbitrary: fc.constantFrom("*", "Default", "-a", "a-", "a\n", "a".repeat(63), "a".repeat(64), "é"),
  },
);
const rarely = <T>(value: T, other: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 5, arbitrary: fc.constant(value) }, { weight: 1, arbitrary: other });
const id = fc.record({
  uid: unit,
  name: fc.oneof({ weight: 3, arbitrary: fc.constant("korn") }, { weight: 1, arbitrary: unit }),
  type: rarely(
    { group: "demo", groupVersion: "v2", kind: "Artist" } as object | undefined,
    fc.constantFrom(undefined, {}),
  ),
  tenancy: fc.option(fc.record({ partition: unit, namespace: unit }), { nil: undefined }),
});
const preconditions = rarely(
  [] as object[],
  fc.constantFrom(
    [{}],
    Array.from({ length: 257 }, () => ({})),
  ),
);
const resource = fc.record({
  id: fc.option(id, { nil: undefined, freq: 5 }),
  owner: fc.option(id, { nil: undefined }),
  version: unit,
  metadata: fc.dictionary(unit, unit, { maxKeys: 2 }),
  status: rarely(
    {} as object,
    fc.constant({ key: { conditions: [{ type: "Ready", state: 9, resource: {} }] } }),
  ),
});
const REQUESTS: readonly (readonly [DescMessage, fc.Arbitrary<Record<string, unknown>>])[] = [
  [ReadRequestSchema, fc.record({ id: fc.option(id, { nil: undefined, freq: 5 }) })],
  [DeleteRequestSchema, fc.record({ id, version: unit, preconditions })],
  [WriteStatusRequestSchema, fc.record({ id, key: unit, preconditions })],
  [
    WriteRequestSchema,
    fc.record({
      resource: fc.option(resource, { nil: undefined, freq: 5 }),
      mode: rarely(1, fc.constantFrom(0, 2, 3, -1)),
      preconditions,
    }),
  ],
];

describe("a request that is seen at a glance to break no rule", () => {
  it.each(REQUESTS.map(([schema, arbitrary]) => [schema.name, schema, arbitrary] as const))(
    "breaks none: %s",
    (_, schema, arbitrary) => {
      let plain = 0;
      fc.assert(
        fc.property(arbitrary, (init) => {
          const request = create(schema, init);
          if (!isPlainRequest(schema, request)) return;
          plain += 1;
          expect(validator.validate(schema, request).kind).toBe("valid");
        }),
        { numRuns: 1_000 },
      );
      expect(plain).toBeGreaterThan(20);
    },
  );

  it("is looked at for all rules that there are: a new one is to be looked at too", () => {
    const found = new Set<string>();
    const seen = new Set<DescMessage>();
    const visit = (schema: DescMessage): void => {
      if (seen.has(schema)) return;
      seen.add(schema);
      if (hasOption(schema, messageRules)) found.add(schema.typeName);
      for (const oneof of schema.oneofs) if (hasOption(oneof, oneofRules)) found.add(oneof.toString());
      for (const one of schema.fields) {
        if (hasOption(one, fieldRules)) found.add(`${schema.name}.${one.name}`);
        if (one.message !== undefined) visit(one.message);
      }
    };
    for (const [schema] of REQUESTS) visit(schema);
    // A plain request has no preconditions, and so no checks.
    expect([...found].sort()).toEqual([
      "Check.id",
      "DeleteRequest.id",
      "DeleteRequest.preconditions",
      "ID.name",
      "ID.tenancy",
      "ID.type",
      "ReadRequest.id",
      "WriteRequest.mode",
      "WriteRequest.preconditions",
      "WriteRequest.resource",
      "WriteStatusRequest.id",
      "WriteStatusRequest.preconditions",
      "trellis.resource.v1.Check",
    ]);
  });

  it("is none of another kind", () => {
    expect(isPlainRequest(ListRequestSchema, create(ListRequestSchema))).toBe(false);
  });
});
