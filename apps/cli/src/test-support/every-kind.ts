import { create, createFileRegistry, type Registry } from "@bufbuild/protobuf";
import {
  AnySchema,
  DurationSchema,
  type FieldDescriptorProto_Label,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
  FieldMaskSchema,
  file_google_protobuf_any,
  file_google_protobuf_duration,
  file_google_protobuf_field_mask,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  Int64ValueSchema,
  StringValueSchema,
  StructSchema,
  TimestampSchema,
  ValueSchema,
} from "@bufbuild/protobuf/wkt";
import { Scope } from "@trellis/protos/trellis/resource/v1/annotations_pb";

import type { KnownType } from "../types/known-type.ts";

const WELL_KNOWN_FILES = [
  file_google_protobuf_any,
  file_google_protobuf_duration,
  file_google_protobuf_field_mask,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
];

interface FieldOptions {
  readonly label?: FieldDescriptorProto_Label;
  readonly typeName?: string;
  readonly oneofIndex?: number;
}

function numbered(fields: readonly (readonly [string, Type, FieldOptions?])[]) {
  return fields.map(([name, type, options = {}], index) => ({
    name,
    type,
    number: index + 1,
    // Compilers always say it.
    jsonName: name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    label: options.label ?? Label.OPTIONAL,
    ...(options.typeName === undefined ? {} : { typeName: options.typeName }),
    ...(options.oneofIndex === undefined ? {} : { oneofIndex: options.oneofIndex }),
  }));
}

const repeated = { label: Label.REPEATED };
const message = (typeName: string, options: FieldOptions = {}) =>
  [Type.MESSAGE, { typeName: `.${typeName}`, ...options }] as const;

function mapEntry(name: string, key: Type, value: readonly [Type, FieldOptions?]) {
  return {
    name,
    field: numbered([
      ["key", key],
      ["value", ...value],
    ]),
    options: { mapEntry: true },
  };
}

const everyFile = create(FileDescriptorProtoSchema, {
  name: "test/v1/every.proto",
  package: "test.v1",
  syntax: "proto3",
  dependency: WELL_KNOWN_FILES.map(({ proto }) => proto.name),
  enumType: [
    {
      name: "Colour",
      value: ["COLOUR_UNSPECIFIED", "COLOUR_RED", "COLOUR_DARK_BLUE"].map((name, number) => ({
        name,
        number,
      })),
    },
  ],
  messageType: [
    {
      name: "Every",
      oneofDecl: [{ name: "choice" }],
      nestedType: [
        mapEntry("CountsEntry", Type.STRING, [Type.INT64]),
        mapEntry("ByNumberEntry", Type.INT32, [Type.STRING]),
        mapEntry("BySwitchEntry", Type.BOOL, [Type.STRING]),
        mapEntry("PartsEntry", Type.STRING, message("test.v1.Every")),
      ],
      field: numbered([
        ["flag", Type.BOOL],
        ["small", Type.INT32],
        ["small_unsigned", Type.UINT32],
        ["large", Type.INT64],
        ["large_unsigned", Type.UINT64],
        ["precise", Type.DOUBLE],
        ["rough", Type.FLOAT],
        ["text", Type.STRING],
        ["raw_bytes", Type.BYTES],
        ["colour", Type.ENUM, { typeName: ".test.v1.Colour" }],
        ["colours", Type.ENUM, { ...repeated, typeName: ".test.v1.Colour" }],
        ["numbers", Type.INT32, repeated],
        ["words", Type.STRING, repeated],
        ["counts", ...message("test.v1.Every.CountsEntry", repeated)],
        ["by_number", ...message("test.v1.Every.ByNumberEntry", repeated)],
        ["by_switch", ...message("test.v1.Every.BySwitchEntry", repeated)],
        ["parts", ...message("test.v1.Every.PartsEntry", repeated)],
        ["left", Type.STRING, { oneofIndex: 0 }],
        ["right", Type.INT32, { oneofIndex: 0 }],
        ["nested", ...message("test.v1.Every")],
        ["list", ...message("test.v1.Every", repeated)],
        ["moment", ...message(TimestampSchema.typeName)],
        ["span", ...message(DurationSchema.typeName)],
        ["free", ...message(StructSchema.typeName)],
        ["anything", ...message(ValueSchema.typeName)],
        ["mask", ...message(FieldMaskSchema.typeName)],
        ["other", ...message(AnySchema.typeName)],
        ["wrapped_count", ...message(Int64ValueSchema.typeName)],
        ["wrapped_text", ...message(StringValueSchema.typeName)],
      ]),
    },
  ],
});

/** Schemas with a message that has a field of every kind. */
export const everyRegistry: Registry = createFileRegistry(
  create(FileDescriptorSetSchema, { file: [...WELL_KNOWN_FILES.map(({ proto }) => proto), everyFile] }),
);

/** A type as a server would tell it. */
export function testType(gvk: string, more: Partial<KnownType> = {}): KnownType {
  const [group = "", groupVersion = "", kind = ""] = gvk.split(".");
  return {
    group,
    groupVersion,
    kind,
    gvk,
    scope: Scope.NAMESPACE,
    messageName: `${group}.${groupVersion}.${kind}`,
    shortNames: [],
    columns: [],
    description: "",
    ...more,
  };
}

/** The type whose payload has a field of every kind. */
export const everyType = testType("test.v1.Every");
