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

import { parseTypeName, resourceType } from "./resource-type.ts";

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

  it("T371, T372: needs an annotation with a scope", () => {
    expect(() => resourceType(TypeSchema)).toThrow("is not a resource: annotate it with");
    expect(() => resourceType(declare("foo.v1.Bar", {}))).toThrow("declares no scope");
  });

  it("T376: is named by exactly three parts", () => {
    expect(parseTypeName("demo.v2.Artist")).toEqual({ group: "demo", groupVersion: "v2", kind: "Artist" });
    expect([parseTypeName("v2.Artist"), parseTypeName("a.demo.v2.Artist")]).toEqual([undefined, undefined]);
  });
});
