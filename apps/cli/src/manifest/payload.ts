import {
  type DescEnum,
  type DescField,
  type DescMessage,
  fromJson,
  type JsonValue,
  type Registry,
  ScalarType,
} from "@bufbuild/protobuf";
import { isWrapperDesc } from "@bufbuild/protobuf/wkt";
import { isMap, isSeq, type YAMLMap } from "yaml";

import { alternatives, nearest } from "../types/nearest.ts";
import { entriesOf, foundText, isNothing, MERGE_ADVICE, MERGE_KEY, scalarValue } from "./document.ts";
import type { Step } from "./field-path.ts";
import type { Reading } from "./reading.ts";
import { readEnum, readScalar, scalarWords, type YamlScalar } from "./scalars.ts";

/** A JSON object in the making. */
export interface JsonMap {
  [key: string]: JsonValue;
}

/** How many names an error lists. */
const LISTED_NAMES = 8;

/**
 * Reads a message's fields from a manifest, by their proto or JSON names, into protobuf's JSON. Everything that does not fit is noted in
 * the reading, with its place; the result is then incomplete. Undefined when it is no map at all.
 */
export function readMessage(
  reading: Reading,
  registry: Registry,
  type: DescMessage,
  node: unknown,
  path: readonly Step[],
): JsonValue | undefined {
  if (isWellKnown(type)) return readWellKnown(reading, registry, type, node, path);
  const map = reading.enter(node, path);
  if (map === undefined) return undefined;
  if (!isMap(map)) return reading.expected(node, path, `the fields of ${type.name}`);
  return readFields(reading, registry, type, map, path);
}

function readFields(
  reading: Reading,
  registry: Registry,
  type: DescMessage,
  map: YAMLMap,
  path: readonly Step[],
): JsonMap {
  const result: JsonMap = {};
  const oneofs = new Map<string, string>();
  for (const { key, offset, value } of entriesOf(map)) {
    const field = type.fields.find(({ name, jsonName }) => name === key || jsonName === key);
    if (field === undefined) {
      reading.reportAt(offset, [...path, { field: key }], unknownField(key, type));
      continue;
    }
    const at = [...path, { field: field.jsonName }];
    if (Object.hasOwn(result, field.jsonName))
      reading.reportAt(offset, at, `set twice, as ${field.name} and ${field.jsonName}`);
    if (isNothing(reading.document, value) && !isWellKnown(field.message)) continue;
    const other = field.oneof === undefined ? undefined : oneofs.get(field.oneof.name);
    if (other !== undefined) reading.reportAt(offset, at, `excludes ${other}, which is set beside it`);
    if (field.oneof !== undefined) oneofs.set(field.oneof.name, field.jsonName);
    const read = readField(reading, registry, field, value, at);
    if (read !== undefined) result[field.jsonName] = read;
  }
  return result;
}

function readField(
  reading: Reading,
  registry: Registry,
  field: DescField,
  node: unknown,
  path: readonly Step[],
): JsonValue | undefined {
  const element = elementOf(field);
  const one = (value: unknown, at: readonly Step[]) => readElement(reading, registry, element, value, at);
  if (field.fieldKind === "list") {
    const list = reading.enter(node, path);
    if (list === undefined) return undefined;
    if (!isSeq(list)) return reading.expected(node, path, `a list of ${elementWords(element, true)}`);
    return list.items.map((item, index) => one(item, [...path, { index }]) ?? null);
  }
  if (field.fieldKind === "map") {
    const map = reading.enter(node, path);
    if (map === undefined) return undefined;
    if (!isMap(map)) return reading.expected(node, path, `a map to ${elementWords(element, true)}`);
    return Object.fromEntries(
      entriesOf(map).map(({ key, offset, value }) => {
        const at = [...path, { key }];
        if (readMapKey(field.mapKey, key) === undefined)
          reading.reportAt(offset, at, `expected ${scalarWords(field.mapKey)} as the key`);
        return [key, one(value, at) ?? null];
      }),
    );
  }
  return one(node, path);
}

type Element =
  { readonly scalar: ScalarType } | { readonly enum: DescEnum } | { readonly message: DescMessage };

function elementOf(field: DescField): Element {
  if (field.message !== undefined) return { message: field.message };
  if (field.enum !== undefined) return { enum: field.enum };
  return { scalar: field.scalar ?? ScalarType.STRING };
}

function readElement(
  reading: Reading,
  registry: Registry,
  element: Element,
  node: unknown,
  path: readonly Step[],
): JsonValue | undefined {
  if ("message" in element) return readMessage(reading, registry, element.message, node, path);
  const scalar = reading.enter(node, path);
  if (scalar === undefined && !isNothing(reading.document, node)) return undefined;
  const value = scalarValue(scalar);
  if (!isYamlScalar(value)) return reading.expected(node, path, elementWords(element, false));
  if ("enum" in element) {
    const found = readEnum(element.enum, value);
    return found ?? reading.expected(node, path, enumWords(element.enum, value));
  }
  const read = readScalar(element.scalar, value);
  if (read !== undefined) return read;
  const advice = element.scalar === ScalarType.STRING ? "; put it in quotes" : "";
  return reading.report(
    node,
    path,
    `expected ${scalarWords(element.scalar)}, found ${foundText(reading.document, node)}${advice}`,
  );
}

