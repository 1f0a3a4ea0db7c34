import { create, type DescMessage, fromBinary, type Message } from "@bufbuild/protobuf";
import { type Any, AnySchema } from "@bufbuild/protobuf/wkt";
import type { Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { encodeCanonical, type ResourceType, type TypedResource } from "@trellis/resource";
import { isCanonicalBytes } from "@trellis/resource/node";
import type { StoredRecord } from "@trellis/storage";

import { invalidField } from "./errors.ts";
import { resourceOf } from "./record.ts";
import { violationsError } from "./service-error.ts";

const TYPE_URL_PREFIX = "type.googleapis.com/";

/** A payload in both forms. `any` is absent when the resource has none; `message` is then the empty message. */
export interface Payload {
  /** Its bytes are nobody else's. */
  readonly any: Any | undefined;
  /** The same for who copies its bytes at once: they may be in memory that is another's when the request is answered. */
  readonly sent: Any | undefined;
  /** Shares no memory with the others: hooks may change it. Made when it is first asked for. */
  readonly message: Message;
}

/** A payload that came as it is stored. What others may keep is made of a copy, for who asks for it. */
class CanonicalPayload implements Payload {
  readonly sent: Any;
  readonly #schema: DescMessage;
  #any: Any | undefined;
  #message: Message | undefined;

  constructor(schema: DescMessage, sent: Any) {
    this.sent = sent;
    this.#schema = schema;
  }

  get any(): Any {
    return (this.#any ??= { ...this.sent, value: this.#copy() });
  }

  get message(): Message {
    return (this.#message ??= fromBinary(this.#schema, this.#copy()));
  }

  #copy(): Uint8Array {
    return new Uint8Array(this.sent.value);
  }
}

/**
 * A request's payload, in its canonical encoding, so that equality is a comparison of bytes. Throws `WRONG_DATA_TYPE` for another message than the type's, `MALFORMED_DATA` for
 * bytes that are not one. `path` is where the request has it.
 */
export function readPayload(type: ResourceType, data: Any | undefined, path = "resource.data"): Payload {
  if (data === undefined) return { any: undefined, sent: undefined, message: create(type.schema) };
  const found = messageName(data);
  if (found !== type.schema.typeName) {
    const description = `is of wrong type: ${type.gvk} expects ${type.schema.typeName}, found "${found}"`;
    throw violationsError("WRONG_DATA_TYPE", [{ field: path, description }], {
      expected: type.schema.typeName,
      found,
    });
  }
  const { value } = data;
  // Most clients send what the encoder would make of it again, which is a message then.
  if (isCanonicalBytes(type.schema, value)) {
    const prefix = data.typeUrl.length - found.length;
    const isUsual = prefix === TYPE_URL_PREFIX.length && data.typeUrl.startsWith(TYPE_URL_PREFIX);
    const typeUrl = isUsual ? data.typeUrl : TYPE_URL_PREFIX + found;
    return new CanonicalPayload(type.schema, { $typeName: AnySchema.typeName, typeUrl, value });
  }
  let message: Message;
  try {
    message = fromBinary(type.schema, new Uint8Array(value));
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    throw invalidField("MALFORMED_DATA", path, `the bytes are not a ${found}: ${cause}`);
  }
  return writePayload(type.schema, message);
}

/** Encodes a payload canonically. */
export function writePayload(schema: DescMessage, message: Message): Payload {
  const any = create(AnySchema, {
    typeUrl: TYPE_URL_PREFIX + schema.typeName,
    value: encodeCanonical(schema, message),
  });
  return { any, sent: any, message };
}

/** The stored payload of a resource, or undefined when it cannot be read as the type's message. */
function storedPayload(type: ResourceType, data: Any | undefined): Message | undefined {
  if (data === undefined) return create(type.schema);
  if (messageName(data) !== type.schema.typeName) return undefined;
  try {
    return fromBinary(type.schema, data.value);
  } catch {
    return undefined;
  }
}

/** A stored resource with its payload decoded; undefined when that cannot be read as the type's message. */
export function typedStored(type: ResourceType, resource: Resource): TypedResource | undefined {
  const data = storedPayload(type, resource.data);
  return data === undefined ? undefined : typed(resource, data);
}

/** The same once somebody asks for it, and not twice. */
export class TypedStored {
  readonly #type: ResourceType;
  readonly #record: StoredRecord;
  readonly #shown: Resource | undefined;
  #found: { readonly resource: TypedResource | undefined } | undefined;

  /** Of a record, or of what is `shown` of it. */
  constructor(type: ResourceType, record: StoredRecord, shown: Resource | undefined) {
    this.#type = type;
    this.#record = record;
    this.#shown = shown;
  }

  resource(): TypedResource | undefined {
    this.#found ??= { resource: typedStored(this.#type, this.#shown ?? resourceOf(this.#record)) };
    return this.#found.resource;
  }
}

/** A resource with its decoded payload, as hooks get it. Its metadata is its own: what a hook does to that is not done to what is stored. */
export function typed(resource: Resource, data: Message): TypedResource {
  if (resource.id === undefined) throw new TypeError("a resource without an id reached a hook");
  return {
    id: resource.id,
    owner: resource.owner,
    version: resource.version,
    generation: resource.generation,
    metadata: { ...resource.metadata },
    status: resource.status,
    data,
  };
}

/** The message that a type URL names: what follows the last slash. */
function messageName(data: Any): string {
  return data.typeUrl.slice(data.typeUrl.lastIndexOf("/") + 1);
}
