import type { JsonObject } from "@bufbuild/protobuf";
import { IDSchema, StatusSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import type { Registry } from "@trellis/registry";

import { createSchemaCollection, described, referenceTo, type SchemaCollection } from "./json-schema.ts";
import { pathsOf, problemResponse, problemSchema } from "./operations.ts";
import { parameters } from "./parameters.ts";

/** Describes the REST API of every registered type in OpenAPI 3.1, with the comments of their protos. */
export function openApiDocument(registry: Registry): JsonObject {
  const collection = createSchemaCollection();
  const resources: Record<string, JsonObject> = {
    AnyResource: resourceSchema(collection, { type: "object" }),
  };
  const paths: Record<string, JsonObject> = {};
  for (const { type, description } of registry.types()) {
    // A name that no message can have: their last part begins with a capital, but they have no "Resource." before the group.
    const name = `Resource.${type.gvk}`;
    resources[name] = described(resourceSchema(collection, collection.message(type.schema)), description);
    Object.assign(paths, pathsOf(type, referenceTo(name)));
  }
  return {
    openapi: "3.1.1",
    info: {
      title: "Trellis resources",
      version: registry.version(),
      description: "Create, read, update, delete, list and watch typed resources over plain HTTP and JSON.",
    },
    paths,
    components: {
      schemas: { ...collection.schemas, ...resources, Problem: problemSchema },
      parameters: Object.fromEntries(
        Object.entries(parameters).map(([name, parameter]) => [name, { name, ...parameter }]),
      ),
      responses: { Problem: problemResponse },
    },
  };
}

function resourceSchema(collection: SchemaCollection, data: JsonObject): JsonObject {
  const id = collection.message(IDSchema);
  return {
    type: "object",
    properties: {
      id: { ...id, description: "Named by the path in a PUT." },
      owner: { ...id, description: "The resource whose end ends this one too. Fixed at creation." },
      version: {
        type: "string",
        readOnly: true,
        description: "The number of the commit that last changed it.",
      },
      generation: {
        type: "string",
        readOnly: true,
        description: "Changes with metadata, owner and data, not with statuses.",
      },
      metadata: { type: "object", additionalProperties: { type: "string" } },
      status: {
        type: "object",
        readOnly: true,
        additionalProperties: collection.message(StatusSchema),
        description: "What controllers observed, by the key that each of them owns.",
      },
      data,
    },
  };
}
