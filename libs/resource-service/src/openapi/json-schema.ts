import {
  type DescEnum,
  type DescField,
  type DescMessage,
  type JsonObject,
  ScalarType,
} from "@bufbuild/protobuf";
import { commentOf } from "@trellis/registry";

/** Collects the schemas of messages and enums, each once, under its full name. */
export interface SchemaCollection {
  /** A reference to the schema of a message; the schema is added with all that it contains. */
  message(desc: DescMessage): JsonObject;
  /** The schemas so far, by full name. */
  readonly schemas: Readonly<Record<string, JsonObject>>;
}

/**
 * Describes messages in JSON Schema (draft 2020-12, as OpenAPI 3.1 has it) as proto3 JSON writes them. Readers of proto3 JSON take more (field names of the
 * proto, numbers as strings): the schemas say what is written.
 */
export function createSchemaCollection(): SchemaCollection {
  const schemas: Record<string, JsonObject> = {};

  function message(desc: DescMessage): JsonObject {
    const wellKnown = WELL_KNOWN[desc.typeName];
    if (wellKnown !== undefined) return wellKnown;
    if (!Object.hasOwn(schemas, desc.typeName)) {
      // Taken before it is built: a message may contain itself.
      schemas[desc.typeName] = {};
      schemas[desc.typeName] = messageSchema(desc);
    }
    return referenceTo(desc.typeName);
  }

  function enumeration(desc: DescEnum): JsonObject {
    if (!Object.hasOwn(schemas, desc.typeName)) {
      const names = desc.values.map(({ name }) => name);
      const told = desc.values.flatMap((value) => {
        const comment = commentOf(value);
        return comment === "" ? [] : [`${value.name}: ${comment}`];
      });
      schemas[desc.typeName] = described(
        { type: "string", enum: names },
        [commentOf(desc), ...told].join("\n"),
      );
    }
    return referenceTo(desc.typeName);
  }

  function messageSchema(desc: DescMessage): JsonObject {
    const properties = Object.fromEntries(
      desc.fields.map((field) => [field.jsonName, described(fieldSchema(field), fieldComment(field))]),
    );
    return described({ type: "object", properties }, commentOf(desc));
  }

  function fieldSchema(field: DescField): JsonObject {
    switch (field.fieldKind) {
      case "list":
        return { type: "array", items: single(field.listKind, field) };
      case "map":
        return { type: "object", additionalProperties: single(field.mapKind, field) };
      default:
        return single(field.fieldKind, field);
    }
  }

  function single(
    kind: "scalar" | "enum" | "message",
    { scalar, enum: enumDesc, message: messageDesc }: Pick<DescField, "scalar" | "enum" | "message">,
  ): JsonObject {
    if (kind === "message" && messageDesc !== undefined) return message(messageDesc);
    if (kind === "enum" && enumDesc !== undefined) return enumeration(enumDesc);
    return scalarSchema(scalar ?? ScalarType.STRING);
  }

  return { message, schemas };
}

/** Where the schema of that name stands in an OpenAPI document. */
export function referenceTo(name: string): JsonObject {
  return { $ref: `#/components/schemas/${name}` };
}

/** The schema with a description, unless that is empty. Beside a `$ref`, too: OpenAPI 3.1 allows it. */
export function described(schema: JsonObject, description: string): JsonObject {
  return description === "" ? schema : { ...schema, description };
}

function fieldComment(field: DescField): string {
  const { oneof } = field;
  if (oneof === undefined) return commentOf(field);
  const others = oneof.fields.filter((other) => other !== field).map(({ jsonName }) => jsonName);
  return [commentOf(field), others.length === 0 ? "" : `Excludes ${others.join(", ")}.`]
    .filter(Boolean)
    .join("\n");
}

/** Whole numbers of 64 bits are strings in proto3 JSON. */
const WHOLE_TEXT = { type: "string", pattern: String.raw`^-?\d+$` } as const;

function scalarSchema(scalar: ScalarType): JsonObject {
  switch (scalar) {
    case ScalarType.BOOL:
      return { type: "boolean" };
    case ScalarType.BYTES:
      return { type: "string", contentEncoding: "base64" };
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return { anyOf: [{ type: "number" }, { enum: ["NaN", "Infinity", "-Infinity"] }] };
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return { type: "integer", minimum: -(2 ** 31), maximum: 2 ** 31 - 1 };
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return { type: "integer", minimum: 0, maximum: 2 ** 32 - 1 };
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return WHOLE_TEXT;
    default:
      return { type: "string" };
  }
}

function nullable(scalar: ScalarType): JsonObject {
  return { anyOf: [scalarSchema(scalar), { type: "null" }] };
}

/** The messages that proto3 JSON writes in a form of their own. */
const WELL_KNOWN: Readonly<Record<string, JsonObject>> = {
  "google.protobuf.Any": {
    type: "object",
    properties: { "@type": { type: "string" } },
    required: ["@type"],
    additionalProperties: true,
  },
  "google.protobuf.Timestamp": { type: "string", format: "date-time" },
  "google.protobuf.Duration": { type: "string", pattern: String.raw`^-?\d+(\.\d{1,9})?s$` },
  "google.protobuf.FieldMask": { type: "string" },
  "google.protobuf.Empty": { type: "object" },
  "google.protobuf.Struct": { type: "object", additionalProperties: true },
  "google.protobuf.ListValue": { type: "array", items: {} },
  "google.protobuf.Value": {},
  "google.protobuf.BoolValue": nullable(ScalarType.BOOL),
  "google.protobuf.BytesValue": nullable(ScalarType.BYTES),
  "google.protobuf.DoubleValue": nullable(ScalarType.DOUBLE),
  "google.protobuf.FloatValue": nullable(ScalarType.FLOAT),
  "google.protobuf.Int32Value": nullable(ScalarType.INT32),
  "google.protobuf.Int64Value": nullable(ScalarType.INT64),
  "google.protobuf.StringValue": nullable(ScalarType.STRING),
  "google.protobuf.UInt32Value": nullable(ScalarType.UINT32),
  "google.protobuf.UInt64Value": nullable(ScalarType.UINT64),
};