function elementWords(element: Element, several: boolean): string {
  if ("message" in element) return several ? element.message.name : `the fields of ${element.message.name}`;
  if ("enum" in element) return several ? element.enum.name : enumWords(element.enum, "");
  if (!several) return scalarWords(element.scalar);
  return scalarWords(element.scalar)
    .replace("a string", "strings")
    .replace("a whole number", "whole numbers")
    .replace("a number", "numbers");
}

function enumWords(type: DescEnum, found: YamlScalar): string {
  const names = type.values.map(({ name }) => name);
  const wanted = typeof found === "string" && found !== "" ? found.toUpperCase().replaceAll("-", "_") : "";
  const meant = names.filter((name) => wanted !== "" && name.endsWith(`_${wanted}`));
  const close =
    meant.length > 0 ? meant : typeof found === "string" && found !== "" ? nearest(found, names) : [];
  if (close.length > 0) return `a ${type.name} (did you mean ${close.join(" or ")}?)`;
  return names.length <= LISTED_NAMES
    ? `one of ${names.join(", ")}`
    : `a ${type.name} such as ${names.slice(1, LISTED_NAMES).join(", ")}`;
}

function unknownField(key: string, type: DescMessage): string {
  if (key === MERGE_KEY) return MERGE_ADVICE;
  const names = type.fields.map(({ jsonName }) => jsonName);
  const close = nearest(key, names);
  if (close.length > 0) return `${type.name} has no such field; did you mean ${alternatives(close)}?`;
  if (names.length === 0) return `${type.name} has no fields`;
  const more = names.length > LISTED_NAMES ? ", …" : "";
  return `${type.name} has no such field; it has ${names.slice(0, LISTED_NAMES).join(", ")}${more}`;
}

function readMapKey(type: ScalarType, key: string): unknown {
  if (type === ScalarType.BOOL) return ["true", "false"].includes(key) ? key : undefined;
  return readScalar(type, key);
}

function isYamlScalar(value: unknown): value is YamlScalar {
  return ["string", "number", "bigint", "boolean"].includes(typeof value);
}

function isWellKnown(type: DescMessage | undefined): boolean {
  return type !== undefined && (isWrapperDesc(type) || WELL_KNOWN[type.typeName] !== undefined);
}

/** Messages with a JSON form of their own, and what is expected of it. */
const WELL_KNOWN: Readonly<Record<string, string>> = {
  "google.protobuf.Any": "a map with @type and the fields of that message",
  "google.protobuf.Duration": 'a duration in seconds such as "1.5s"',
  "google.protobuf.FieldMask": 'field names such as "a,b.c"',
  "google.protobuf.ListValue": "a list",
  "google.protobuf.Struct": "a map",
  "google.protobuf.Timestamp": 'a time such as "2026-01-31T12:00:00Z"',
  "google.protobuf.Value": "a value",
};

function readWellKnown(
  reading: Reading,
  registry: Registry,
  type: DescMessage,
  node: unknown,
  path: readonly Step[],
): JsonValue | undefined {
  const json = plainJson(reading, node, path, FREE_FORM.has(type.typeName));
  try {
    fromJson(type, json, { registry });
    return json;
  } catch {
    const scalar = isWrapperDesc(type) ? type.fields[0]?.scalar : undefined;
    return reading.expected(
      node,
      path,
      WELL_KNOWN[type.typeName] ?? scalarWords(scalar ?? ScalarType.STRING),
    );
  }
}

/** Free-form messages, whose numbers are all doubles. */
const FREE_FORM: ReadonlySet<string> = new Set([
  "google.protobuf.ListValue",
  "google.protobuf.Struct",
  "google.protobuf.Value",
]);

/** A value as it is written, without a type to go by. An integer that no double holds is text unless `doubles` are wanted. */
function plainJson(reading: Reading, node: unknown, path: readonly Step[], doubles: boolean): JsonValue {
  const found = reading.enter(node, path);
  if (isMap(found))
    return Object.fromEntries(
      entriesOf(found).map(({ key, value }) => [key, plainJson(reading, value, [...path, { key }], doubles)]),
    );
  if (isSeq(found))
    return found.items.map((item, index) => plainJson(reading, item, [...path, { index }], doubles));
  const value = scalarValue(found);
  if (typeof value === "bigint")
    return doubles || Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  return isYamlScalar(value) ? (value as string | number | boolean) : null;
}
