import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { Scope } from "@trellis/protos/trellis/resource/v1/annotations_pb";
import { type ResourceType, STORE_HEADER, VERSION_HEADER } from "@trellis/resource";

import { OUTCOME_HEADER } from "../rest/item.ts";
import { referenceTo } from "./json-schema.ts";
import { COMMON_PARAMETERS } from "./parameters.ts";

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

/** One answer of an operation. */
type Response = JsonObject & { readonly headers?: JsonObject };

type OperationMaker = ReturnType<typeof operationMaker>;

const LIST_PARAMETERS = ["name_prefix", "selector", "page_size", "page_token"];
const WATCH_PARAMETERS = ["watch", "since", "bookmarks", "watched_name"];

function collectionPath({ gvk }: ResourceType, schema: JsonObject, operation: OperationMaker): JsonObject {
  return {
    get: operation("list", `Lists the resources of ${gvk}, or streams what happens to them`, {
      parameters: refs(LIST_PARAMETERS.concat(WATCH_PARAMETERS)),
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

/** The headers that every answer of an operation has. */
const POSITION_HEADERS: JsonObject = {
  [STORE_HEADER]: header("The store that answered."),
  [VERSION_HEADER]: header("The store version that the answer shows; send it back as trellis-min-version."),
};

/** How every operation may fail. */
export const problemResponse: JsonObject = {
  description: "What went wrong: the reason is one of the API's, `violations` name fields.",
  headers: {
    ...POSITION_HEADERS,
    "Retry-After": header("In how many seconds trying again makes sense; absent when it never does."),
  },
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
    scope === Scope.NAMESPACE
      ? ["partition", "namespace", "ns"]
      : scope === Scope.PARTITION
        ? ["partition"]
        : [];
  return (
    verb: string,
    summary: string,
    {
      parameters: own,
      responses,
      ...rest
    }: { parameters: JsonValue[]; responses: Readonly<Record<string, Response>>; requestBody?: JsonObject },
  ): JsonObject => ({
    operationId: `${verb}_${group}_${groupVersion}_${kind}`,
    summary,
    tags: [`${group}.${groupVersion}`],
    parameters: [...refs(tenancy), ...own, ...refs(COMMON_PARAMETERS)],
    ...rest,
    responses: { ...positioned(responses), default: { $ref: "#/components/responses/Problem" } },
  });
}

/** The responses with the headers that say how new they are. */
function positioned(responses: Readonly<Record<string, Response>>): JsonObject {
  return Object.fromEntries(
    Object.entries(responses).map(([status, response]) => [
      status,
      { ...response, headers: { ...response.headers, ...POSITION_HEADERS } },
    ]),
  );
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
