import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "@jest/globals";
import { IDSchema, type Reference, ReferenceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import fc from "fast-check";

import { compareReferences, idText, referenceTo } from "./references.ts";

const WORDS = ["a", "aa", "b", "bb"];

function combinations(): Reference[] {
  const all: Reference[] = [];
  for (const group of WORDS)
    for (const kind of WORDS)
      for (const partition of WORDS)
        for (const namespace of WORDS)
          for (const name of WORDS)
            for (const section of ["", ...WORDS])
              all.push(
                create(ReferenceSchema, {
                  type: { group, groupVersion: "v1", kind },
                  tenancy: { partition, namespace },
                  name,
                  section,
                }),
              );
  return all;
}

describe("references", () => {
  it("T433, T434: sort by group, kind, partition, namespace, name, section", () => {
    const sorted = combinations();
    expect([...sorted].sort(compareReferences)).toEqual(sorted);
    fc.assert(
      fc.property(
        fc.shuffledSubarray(
          sorted.map((_, index) => index),
          { minLength: sorted.length },
        ),
        (order) => {
          const shuffled = order.map((index) => sorted[index] as Reference);
          expect(shuffled.sort(compareReferences)).toEqual(sorted);
        },
      ),
      { numRuns: 5 },
    );
  });

  it("point to what an id names, whatever incarnation", () => {
    const id = create(IDSchema, {
      type: { group: "demo", groupVersion: "v2", kind: "Artist" },
      tenancy: { partition: "p", namespace: "n" },
      name: "korn",
      uid: "u",
    });
    expect(referenceTo(id, "s")).toEqual(
      create(ReferenceSchema, { type: id.type, tenancy: id.tenancy, name: "korn", section: "s" } as never),
    );
    expect(idText(id)).toBe("demo.v2.Artist p/n/korn");
  });
});
