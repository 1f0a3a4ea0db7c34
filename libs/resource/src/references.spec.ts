import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "@jest/globals";
import { IDSchema, type Reference, ReferenceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import fc from "fast-check";

import { namesSame } from "./equality.ts";
import { compareReferences, idText, referenceTo } from "./references.ts";

const WORDS = ["a", "aa", "b", "bb"];

/** All of them over few words, in the order that comparing part by part gives. */
function combinations(): Reference[] {
  const prefixed = (rest: readonly (readonly string[])[], words: readonly string[]) =>
    words.flatMap((word) => rest.map((parts) => [word, ...parts]));
  const sections = ["", ...WORDS].map((section) => [section]);
  const all = [WORDS, WORDS, WORDS, WORDS, WORDS].reduce<readonly (readonly string[])[]>(prefixed, sections);
  return all.map(([group = "", kind = "", partition = "", namespace = "", name = "", section = ""]) =>
    create(ReferenceSchema, {
      type: { group, groupVersion: "v1", kind },
      tenancy: { partition, namespace },
      name,
      section,
    }),
  );
}

describe("references", () => {
  it("T433, T434, C248: sort by group, kind, partition, namespace, name, section", () => {
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

  it("T429, C249: name the same as the id that they were made from, in every tenancy", () => {
    for (const tenancy of [
      {},
      { partition: "ap1", namespace: "ns-billing" },
      { partition: "ap2", namespace: "ns-intern" },
    ]) {
      const type = { group: "demo", groupVersion: "v2", kind: "Artist" };
      const id = create(IDSchema, { type, tenancy, name: "korn", uid: "u" });
      expect(namesSame(id, referenceTo(id, "s"))).toBe(true);
    }
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
