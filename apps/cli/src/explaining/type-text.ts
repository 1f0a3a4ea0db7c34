import { type DescEnum, type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";

/** A field's type as manifests take it: `list of ServicePort`, `map of string to int32`. */
export function typeText(field: DescField): string {
  switch (field.fieldKind) {
    case "scalar":
      return scalarText(field.scalar);
    case "enum":
      return field.enum.name;
    case "message":
      return messageText(field.message);
    case "list":
      return `list of ${elementText(field)}`;
    case "map":
      return `map of ${scalarText(field.mapKey)} to ${elementText(field)}`;
  }
}

/** The message that a field's value, or each of its items or entries, is made of; undefined when it has no fields to explain. */
export function messageOf(field: DescField): DescMessage | undefined {
  const { message } = field;
  return message === undefined || WELL_KNOWN[message.typeName] !== undefined ? undefined : message;
}

/** The enum that a field's value, or each of its items or entries, is of. */
export function enumOf(field: DescField): DescEnum | undefined {
  return field.enum;
}

function elementText(
  field: Pick<DescField, "message" | "enum"> & { readonly scalar?: ScalarType | undefined },
): string {
  if (field.message !== undefined) return messageText(field.message);
  if (field.enum !== undefined) return field.enum.name;
  return field.scalar === undefined ? "value" : scalarText(field.scalar);
}

function messageText({ typeName, name }: DescMessage): string {
  return WELL_KNOWN[typeName] ?? name;
}

function scalarText(scalar: ScalarType): string {
  if (scalar === ScalarType.BYTES) return "bytes (base64)";
  return (ScalarType[scalar] ?? "value").toLowerCase();
}

/** Messages that are written in a form of their own. */
const WELL_KNOWN: Readonly<Record<string, string>> = {
  "google.protobuf.Timestamp": "time (RFC 3339)",
  "google.protobuf.Duration": 'duration ("1.5s")',
  "google.protobuf.FieldMask": 'field mask ("a,b.c")',
  "google.protobuf.Struct": "map of anything",
  "google.protobuf.ListValue": "list of anything",
  "google.protobuf.Value": "anything",
  "google.protobuf.Any": 'any message (with "@type")',
  "google.protobuf.Empty": "empty map",
  "google.protobuf.BoolValue": "bool, or absent",
  "google.protobuf.StringValue": "string, or absent",
  "google.protobuf.BytesValue": "bytes (base64), or absent",
  "google.protobuf.DoubleValue": "double, or absent",
  "google.protobuf.FloatValue": "float, or absent",
  "google.protobuf.Int32Value": "int32, or absent",
  "google.protobuf.Int64Value": "int64, or absent",
  "google.protobuf.UInt32Value": "uint32, or absent",
  "google.protobuf.UInt64Value": "uint64, or absent",
};
