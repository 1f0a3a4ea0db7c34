import {
  type DescEnum,
  type DescField,
  type DescMessage,
  fromJson,
  type JsonObject,
  type JsonValue,
  type Registry as SchemaRegistry,
} from "@bufbuild/protobuf";
import type { Violation } from "@trellis/registry";

import { isJsonObject } from "./json-object.ts";

const MAX_ENUM_WORDS = 20;

/**
 * Finds everything in a JSON value that cannot be read as a message, by reading it field by field: the parser itself stops at the
 * first fault and does not say where that is. `path` is where the value stands. Only for a value that the parser refused.
 */
export function jsonViolations(
  schema: DescMessage,
  json: JsonValue,
  path: string,
  schemas: SchemaRegistry,
): readonly Violation[] {
  const whole = faultOf(schema, json, schemas);
  if (whole === undefined) return [];
  if (isWellKnown(schema) || !isJsonObject(json)) return [{ field: path, description: whole }];
  const found = Object.entries(json).flatMap(([key, value]) => {
    const field = schema.fields.find(({ jsonName, name }) => jsonName === key || name === key);
    if (field === undefined)
      return [{ field: `${path}.${key}`, description: "is not a field of this message" }];
    return fieldViolations(schema, field, key, value, `${path}.${field.name}`, schemas);
  });
  return found.length > 0 ? found : [{ field: path, description: whole }];
}

function fieldViolations(
  schema: DescMessage,
  field: DescField,
  key: string,
  value: JsonValue,
  path: string,
  schemas: SchemaRegistry,
): readonly Violation[] {
  const description = faultOf(schema, { [key]: value }, schemas);
  if (description === undefined) return [];
  const { message } = field;
  if (field.fieldKind === "message" && message !== undefined)
    return jsonViolations(message, value, path, schemas);
  if (field.fieldKind === "enum") return [{ field: path, description: enumText(field.enum, value) }];
  const inner = (part: JsonValue, single: JsonObject, at: string): readonly Violation[] => {
    if (message !== undefined) return jsonViolations(message, part, at, schemas);
    const fault = faultOf(schema, single, schemas);
    return fault === undefined ? [] : [{ field: at, description: fault }];
  };
  if (field.fieldKind === "list" && Array.isArray(value)) {
    return value.flatMap((item, index) => inner(item, { [key]: [item] }, `${path}[${index}]`));
  }
  if (field.fieldKind === "map" && isJsonObject(value)) {
    return Object.entries(value).flatMap(([entry, item]) =>
      inner(item, { [key]: { [entry]: item } }, `${path}["${entry}"]`),
    );
  }
  return [{ field: path, description }];
}

/** The words that an enum has, as long as a person would read them. */
function enumText({ values }: DescEnum, found: JsonValue): string {
  const names = values.slice(0, MAX_ENUM_WORDS).map(({ name }) => name);
  const more = values.length > names.length ? `, and ${values.length - names.length} more` : "";
  return `must be one of ${names.join(", ")}${more}, found ${JSON.stringify(found)}`;
}

/** What the parser says of a value, without its name for the place. */
function faultOf(schema: DescMessage, json: JsonValue, schemas: SchemaRegistry): string | undefined {
  try {
    fromJson(schema, json, { registry: schemas });
    return undefined;
  } catch (error) {
    const message = (error as { message?: string }).message ?? "cannot be read";
    const told = /^cannot decode \w+ [\w.]+ from JSON: (.*)$/s.exec(message)?.[1] ?? message;
    return `cannot be read: ${told.replace(/^(list item #\d+|map entry "[^"]*"): /, "")}`;
  }
}

/** Messages with a JSON form of their own, which is read as a whole. */
function isWellKnown({ typeName }: DescMessage): boolean {
  return typeName.startsWith("google.protobuf.");
}
