/** A domain of many types, whose descriptors are made when it is loaded: what generated code would be, for any number. */
import { create, createFileRegistry, type DescMessage, setExtension } from "@bufbuild/protobuf";
import {
  DescriptorProtoSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as FieldType,
  FieldDescriptorProtoSchema,
  FileDescriptorProtoSchema,
  MessageOptionsSchema,
} from "@bufbuild/protobuf/wkt";
import { resourceType } from "@trellis/client";
import { defineDomain } from "@trellis/controller";
import {
  file_trellis_resource_v1_annotations,
  resource as resourceOption,
  ResourceTypeSchema,
  Scope,
} from "@trellis/protos/trellis/resource/v1/annotations_pb";

/** The group of all of them. */
export const GROUP = "scale";
export const GROUP_VERSION = "v1";
const PACKAGE = `trellis.${GROUP}.${GROUP_VERSION}`;
const FILE = `trellis/${GROUP}/${GROUP_VERSION}/scale.proto`;
const KIND_DIGITS = 4;

/** The kind of the type with that number. */
export function kindName(type: number): string {
  return `Record${String(type).padStart(KIND_DIGITS, "0")}`;
}

/** The payloads of so many types, from the one numbered `from` on: a title and lines, as an album has them. */
export function manySchemas(count: number, from = 0): readonly DescMessage[] {
  const kinds = Array.from({ length: count }, (_, at) => kindName(from + at));
  const proto = create(FileDescriptorProtoSchema, {
    name: FILE,
    package: PACKAGE,
    syntax: "proto3",
    dependency: [file_trellis_resource_v1_annotations.proto.name],
    messageType: kinds.map(payload),
  });
  const registry = createFileRegistry(proto, (name) =>
    name === file_trellis_resource_v1_annotations.proto.name
      ? file_trellis_resource_v1_annotations
      : undefined,
  );
  return kinds.map((kind) => {
    const schema = registry.getMessage(`${PACKAGE}.${kind}`);
    if (schema === undefined) throw new Error(`expected the message ${kind} in its own file, found none`);
    return schema;
  });
}

/** A domain of so many types, without rules and controllers. */
export function manyTypes(count: number) {
  return defineDomain({ types: manySchemas(count).map((schema) => resourceType(schema)) });
}

function payload(kind: string) {
  const options = create(MessageOptionsSchema);
  setExtension(options, resourceOption, create(ResourceTypeSchema, { scope: Scope.NAMESPACE }));
  return create(DescriptorProtoSchema, {
    name: kind,
    field: [field("title", 1, Label.OPTIONAL), field("tracks", 2, Label.REPEATED)],
    options,
  });
}

function field(name: string, number: number, label: Label) {
  return create(FieldDescriptorProtoSchema, { name, jsonName: name, number, label, type: FieldType.STRING });
}
