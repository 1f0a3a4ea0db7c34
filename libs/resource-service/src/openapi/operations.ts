import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { Scope } from "@trellis/protos/trellis/resource/v1/annotations_pb";
import type { ResourceType } from "@trellis/resource";

import { OUTCOME_HEADER } from "../rest/item.ts";
import { referenceTo } from "./json-schema.ts";

/** The paths of one type: its collection, an item, what an item owns, one status of it. `schema` describes one of its resources. */
export function pathsOf(type: ResourceType, schema: JsonObject): Record<string, JsonObject> {
  const { group, groupVersion, kind } = type;
  const collection = `/api/${group}/${groupVersion}/${kind}`;
  const item = `${collection}/{name}`;
  const operation = operationMaker(type);
  return {
    [collection]: collectionPath(type, schema, operation),
    [item]: itemPath(type, schema, operation),
    [`${item}/owned`]: ownedPath(type, operation),
    [`${item}/status/{key}`]: statusPath(type, schema, operation),
  };
}

type OperationMaker = ReturnType<typeof operationMaker>;

function collectionPath({ gvk }: ResourceType, schema: JsonObject, operation: OperationMaker): JsonObject {
  return {
    get: operation("list", `Lists the resources of ${gvk}, or streams what happens to them`, {
      parameters: refs(["name_prefix", "selector", "page_size", "page_token", "watch", "since"]),
      responses: {
        200: {
          description: "A page; with watch a stream of events, one JSON object a line.",
          content: { ...jsonContent(pageOf(schema)), "application/x-ndjson": { schema: eventOf(schema) } },
        },
      },
    }),
  };
}

function itemPath({ kind }: ResourceType, schema: JsonObject, operation: OperationMaker): JsonObject {
  const found = foundResponse(kind, schema);
  const outcome = header("created, updated, unchanged or deleted.");
  const unchanged = { description: "The version that If-None-Match names is the present one." };
  const deleted = {
    description: "It is gone, or marked.",
    headers: { [OUTCOME_HEADER]: header("absent, marked or deleted.") },
  };
  return {
    parameters: refs(["name"]),
    get: operation("read", `Reads a ${kind}`, {
      parameters: refs(["uid", "If-None-Match"]),
      responses: { 200: found, 304: unchanged },
    }),
    put: operation("write", `Creates or replaces a ${kind}`, {
      parameters: refs(["uid", "version", "dry_run", "If-Match", "If-None-Match"]),
      requestBody: { required: true, content: jsonContent(schema) },
      responses: { 200: { ...found, headers: { ...found.headers, [OUTCOME_HEADER]: outcome } } },
    }),
    delete: operation("delete", `Deletes a ${kind}; one that is absent is deleted already`, {
      parameters: refs(["uid", "version", "dry_run", "If-Match"]),
      responses: { 204: deleted },
    }),
  };
}

function ownedPath({ kind }: ResourceType, operation: OperationMaker): JsonObject {
  return {
    parameters: refs(["name"]),
    get: operation("listOwned", `Lists what a ${kind} owns, of all types`, {
      parameters: refs(["uid", "selector", "page_size", "page_token"]),
      responses: {
        200: { description: "A page.", content: jsonContent(pageOf(referenceTo("AnyResource"))) },
      },
    }),
  };
}

function statusPath({ kind }: ResourceType, schema: JsonObject, operation: OperationMaker): JsonObject {
  const found = foundResponse(kind, schema);
  const own = refs(["uid", "version", "dry_run", "If-Match"]);
  return {
    parameters: refs(["name", "key"]),
    put: operation("writeStatus", `Replaces one status of a ${kind}`, {
      parameters: own,
      requestBody: { required: true, content: jsonContent(referenceTo("trellis.resource.v1.Status")) },
      responses: { 200: found },
    }),
    delete: operation("removeStatus", `Removes one status of a ${kind}`, {
      parameters: own,
      responses: { 200: found },
    }),
  };
}

function foundResponse(kind: string, schema: JsonObject) {
  return {
    description: `The ${kind}.`,
    headers: { ETag: header("Its version, quoted.") },
    content: jsonContent(schema),
  };
}

