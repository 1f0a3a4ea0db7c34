import {
  type DescEnum,
  type DescField,
  type DescMessage,
  fromJson,
  type JsonObject,
  type JsonValue,
  type Registry as SchemaRegistry,
} from "@bufbuild/protobuf";

import type { FieldViolation } from "./api-error.ts";

/** What a search for violations needs. */
export interface JsonViolationsOptions {
  /** The types that may stand in an `Any`. */
  readonly schemas: SchemaRegistry;
  /** How many violations are looked for; the search ends there. */
  readonly limit: number;
}

/** As deep as the parser goes. */
const MAX_DEPTH = 100;
/** Entries of a list or a map that are read at once, before they are read one by one. */
const CHUNK_ENTRIES = 256;
const MAX_ENUM_WORDS = 20;
/** UTF-16 code units of a found value that are told. */
const MAX_FOUND = 256;

/**
 * Finds what in a JSON value cannot be read as a message, by reading it field by field: the parser itself stops at the first fault and does not say
 * where that is. `path` is where the value stands; empty at the root. Only for a value that the parser refused. Reads each part of the value a fixed
 * number of times, and stops at the limit: a caller must not buy seconds of work with one bad request.
 */
export function jsonViolations(
  schema: DescMessage,
  json: JsonValue,
  path: string,
  options: JsonViolationsOptions,
): readonly FieldViolation[] {
  const search: Search = { ...options, found: [] };
  searchMessage(search, { schema, json, path, depth: 1 });
  if (search.found.length === 0) addFault(search, path, faultOf(search, schema, json));
  return search.found;
}

interface Search extends JsonViolationsOptions {
  readonly found: FieldViolation[];
}

/** A message somewhere in the value. */
interface Place {
  readonly schema: DescMessage;
  readonly json: JsonValue;
  readonly path: string;
  readonly depth: number;
}

function searchMessage(search: Search, place: Place): void {
  const { schema, json, path } = place;
  if (isWellKnown(schema) || !isObject(json) || place.depth > MAX_DEPTH) {
    addFault(search, path, faultOf(search, schema, json));
    return;
  }
  const leaves: [DescField, string, JsonValue][] = [];
  const keys = new Map<DescField | DescField["oneof"], string>();
  for (const [key, value] of Object.entries(json)) {
    if (isFull(search)) return;
    const field = schema.fields.find(({ jsonName, name }) => jsonName === key || name === key);
    const at = joined(path, field?.name ?? key);
    if (field === undefined) {
      addFault(search, at, "is not a field of this message");
      continue;
    }
    addFault(search, at, clash(keys, field, key, value));
    if (value === null) continue;
    if (field.fieldKind === "scalar" || field.fieldKind === "enum") leaves.push([field, key, value]);
    else searchField(search, place, { field, key, value, path: at });
  }
  const together = Object.fromEntries(leaves.map(([, key, value]) => [key, value]));
  if (leaves.length === 0 || faultOf(search, schema, together) === undefined) return;
  for (const [field, key, value] of leaves)
    addFault(search, joined(path, field.name), leafFault(search, schema, field, value, { [key]: value }));
}

/** One field of a message, with the key that the value has for it. */
interface Part {
  readonly field: DescField;
  readonly key: string;
  readonly value: JsonValue;
  readonly path: string;
}

function searchField(search: Search, { schema, depth }: Place, part: Part): void {
  const { field, key, value, path } = part;
  const { message } = field;
  if (field.fieldKind === "message" && message !== undefined) {
    searchMessage(search, { schema: message, json: value, path, depth: depth + 1 });
    return;
  }
  const isMap = field.fieldKind === "map";
  if (isMap ? !isObject(value) : !Array.isArray(value)) {
    addFault(search, path, faultOf(search, schema, { [key]: value }));
    return;
  }
  const entries = Object.entries(value as JsonObject | JsonValue[]) as [string, JsonValue][];
  const pathOf = (entry: string): string => (isMap ? `${path}["${entry}"]` : `${path}[${entry}]`);
  const wrapped = (some: readonly [string, JsonValue][]): JsonObject => ({
    [key]: isMap ? Object.fromEntries(some) : some.map(([, item]) => item),
  });
  if (message !== undefined) {
    for (const [entry, item] of entries) {
      if (isFull(search)) return;
      searchMessage(search, { schema: message, json: item, path: pathOf(entry), depth: depth + 1 });
    }
    return;
  }
  for (let start = 0; start < entries.length; start += CHUNK_ENTRIES) {
    if (isFull(search)) return;
    const chunk = entries.slice(start, start + CHUNK_ENTRIES);
    if (faultOf(search, schema, wrapped(chunk)) === undefined) continue;
    for (const one of chunk)
      addFault(search, pathOf(one[0]), leafFault(search, schema, field, one[1], wrapped([one])));
  }
}

/** What is wrong with two keys of one message: they mean the same field, or fields of which a message has one. */
function clash(
  keys: Map<DescField | DescField["oneof"], string>,
  field: DescField,
  key: string,
  value: JsonValue,
): string | undefined {
  const twin = keys.get(field);
  if (twin !== undefined) return `is given twice, as ${twin} and as ${key}; give it once`;
  keys.set(field, key);
  if (field.oneof === undefined || (value === null && field.fieldKind === "scalar")) return undefined;
  const rival = keys.get(field.oneof);
  keys.set(field.oneof, key);
  return rival === undefined ? undefined : `excludes ${rival}; give one of them`;
}

function leafFault(
  search: Search,
  schema: DescMessage,
  field: DescField,
  value: JsonValue,
  alone: JsonObject,
): string | undefined {
  if (isFull(search)) return undefined;
  const fault = faultOf(search, schema, alone);
  return fault === undefined || field.enum === undefined ? fault : enumText(field.enum, value);
}

/** The words that an enum has, as long as a person would read them. */
function enumText({ values }: DescEnum, found: JsonValue): string {
  const names = values.slice(0, MAX_ENUM_WORDS).map(({ name }) => name);
  const more = values.length > names.length ? `, and ${values.length - names.length} more` : "";
  return `must be one of ${names.join(", ")}${more}, found ${JSON.stringify(found).slice(0, MAX_FOUND)}`;
}

/** What the parser says of a value, without its name for the place. */
function faultOf(search: Search, schema: DescMessage, json: JsonValue): string | undefined {
  try {
    fromJson(schema, json, { registry: search.schemas });
    return undefined;
  } catch (error) {
    const message = (error as { message?: string }).message ?? "cannot be read";
    const told = /^cannot decode \w+ [\w.]+ from JSON: (.*)$/s.exec(message)?.[1] ?? message;
    return `cannot be read: ${told.replace(/^(list item #\d+|map entry "[^"]*"): /, "")}`;
  }
}

function addFault(search: Search, field: string, description: string | undefined): void {
  if (description !== undefined && !isFull(search)) search.found.push({ field, description });
}

function isFull({ found, limit }: Search): boolean {
  return found.length >= limit;
}

function joined(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Messages with a JSON form of their own, which is read as a whole. */
function isWellKnown({ typeName }: DescMessage): boolean {
  return typeName.startsWith("google.protobuf.");
}
