import type { Message, UnknownField } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import type { HandlerContext } from "@connectrpc/connect";
import type { WatchEvent_Delete_Reason } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import type { RecordInit } from "@trellis/storage";

import { LateField, lengthBytes, writeLength } from "@trellis/resource/node";

import { RESOURCE_TAG } from "./wire-scan.ts";

/** A stored resource, and the version that it has, as decimal digits; none before its commit. */
export interface StoredForm {
  readonly record: Pick<RecordInit, "bytes">;
  readonly version: string;
}

const PROTOCOLS: readonly string[] = ["connect", "grpc", "grpc-web"];
const BINARY = /^application\/(?:(?:connect\+)?proto|grpc(?:-web)?(?:\+proto)?)(?:;|$)/i;

/**
 * Whether the answer to a call is sent as protobuf's bytes. A resource in it can then go out as it is stored, without being decoded and encoded again: as
 * a field that the message does not know, of which the bytes are written as they are (https://protobuf.dev/programming-guides/proto3/#unknowns).
 */
export function answersInBinary({ protocolName, requestHeader }: HandlerContext): boolean {
  return PROTOCOLS.includes(protocolName) && BINARY.test(requestHeader.get("content-type") ?? "");
}

/** The message with these fields besides its own. */
export function withStored<M extends Message>(message: M, fields: UnknownField[]): M {
  message.$unknown = fields;
  return message;
}

/** `WatchEvent.Upsert.resource` and `WatchEvent.Delete.resource`. */
const EVENT_RESOURCE_TAG = 0x0a;
/** `WatchEvent.Delete.reason`, number 100: its tag, and a value of one byte. */
const REASON_TAG = [0xa0, 0x06] as const;
const REASON_BYTES = REASON_TAG.length + 1;
/** A tag of one byte and a length of one byte: versions have at most 16 digits. */
const VERSION_HEAD_BYTES = 2;
/** The field of every response that has resources. */
const RESOURCE_NUMBER = 1;
const OUTCOME_NUMBER = 100;
const UPSERT_NUMBER = 1;
const DELETE_NUMBER = 2;

/** The field `resource`, or one of the field `resources`, of a response. */
export function resourceField(stored: StoredForm): UnknownField {
  return new ResourceField(partsOf(stored));
}

class ResourceField extends LateField {
  readonly no = RESOURCE_NUMBER;
  readonly wireType = WireType.LengthDelimited;
  readonly #parts: Parts;

  constructor(parts: Parts) {
    super();
    this.#parts = parts;
  }

  get byteLength(): number {
    const { size } = this.#parts;
    return lengthBytes(size) + size;
  }

  writeTo(bytes: Uint8Array, at: number): number {
    return writeStored(bytes, at, this.#parts);
  }
}

/** The field `outcome` of a response, which has number 100. */
export function outcomeField(outcome: number): UnknownField {
  let found = outcomes.get(outcome);
  if (found === undefined) {
    found = { no: OUTCOME_NUMBER, wireType: WireType.Varint, data: Uint8Array.of(outcome) };
    outcomes.set(outcome, found);
  }
  return found;
}

/** By outcome, each below 128. */
const outcomes = new Map<number, UnknownField>();

/** `WatchEvent.upsert`. */
export function upsertField(stored: StoredForm): UnknownField {
  const parts = partsOf(stored);
  const [data, at] = eventOf(parts, 0);
  writeStored(data, at, parts);
  return field(UPSERT_NUMBER, data);
}

/** `WatchEvent.delete`. */
export function deleteField(stored: StoredForm, reason: WatchEvent_Delete_Reason): UnknownField {
  const parts = partsOf(stored);
  const [data, at] = eventOf(parts, REASON_BYTES);
  data.set([...REASON_TAG, reason], writeStored(data, at, parts));
  return field(DELETE_NUMBER, data);
}

function field(no: number, data: Uint8Array): UnknownField {
  return { no, wireType: WireType.LengthDelimited, data };
}

/** Room for an event with a resource and so many bytes behind it, and where the resource goes. */
function eventOf({ size }: Parts, after: number): readonly [data: Uint8Array, at: number] {
  const inner = 1 + lengthBytes(size) + size + after;
  const data = Buffer.allocUnsafe(lengthBytes(inner) + inner);
  const at = writeLength(data, 0, inner);
  data[at] = EVENT_RESOURCE_TAG;
  return [data, at + 1];
}

/** What an encoding is made of; asked of the record once, which makes its bytes for who asks. */
interface Parts {
  readonly bytes: Uint8Array;
  readonly version: string;
  /** Of the encoding with the version. */
  readonly size: number;
}

function partsOf({ record: { bytes }, version }: StoredForm): Parts {
  const size = bytes.byteLength + (version === "" ? 0 : VERSION_HEAD_BYTES + version.length);
  return { bytes, version, size };
}

/** Writes the length of the encoding, and it: what is stored, with the version between. Returns where it ends. */
function writeStored(data: Uint8Array, start: number, { bytes, version, size }: Parts): number {
  const at = writeLength(data, start, size);
  const end = at + size;
  data.set(bytes, end - bytes.byteLength);
  if (version === "") return end;
  // What comes before the version is moved to its place, which costs less than a view of either part.
  let head = 0;
  while (bytes[head] === RESOURCE_TAG.id || bytes[head] === RESOURCE_TAG.owner)
    head = endOfField(bytes, head + 1);
  const from = end - bytes.byteLength;
  data.copyWithin(at, from, from + head);
  data[at + head] = RESOURCE_TAG.version;
  data[at + head + 1] = version.length;
  for (let digit = 0; digit < version.length; digit++)
    data[at + head + VERSION_HEAD_BYTES + digit] = version.charCodeAt(digit);
  return end;
}

/** Where a field ends whose length begins at a position. */
function endOfField(bytes: Uint8Array, at: number): number {
  let length = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++] ?? 0;
    length |= (byte & 0x7f) << shift;
    if (byte < 0x80) return at + length;
  }
}
