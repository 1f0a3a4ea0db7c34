import { create, type DescFile, type DescMessage } from "@bufbuild/protobuf";
import {
  type FileDescriptorProto,
  type FileDescriptorSet,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import { descriptorImage } from "@trellis/protos";

import type { Registration } from "./registry.ts";

/** The number of `message_type` in FileDescriptorProto, and of `nested_type` in DescriptorProto: the paths of source info use them. */
const MESSAGE_TYPE = 4;
const NESTED_TYPE = 3;

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

/** The comment before a message's declaration; empty when it has none, or its file was generated without comments. */
export function commentOf(schema: DescMessage): string {
  const path = pathOf(schema);
  const locations = withComments(schema.file).sourceCodeInfo?.location ?? [];
  const found = locations.find(
    (location) =>
      location.path.length === path.length && location.path.every((part, at) => part === path[at]),
  );
  return (found?.leadingComments ?? "").trim().replaceAll(/[ \t]*\n[ \t]*/g, "\n");
}

/** Generated code carries no comments; the descriptor image of the house's protos does. */
function withComments({ proto }: DescFile): FileDescriptorProto {
  if (proto.sourceCodeInfo !== undefined) return proto;
  return descriptorImage().get(proto.name) ?? proto;
}

function pathOf(schema: DescMessage): readonly number[] {
  if (schema.parent === undefined) return [MESSAGE_TYPE, schema.file.messages.indexOf(schema)];
  return [...pathOf(schema.parent), NESTED_TYPE, schema.parent.nestedMessages.indexOf(schema)];
}
