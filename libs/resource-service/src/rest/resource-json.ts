import {
  create,
  fromBinary,
  isMessage,
  type JsonObject,
  type JsonValue,
  type Registry as SchemaRegistry,
  toJson,
} from "@bufbuild/protobuf";
import { base64Encode } from "@bufbuild/protobuf/wire";
import type { Any } from "@bufbuild/protobuf/wkt";
import { type Resource, ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { type WatchEvent, WatchEventSchema } from "@trellis/protos/trellis/resource/v1/resource_service_pb";

/**
 * A resource as REST shows it: proto3 JSON, its `data` without `@type`, since the path names the type. A payload of a type that
 * nobody here knows is shown as `{"@type", "value": base64}`, never an error.
 */
export function resourceJson(resource: Resource, schemas: SchemaRegistry): JsonObject {
  const { data, ...rest } = resource;
  const json = toJson(ResourceSchema, create(ResourceSchema, { ...rest, $unknown: [] })) as JsonObject;
  return data === undefined ? json : { ...json, data: payloadJson(data, schemas) };
}

/** A watch event as one line of NDJSON has it. */
export function eventJson(event: WatchEvent, schemas: SchemaRegistry): JsonObject {
  const version: JsonObject = event.version === "" ? {} : { version: event.version };
  switch (event.event.case) {
    case "upsert": {
      const { resource } = event.event.value;
      return {
        upsert: resource === undefined ? {} : { resource: resourceJson(resource, schemas) },
        ...version,
      };
    }
    case "delete": {
      const { resource } = event.event.value;
      const { delete: shown } = toJson(WatchEventSchema, withoutPayload(event)) as { delete?: JsonObject };
      return {
        delete: {
          ...shown,
          ...(resource === undefined ? {} : { resource: resourceJson(resource, schemas) }),
        },
        ...version,
      };
    }
    default:
      return toJson(WatchEventSchema, event) as JsonObject;
  }
}

/** The event with nothing in it that needs a schema. */
function withoutPayload(event: WatchEvent): WatchEvent {
  const reason = event.event.case === "delete" ? event.event.value.reason : undefined;
  return create(WatchEventSchema, {
    event: { case: "delete", value: reason === undefined ? {} : { reason } },
  });
}

function payloadJson(data: Any, schemas: SchemaRegistry): JsonValue {
  const schema = schemas.getMessage(data.typeUrl.slice(data.typeUrl.lastIndexOf("/") + 1));
  if (schema !== undefined) {
    try {
      const payload = fromBinary(schema, data.value);
      if (isMessage(payload, schema)) return toJson(schema, payload, { registry: schemas });
    } catch {
      // Bytes that are not what the type URL says are shown as they are.
    }
  }
  return { "@type": data.typeUrl, value: base64Encode(data.value) };
}
