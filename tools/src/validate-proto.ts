import { getExtension, hasExtension, isFieldSet, toJson } from "@bufbuild/protobuf";
import {
  type DescriptorProto,
  type EnumDescriptorProto,
  type FieldDescriptorProto,
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FieldDescriptorProtoSchema,
  type FieldOptions,
  FileOptionsSchema,
} from "@bufbuild/protobuf/wkt";
import {
  file_buf_validate_validate,
  predefined,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";

/** The file's name, below a folder of protos. */
export const VALIDATE_PROTO = "buf/validate/validate.proto";

const HEADER = `// The rules of protovalidate (https://github.com/bufbuild/protovalidate), Apache License 2.0: see LICENSE beside this file.
// Printed from the descriptor inside the npm package @bufbuild/protovalidate by tools/src/vendor-validate-proto.ts, so it has no comments.
`;

/** The end of a range that reaches the largest field number, which .proto files write as \`max\`. Ranges end before their second number. */
const MAX_RANGE_END = 536_870_912;

/** The text of validate.proto. Knows the part of the language that the file uses: proto2 messages, enums, oneofs, extensions, predefined rules. */
export function printValidateProto(): string {
  const file = file_buf_validate_validate.proto;
  const options =
    file.options === undefined
      ? {}
      : (toJson(FileOptionsSchema, file.options) as Record<string, string | boolean>);
  const parts = [
    `${HEADER}syntax = "proto2";`,
    `package ${file.package};`,
    file.dependency.map((name) => `import "${name}";`).join("\n"),
    Object.entries(options)
      .map(([name, value]) => `option ${snakeCase(name)} = ${JSON.stringify(value)};`)
      .join("\n"),
    ...file.extension.map((extension) => block(`extend ${extension.extendee}`, [printField(extension)])),
    ...file.messageType.map(printMessage),
    ...file.enumType.map(printEnum),
  ];
  return `${parts.join("\n\n")}\n`;
}

function printMessage(message: DescriptorProto): string {
  const { oneofDecl, field, reservedRange, reservedName, extensionRange } = message;
  return block(`message ${message.name}`, [
    ...field.filter((one) => oneofOf(one) === undefined).map(printField),
    ...oneofDecl.map(({ name }, index) =>
      block(`oneof ${name}`, field.filter((one) => oneofOf(one) === index).map(printField)),
    ),
    ...reservedRange.map(({ start, end }) => `reserved ${range(start, end)};`),
    ...reservedName.map((name) => `reserved "${name}";`),
    ...extensionRange.map(({ start, end }) => `extensions ${range(start, end)};`),
    ...message.nestedType.map(printMessage),
    ...message.enumType.map(printEnum),
  ]);
}

function printEnum({ name, value, reservedRange, reservedName }: EnumDescriptorProto): string {
  return block(`enum ${name}`, [
    ...value.map((one) => `${one.name} = ${one.number};`),
    // An enum's range, unlike a message's, ends at its second number.
    ...reservedRange.map(({ start, end }) => `reserved ${range(start, end + 1)};`),
    ...reservedName.map((reserved) => `reserved "${reserved}";`),
  ]);
}

function printField(field: FieldDescriptorProto): string {
  const repeated = field.label === FieldDescriptorProto_Label.REPEATED;
  const label = oneofOf(field) === undefined ? `${repeated ? "repeated" : "optional"} ` : "";
  return `${label}${typeOf(field)} ${field.name} = ${field.number}${printRules(field.options)};`;
}

/** The rules that give a field of the rules its meaning. */
function printRules(options: FieldOptions | undefined): string {
  if (options === undefined || !hasExtension(options, predefined)) return "";
  const rules = getExtension(options, predefined).cel.map(({ id, message, expression }) => {
    const fields = [
      `id: ${JSON.stringify(id)}`,
      ...(message === "" ? [] : [`message: ${JSON.stringify(message)}`]),
      `expression: ${JSON.stringify(expression)}`,
    ];
    return `(predefined).cel = ${block("", fields).trimStart()}`;
  });
  return ` [\n${indented(rules.join(",\n"))}\n]`;
}

function typeOf(field: FieldDescriptorProto): string {
  if (field.typeName !== "") return field.typeName.replace(/^\.buf\.validate\./, "").replace(/^\./, "");
  return FieldDescriptorProto_Type[field.type].toLowerCase();
}

function oneofOf(field: FieldDescriptorProto): number | undefined {
  return isFieldSet(field, FieldDescriptorProtoSchema.field.oneofIndex) ? field.oneofIndex : undefined;
}

function range(start: number, end: number): string {
  if (end >= MAX_RANGE_END) return `${start} to max`;
  return end === start + 1 ? String(start) : `${start} to ${end - 1}`;
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function block(head: string, members: readonly string[]): string {
  return `${head} {\n${indented(members.join("\n"))}\n}`;
}

function indented(text: string): string {
  return text.replaceAll(/^(?=.)/gm, "  ");
}
