import type { JsonObject } from "@bufbuild/protobuf";

/** Whether a parsed JSON value is an object: not null, no array. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
