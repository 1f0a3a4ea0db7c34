import { create, type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import type { Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";

import { idText } from "./references.ts";
import type { ResourceType } from "./resource-type.ts";
import type { TypedResource } from "./typed-resource.ts";

/** A payload that cannot be read as the message of its type. */
export class DataError extends Error {
  override readonly name = "DataError";

  /** Recognises the class across realms, where `instanceof` does not. */
  static is(error: unknown): error is DataError {
    return typeof error === "object" && error !== null && (error as { name?: unknown }).name === "DataError";
  }
}

/** Decodes a resource's payload; an absent one is the empty message. Throws {@link DataError}. */
export function decodeResource<Desc extends DescMessage>(
  type: ResourceType<Desc>,
  resource: Resource,
): TypedResource<Desc> {
  const { id } = resource;
  if (id === undefined) throw new DataError(`a ${type.gvk} without an id`);
  return {
    id,
    owner: resource.owner,
    version: resource.version,
    generation: resource.generation,
    metadata: resource.metadata,
    status: resource.status,
    data: decodePayload(type, resource),
  };
}

function decodePayload<Desc extends DescMessage>(
  type: ResourceType<Desc>,
  { id, data }: Resource,
): MessageShape<Desc> {
  if (data === undefined) return create(type.schema);
  const found = messageNameOf(data.typeUrl);
  const what = id === undefined ? type.gvk : idText(id);
  if (found !== type.schema.typeName) {
    throw new DataError(`the data of ${what} is a ${found}, expected ${type.schema.typeName}`);
  }
  try {
    return fromBinary(type.schema, data.value);
  } catch (cause) {
    throw new DataError(`the data of ${what} is not a ${type.schema.typeName}`, { cause });
  }
}

/** The message that a type URL names: what follows the last slash. */
export function messageNameOf(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf("/") + 1);
}
