import {
  type DescEnum,
  type DescField,
  type DescMessage,
  type JsonValue,
  ScalarType,
} from "@bufbuild/protobuf";
import { StatusSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";

import { parsePath, type Step } from "../manifest/field-path.ts";
import type { PrintedManifest } from "../manifest/print.ts";

/** What a cell shows for a value that is not there. */
const ABSENT = "-";

/** What is known of a value's type on the way down a path. */
type Shape =
  | { readonly kind: "root" | "unknown" | "plain" }
  | { readonly kind: "message"; readonly message: DescMessage }
  | { readonly kind: "field"; readonly field: DescField }
  | { readonly kind: "map"; readonly element: Shape }
  | { readonly kind: "enum"; readonly enum: DescEnum };

/**
 * What a column shows of a resource. `path` leads into the manifest: `data.endpoints`, `metadata.team`, `status[key].conditions[Healthy].state`; a
 * list's item is named by its index or by its `type` or `name`. Lists and maps show their size, enums lose their prefix, absent values are `-`.
 */
export function columnValue(
  path: string,
  manifest: PrintedManifest,
  payload: DescMessage | undefined,
): string {
  let value: JsonValue | undefined = manifest;
  let shape: Shape = { kind: "root" };
  const steps = parsePath(path);
  if (steps === undefined) return ABSENT;
  for (const step of steps) {
    shape = shapeBelow(shape, step, payload);
    value = valueBelow(value, step);
  }
  return cellText(value, shape);
}

function valueBelow(value: JsonValue | undefined, step: Step): JsonValue | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const name = "field" in step ? step.field : "key" in step ? step.key : String(step.index);
  if (!isList(value)) return own(value, name) ?? ("field" in step ? own(value, camelCase(name)) : undefined);
  if ("index" in step) return value[step.index];
  return value.find((item) => isMap(item) && (item["type"] === name || item["name"] === name));
}

function shapeBelow(shape: Shape, step: Step, payload: DescMessage | undefined): Shape {
  if (shape.kind === "root") {
    const name = "field" in step ? step.field : "";
    if (name === "data" && payload !== undefined) return { kind: "message", message: payload };
    if (name === "status") return { kind: "map", element: { kind: "message", message: StatusSchema } };
    return { kind: "unknown" };
  }
  if (shape.kind === "map") return shape.element;
  if (shape.kind === "message") {
    const name = "field" in step ? step.field : "";
    const field = shape.message.fields.find((one) => one.name === name || one.jsonName === name);
    return field === undefined ? { kind: "unknown" } : fieldShape(field);
  }
  if (shape.kind === "field") return elementShape(shape.field);
  return { kind: "unknown" };
}

function fieldShape(field: DescField): Shape {
  return field.fieldKind === "list" || field.fieldKind === "map" || field.fieldKind === "scalar"
    ? { kind: "field", field }
    : elementShape(field);
}

function elementShape(field: DescField): Shape {
  if (field.message !== undefined) return { kind: "message", message: field.message };
  return field.enum === undefined ? { kind: "plain" } : { kind: "enum", enum: field.enum };
}

function cellText(value: JsonValue | undefined, shape: Shape): string {
  if (value === undefined || value === null || value === "") return defaultText(shape);
  if (isList(value)) return String(value.length);
  if (isMap(value)) return String(Object.keys(value).length);
  return shape.kind === "enum" ? withoutPrefix(shape.enum, String(value)) : String(value);
}

/** Protobuf's JSON leaves out what has its default: an empty list, zero, false. */
function defaultText(shape: Shape): string {
  if (shape.kind !== "field") return ABSENT;
  const { field } = shape;
  if (field.fieldKind !== "scalar") return "0";
  if (field.scalar === ScalarType.STRING || field.scalar === ScalarType.BYTES) return ABSENT;
  return field.scalar === ScalarType.BOOL ? "false" : "0";
}

function withoutPrefix({ sharedPrefix }: DescEnum, name: string): string {
  return sharedPrefix !== undefined && name.toLowerCase().startsWith(sharedPrefix)
    ? name.slice(sharedPrefix.length)
    : name;
}

function own(map: { readonly [key: string]: JsonValue }, name: string): JsonValue | undefined {
  return Object.hasOwn(map, name) ? map[name] : undefined;
}

function isList(value: JsonValue | undefined): value is JsonValue[] {
  return Array.isArray(value);
}

function isMap(value: JsonValue | undefined): value is { [key: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function camelCase(name: string): string {
  return name.replaceAll(/_([a-z\d])/g, (_, letter: string) => letter.toUpperCase());
}