/** The parameters that operations refer to by their names. */
export const parameters: Readonly<Record<string, JsonObject>> = {
  name: path("The resource's name."),
  key: path("The status key, percent-encoded."),
  partition: query("The partition; the caller's default when absent. `*` for all in lists and watches."),
  namespace: query("The namespace; the caller's default when absent. `*` for all in lists and watches."),
  uid: query("Pins one incarnation of the name."),
  version: query("Only if this is the present version; 409 if not."),
  dry_run: query("Answers what would happen, and stores nothing.", { type: "boolean" }),
  name_prefix: query("Only names that begin with this."),
  selector: query("Terms on metadata, all of which must hold: `a=b,c!=d,e in (x,y),f,!g`."),
  page_size: query("At most this many; the server may give less.", { type: "integer", minimum: 0 }),
  page_token: query("The `nextPageToken` of the page before; all else must be as it was there."),
  watch: query("Streams events as NDJSON instead.", { type: "boolean" }),
  since: query("With watch: resumes after this version instead of starting with what there is."),
  "If-Match": inHeader("Only if this is the present ETag, or with `*` if the resource exists; 412 if not."),
  "If-None-Match": inHeader(
    "PUT with `*`: only creates; 412 if the resource exists. GET: 304 if this is the present ETag.",
  ),
};

/** How every operation may fail. */
export const problemResponse: JsonObject = {
  description: "What went wrong: the reason is one of the API's, `violations` name fields.",
  content: { "application/problem+json": { schema: referenceTo("Problem") } },
};

/** The RFC 9457 body of failures. */
export const problemSchema: JsonObject = {
  type: "object",
  required: ["type", "title", "status", "detail", "code", "reason"],
  properties: {
    type: { type: "string" },
    title: { type: "string" },
    status: { type: "integer" },
    detail: { type: "string", description: "What was expected, what was found, what to do." },
    code: { type: "string", description: "The RPC code, as in not_found." },
    reason: { type: "string", description: "The reason, as in RESOURCE_NOT_FOUND." },
    metadata: { type: "object", additionalProperties: { type: "string" } },
    violations: {
      type: "array",
      items: {
        type: "object",
        required: ["field", "description"],
        properties: { field: { type: "string" }, description: { type: "string" } },
      },
    },
  },
};

function operationMaker({ group, groupVersion, kind, scope }: ResourceType) {
  const tenancy =
    scope === Scope.NAMESPACE ? ["partition", "namespace"] : scope === Scope.PARTITION ? ["partition"] : [];
  return (
    verb: string,
    summary: string,
    {
      parameters: own,
      responses,
      ...rest
    }: { parameters: JsonValue[]; responses: JsonObject; requestBody?: JsonObject },
  ): JsonObject => ({
    operationId: `${verb}_${group}_${groupVersion}_${kind}`,
    summary,
    tags: [`${group}.${groupVersion}`],
    parameters: [...refs(tenancy), ...own],
    ...rest,
    responses: { ...responses, default: { $ref: "#/components/responses/Problem" } },
  });
}

function pageOf(resource: JsonObject): JsonObject {
  return {
    type: "object",
    required: ["resources", "version"],
    properties: {
      resources: { type: "array", items: resource },
      version: { type: "string", description: "The store version that all pages of this list show." },
      nextPageToken: { type: "string", description: "Absent on the last page." },
    },
  };
}

function eventOf(resource: JsonObject): JsonObject {
  return {
    type: "object",
    properties: {
      upsert: { type: "object", properties: { resource } },
      delete: { type: "object", properties: { resource, reason: { type: "string" } } },
      endOfSnapshot: { type: "object" },
      bookmark: { type: "object" },
      version: { type: "string", description: "A point to resume from with since." },
      error: { ...referenceTo("Problem"), description: "Why the stream ended; the last line." },
    },
  };
}

function jsonContent(schema: JsonObject): JsonObject {
  return { "application/json": { schema } };
}

function refs(names: readonly string[]): JsonValue[] {
  return names.map((name) => ({ $ref: `#/components/parameters/${name}` }));
}

function header(description: string): JsonObject {
  return { description, schema: { type: "string" } };
}

function path(description: string): JsonObject {
  return { in: "path", required: true, description, schema: { type: "string" } };
}

function query(description: string, schema: JsonObject = { type: "string" }): JsonObject {
  return { in: "query", description, schema };
}

function inHeader(description: string): JsonObject {
  return { in: "header", description, schema: { type: "string" } };
}
