import { create, createRegistry, type DescMessage, setExtension } from "@bufbuild/protobuf";
import { createFileRegistry } from "@bufbuild/protobuf";
import {
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  MessageOptionsSchema,
} from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "@jest/globals";
import { resource, ResourceTypeSchema, Scope } from "@trellis/protos/trellis/resource/v1/annotations_pb";
import { ArtistSchema } from "@trellis/protos/trellis/demo/v2/demo_pb";
import { TypeSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";

import { checkTypeName, parseTypeName, resourceType } from "./resource-type.ts";

/** A payload message as its author would declare it. */
function declare(name: string, annotation: { scope?: Scope; group?: string }): DescMessage {
  const at = name.lastIndexOf(".");
  const options = create(MessageOptionsSchema);
  setExtension(options, resource, create(ResourceTypeSchema, annotation));
  const file = create(FileDescriptorProtoSchema, {
    name: "x.proto",
    syntax: "proto3",
    package: name.slice(0, at),
    messageType: [{ name: name.slice(at + 1), options }],
  });
  const found = createFileRegistry(create(FileDescriptorSetSchema, { file: [file] })).getMessage(name);
  if (found === undefined) throw new Error(`${name} was not declared`);
  return createRegistry(found).getMessage(name) ?? found;
}

const NAMESPACE = { scope: Scope.NAMESPACE };

describe("a resource type", () => {
  it("is what its message's full name and annotation say", () => {
    expect(resourceType(ArtistSchema)).toMatchObject({
      group: "demo",
      groupVersion: "v2",
      kind: "Artist",
      gvk: "demo.v2.Artist",
      scope: Scope.NAMESPACE,
    });
    expect(resourceType(declare("acme.shop.v1.Order", NAMESPACE)).gvk).toBe("shop.v1.Order");
    expect(resourceType(declare("acme.shop.v1.Order", { ...NAMESPACE, group: "store" })).gvk).toBe(
      "store.v1.Order",
    );
  });

  it.each([
    ["T357", "foo.v1.Bar"],
    ["T361", "foo_bar.v1.Bar"],
    ["T367", "foo.v1.Number1"],
    ["T374", "foo.v2beta1.Bar"],
    ["T374", "foo.v10.Bar"],
  ])("%s: may be called %s", (_, name) => {
    expect(resourceType(declare(name, NAMESPACE)).gvk).toBe(name);
  });

  it.each([
    ["T359", "Foo.v1.Bar", "group"],
    ["T363", "foo.v_1.Bar", "group version"],
    ["T366", "foo.OnePointOh.Bar", "group version"],
    ["T368", "foo.v1.barBaz", "kind"],
    ["T369", "foo.v1.Bar_baz", "kind"],
    ["T373", "f.v1.Bar", "group"],
    ["T373", "foo.v1.B", "kind"],
    ["T374", "foo.v2beta.Bar", "group version"],
  ])("%s: may not be called %s", (_, name, part) => {
    expect(() => resourceType(declare(name, NAMESPACE))).toThrow(part);
  });

  it.each([
    ["T357: none", "foo", "v1", "Bar", undefined],
    ["T358: no group", "", "v1", "Bar", 'group "" must match'],
    ["T359: a group in mixed case", "Foo", "v1", "Bar", 'group "Foo" must match'],
    ["T360: a group with a dash", "foo-bar", "v1", "Bar", 'group "foo-bar" must match'],
    ["T361: none, with an underscore", "foo_bar", "v1", "Bar", undefined],
    ["T362: no version", "foo", "", "Bar", 'group version "" must match'],
    ["T363: a version with an underscore", "foo", "v_1", "Bar", 'group version "v_1" must match'],
    ["T364: a version with a dash", "foo", "v-1", "Bar", 'group version "v-1" must match'],
    ["T365: a version without v", "foo", "1", "Bar", 'group version "1" must match'],
    ["T366: a version in words", "foo", "OnePointOh", "Bar", 'group version "OnePointOh" must match'],
    ["T367: none, with a digit", "foo", "v1", "Number1", undefined],
    ["T368: a kind in lower case", "foo", "v1", "barBaz", 'kind "barBaz" must match'],
    ["T369: a kind with an underscore", "foo", "v1", "bar_baz", 'kind "bar_baz" must match'],
    ["T370: no kind", "foo", "v1", "", 'kind "" must match'],
  ])("C251: names what is wrong with a name: %s", (_, group, groupVersion, kind, fault) => {
    const check = () => checkTypeName({ group, groupVersion, kind }, "x");
    if (fault === undefined) expect(check).not.toThrow();
    else expect(check).toThrow(`x is not a resource type: ${fault}`);
  });

  it("T371, T372: needs an annotation with a scope", () => {
    expect(() => resourceType(TypeSchema)).toThrow("is not a resource: annotate it with");
    expect(() => resourceType(declare("foo.v1.Bar", {}))).toThrow("declares no scope");
  });

  it("T376: is named by exactly three parts", () => {
    expect(parseTypeName("demo.v2.Artist")).toEqual({ group: "demo", groupVersion: "v2", kind: "Artist" });
    expect([parseTypeName("v2.Artist"), parseTypeName("a.demo.v2.Artist")]).toEqual([undefined, undefined]);
  });
});
