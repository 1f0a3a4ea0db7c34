import {
  create,
  type DescMessage,
  fromJson,
  type JsonObject,
  type JsonValue,
  type MessageShape,
  type Registry as SchemaRegistry,
} from "@bufbuild/protobuf";
import { type Any, anyPack } from "@bufbuild/protobuf/wkt";
import { type ID, IDSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import type { Violation } from "@trellis/registry";
import {
  apiError,
  jsonTextViolations,
  jsonViolations,
  type ResourceType,
  typeNameText,
} from "@trellis/resource";

import { MAX_VIOLATIONS } from "../limits.ts";
import type { Units } from "../tenancy.ts";
import { badRequest, RestFailure } from "./failure.ts";
import type { RestRequest } from "./http.ts";
import { isJsonObject } from "./json-object.ts";

/** What a PUT of a resource may set. */
export interface ResourceBody {
  readonly owner?: ID;
  readonly metadata: Record<string, string>;
  readonly data?: Any;
  /** From the query, or what the body's own `id` says. */
  readonly uid: string;
  /** From the query, completed with what the body's own `id` says. */
  readonly tenancy: Units;
}

/** What the path and the query name. */
export interface BodyTarget {
  readonly type: ResourceType;
  readonly name: string;
  /** From the query; empty when that names none. */
  readonly uid: string;
  readonly tenancy: Units;
}

/** What a resource shows and its writer cannot set; accepted, so that an edited GET can be PUT, and ignored. */
const IGNORED = ["version", "generation", "status"];

/** How many violations are looked for: one more than are told, to know that there are more. */
const SEARCHED_VIOLATIONS = MAX_VIOLATIONS + 1;

/**
 * Reads a request's body as one JSON object. Throws 415 for another content type, InvalidArgument for anything else.
 */
export async function readJsonObject(request: RestRequest): Promise<JsonObject> {
  checkContentType(request.headers.get("content-type"));
  const bytes = await request.body();
  if (bytes.byteLength === 0) {
    throw badRequest("MALFORMED_REQUEST", [{ field: "body", description: "is missing; send a JSON object" }]);
  }
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    value = JSON.parse(text);
  } catch (error) {
    const description =
      error instanceof SyntaxError || (error as { name?: unknown }).name === "SyntaxError"
        ? `is not JSON: ${(error as SyntaxError).message}`
        : "is not UTF-8; send JSON in UTF-8";
    throw badRequest("MALFORMED_REQUEST", [{ field: "body", description }]);
  }
  if (!isJsonObject(value))
    throw badRequest("MALFORMED_REQUEST", [
      { field: "body", description: `must be a JSON object, found ${nameOf(value)}` },
    ]);
  const faults = jsonTextViolations(text, SEARCHED_VIOLATIONS);
  if (faults.length > 0) throw badRequest("MALFORMED_REQUEST", faults);
  return value;
}

/** Reads `{metadata, owner, data}`. Throws InvalidArgument with every field that is wrong. */
export async function readResourceBody(
  request: RestRequest,
  target: BodyTarget,
  schemas: SchemaRegistry,
): Promise<ResourceBody> {
  const json = withoutNulls(await readJsonObject(request));
  const violations: Violation[] = [];
  const known = ["id", "owner", "metadata", "data", ...IGNORED];
  for (const key of Object.keys(json)) {
    if (isFull(violations)) break;
    if (!known.includes(key))
      violations.push({
        field: key,
        description: `is not a field of a resource; known: ${known.join(", ")}`,
      });
  }
  const id =
    json["id"] === undefined ? undefined : readMessage(IDSchema, json["id"], "id", schemas, violations);
  const { tenancy, uid } = id === undefined ? target : readIdentity(id, target, violations);
  const owner =
    json["owner"] === undefined
      ? undefined
      : readMessage(IDSchema, json["owner"], "owner", schemas, violations);
  const metadata = readMetadata(json["metadata"], violations);
  const data =
    json["data"] === undefined ? undefined : readData(json["data"], target.type, schemas, violations);
  if (violations.length > 0) throw badRequest("MALFORMED_REQUEST", violations);
  return {
    metadata,
    tenancy,
    uid,
    ...(owner === undefined ? {} : { owner }),
    ...(data === undefined ? {} : { data }),
  };
}

