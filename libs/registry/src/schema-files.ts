import {
  create,
  type DescEnum,
  type DescEnumValue,
  type DescField,
  type DescFile,
  type DescMessage,
  type DescOneof,
} from "@bufbuild/protobuf";
import {
  type FileDescriptorProto,
  type FileDescriptorSet,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import { descriptorImage } from "@trellis/protos";

import type { Registration } from "./registry.ts";

/** What may carry a comment. */
type Commented = DescMessage | DescField | DescOneof | DescEnum | DescEnumValue;

/** The numbers of the fields of FileDescriptorProto, DescriptorProto and EnumDescriptorProto that the paths of source info are made of. */
const IN_FILE = { message: 4, enum: 5 } as const;
const IN_MESSAGE = { field: 2, message: 3, enum: 4, oneof: 8 } as const;
const IN_ENUM = { value: 2 } as const;

/** The files of the payload messages and everything that they import, imports first; with comments where they are known. */
export function schemaFiles(registrations: readonly Registration[]): FileDescriptorSet {
  const files = new Map<string, FileDescriptorProto>();
  const add = (file: DescFile): void => {
    const name = file.proto.name;
    if (files.has(name)) return;
    for (const dependency of file.dependencies) add(dependency);
    files.set(name, withComments(file));
  };
  for (const { type } of registrations) add(type.schema.file);
  return create(FileDescriptorSetSchema, { file: [...files.values()] });
}

/** The comment before a declaration, a line break only where a paragraph ends; empty when it has none, or its file was generated without comments. */
export function commentOf(desc: Commented): string {
  const file = fileOf(desc);
  return commentsOf(file).get(pathOf(desc).join()) ?? "";
}

const commentsByFile = new WeakMap<DescFile, ReadonlyMap<string, string>>();

/** The comments of a file by their path. */
function commentsOf(file: DescFile): ReadonlyMap<string, string> {
  let comments = commentsByFile.get(file);
  if (comments === undefined) {
    const locations = withComments(file).sourceCodeInfo?.location ?? [];
    comments = new Map(
      locations.map(({ path, leadingComments }) => [
        path.join(),
        leadingComments.trim().replaceAll(/[ \t]*\n[ \t]*/g, "\n"),
      ]),
    );
    commentsByFile.set(file, comments);
  }
  return comments;
}

function fileOf(desc: Commented): DescFile {
  switch (desc.kind) {
    case "field":
    case "oneof":
    case "enum_value":
      return desc.parent.file;
    default:
      return desc.file;
  }
}

/** Generated code carries no comments; the descriptor image of the house's protos does. */
function withComments({ proto }: DescFile): FileDescriptorProto {
  if (proto.sourceCodeInfo !== undefined) return proto;
  return descriptorImage().get(proto.name) ?? proto;
}

/** Where a declaration stands in its file, as source info tells it (descriptor.proto, SourceCodeInfo.Location.path). */
function pathOf(desc: Commented): readonly number[] {
  switch (desc.kind) {
    case "message":
      return desc.parent === undefined
        ? [IN_FILE.message, desc.file.proto.messageType.indexOf(desc.proto)]
        : [...pathOf(desc.parent), IN_MESSAGE.message, desc.parent.proto.nestedType.indexOf(desc.proto)];
    case "enum":
      return desc.parent === undefined
        ? [IN_FILE.enum, desc.file.proto.enumType.indexOf(desc.proto)]
        : [...pathOf(desc.parent), IN_MESSAGE.enum, desc.parent.proto.enumType.indexOf(desc.proto)];
    case "field":
      return [...pathOf(desc.parent), IN_MESSAGE.field, desc.parent.proto.field.indexOf(desc.proto)];
    case "oneof":
      return [...pathOf(desc.parent), IN_MESSAGE.oneof, desc.parent.proto.oneofDecl.indexOf(desc.proto)];
    case "enum_value":
      return [...pathOf(desc.parent), IN_ENUM.value, desc.parent.proto.value.indexOf(desc.proto)];
  }
}
