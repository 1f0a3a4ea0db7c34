import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "@jest/globals";
import { ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import fc from "fast-check";

import { ownersFirst } from "./order.ts";

const type = { group: "test", groupVersion: "v1", kind: "Every" };
/** `a<b`: b, which a owns nothing of; `b<a` reads "a is owned by b". */
function items(...texts: readonly string[]) {
  return texts.map((text) => {
    const [name = "", owner] = text.split("<");
    const resource = create(ResourceSchema, {
      id: { type, name },
      ...(owner === undefined ? {} : { owner: { type, name: owner, tenancy: { namespace: "default" } } }),
    });
    return { name, resource };
  });
}
const names = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name).join(" ");

describe("owners first", () => {
  it.each([
    ["as they came where nobody owns", ["c", "a", "b"], "c a b"],
    ["an owner that comes later before what it owns", ["leaf<root", "other", "root"], "root leaf other"],
    ["a chain written backwards", ["c<b", "b<a", "a"], "a b c"],
    ["an owner that is not among them is the server's matter", ["a<elsewhere", "b"], "a b"],
  ])("puts %s", (_, texts, expected) => {
    const { ordered, circular } = ownersFirst(items(...texts));
    expect(names(ordered)).toBe(expected);
    expect(circular).toEqual([]);
  });

  it("puts partitions and namespaces before what lives in them", () => {
    const [leaf, root] = items("leaf<root", "root");
    const unit = (kind: string) => ({
      name: kind,
      resource: create(ResourceSchema, {
        id: { type: { group: "tenancy", groupVersion: "v1", kind }, name: "a" },
      }),
    });
    const all = [leaf, unit("Namespace"), root, unit("Partition")].filter((item) => item !== undefined);
    expect(names(ownersFirst(all).ordered)).toBe("Partition Namespace root leaf");
  });

  it("tells owners that form a circle, and what hangs on it", () => {
    const { ordered, circular } = ownersFirst(items("free", "a<b", "b<c", "c<a", "self<self", "hung<a"));
    expect(names(ordered)).toBe("free");
    expect(
      names(circular.map(({ item }) => item))
        .split(" ")
        .sort(),
    ).toEqual(["a", "b", "c", "hung", "self"]);
    const circles = circular.map(({ item, circle }) => [item.name, names(circle)]);
    expect(circles).toContainEqual(["a", "a b c a"]);
    expect(circles).toContainEqual(["self", "self self"]);
  });

  it("keeps every item once, and each owner before what it owns", () => {
    const owned = fc.array(fc.option(fc.nat({ max: 29 }), { nil: undefined }), { maxLength: 30 });
    fc.assert(
      fc.property(owned, (owners) => {
        const all = items(
          ...owners.map((owner, index) => `n${index}${owner === undefined ? "" : `<n${owner}`}`),
        );
        const { ordered, circular } = ownersFirst(all);
        expect(ordered.length + circular.length).toBe(all.length);
        expect(new Set([...ordered, ...circular.map(({ item }) => item)]).size).toBe(all.length);
        const position = new Map(ordered.map(({ name }, index) => [name, index]));
        for (const { name, resource } of ordered) {
          const owner = resource.owner?.name ?? "";
          expect(position.get(owner) ?? -1).toBeLessThan(position.get(name) ?? 0);
        }
      }),
    );
  });
});