/** In proto3 JSON null is what is left out. */
function withoutNulls(json: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(json).filter(([, value]) => value !== null));
}

/** Compares the body's own id with what the path and the query name. What the query leaves out is the id's: an edited GET goes back to where it came from. */
function readIdentity(
  id: ID,
  { type, name, ...query }: BodyTarget,
  violations: Violation[],
): Pick<ResourceBody, "tenancy" | "uid"> {
  if (id.name !== name || (id.type !== undefined && typeNameText(id.type) !== type.gvk)) {
    const description = `must be what the path names, ${type.gvk} ${name}, or be left out`;
    violations.push({ field: "id", description });
  }
  const either = (field: string, named: string, own: string): string => {
    if (named !== "" && own !== "" && named !== own) {
      const description = `must be what the query names, "${named}", or be left out, found "${own}"`;
      violations.push({ field, description });
    }
    return named === "" ? own : named;
  };
  const unitOf = (unit: keyof Units): string =>
    either(`id.tenancy.${unit}`, query.tenancy[unit], id.tenancy?.[unit] ?? "");
  return {
    tenancy: { partition: unitOf("partition"), namespace: unitOf("namespace") },
    uid: either("id.uid", query.uid, id.uid),
  };
}

/** Reads a message out of proto3 JSON; what is wrong goes to `violations`. */
export function readMessage<Desc extends DescMessage>(
  schema: Desc,
  json: JsonValue,
  field: string,
  schemas: SchemaRegistry,
  violations: Violation[],
): MessageShape<Desc> {
  try {
    return fromJson(schema, json, { registry: schemas });
  } catch {
    const limit = Math.max(1, SEARCHED_VIOLATIONS - violations.length);
    violations.push(...jsonViolations(schema, json, field, { schemas, limit }));
    return create(schema);
  }
}

function readMetadata(json: JsonValue | undefined, violations: Violation[]): Record<string, string> {
  if (json === undefined) return {};
  if (!isJsonObject(json)) {
    violations.push({
      field: "metadata",
      description: `must be an object of strings, found ${nameOf(json)}`,
    });
    return {};
  }
  for (const [key, value] of Object.entries(json)) {
    if (isFull(violations)) break;
    if (typeof value !== "string")
      violations.push({ field: `metadata.${key}`, description: `must be a string, found ${nameOf(value)}` });
  }
  return json as Record<string, string>;
}

function isFull(violations: readonly Violation[]): boolean {
  return violations.length >= SEARCHED_VIOLATIONS;
}

function readData(
  json: JsonValue,
  type: ResourceType,
  schemas: SchemaRegistry,
  violations: Violation[],
): Any | undefined {
  if (!isJsonObject(json)) {
    violations.push({ field: "data", description: `must be an object, found ${nameOf(json)}` });
    return undefined;
  }
  const { "@type": typeUrl, ...fields } = json;
  if (
    typeUrl !== undefined &&
    (typeof typeUrl !== "string" || typeUrl.slice(typeUrl.lastIndexOf("/") + 1) !== type.schema.typeName)
  ) {
    violations.push({ field: "data.@type", description: `must be ${type.schema.typeName}, or be left out` });
  }
  return anyPack(type.schema, readMessage(type.schema, fields, "data", schemas, violations));
}

function checkContentType(contentType: string | null): void {
  if (contentType === null || /^application\/([\w.-]+\+)?json\s*(;|$)/i.test(contentType)) return;
  const message = `this route takes application/json, found ${contentType}; send the header content-type: application/json`;
  const violations = [{ field: "header content-type", description: message }];
  throw new RestFailure(415, apiError({ reason: "UNSUPPORTED_MEDIA_TYPE", message, violations }), {
    accept: "application/json",
  });
}

function nameOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : `a ${typeof value}`;
}
