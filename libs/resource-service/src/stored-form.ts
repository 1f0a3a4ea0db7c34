import type { Message, UnknownField } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import type { HandlerContext } from "@connectrpc/connect";
import type { WatchEvent_Delete_Reason } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import type { RecordInit } from "@trellis/storage";

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

/** `Resource.id` and `Resource.owner`, which come before the version. */
const ID_TAG = tag(1, WireType.LengthDelimited);
const OWNER_TAG = tag(2, WireType.LengthDelimited);
const VERSION_TAG = tag(3, WireType.LengthDelimited);
/** `WatchEvent.Upsert.resource` and `WatchEvent.Delete.resource`. */
const RESOURCE_TAG = tag(1, WireType.LengthDelimited);
/** `WatchEvent.Delete.reason`, number 100. */
const REASON_TAG = [0xa0, 0x06] as const;
/** The field of every response that has resources. */
const RESOURCE_NUMBER = 1;
const UPSERT_NUMBER = 1;
const DELETE_NUMBER = 2;

/** The field `resource`, or one of the field `resources`, of a response. */
export function resourceField(stored: StoredForm): UnknownField {
  return { no: RESOURCE_NUMBER, wireType: WireType.LengthDelimited, data: withLength(partsOf(stored)) };
}

/** `WatchEvent.upsert`. */
export function upsertField(stored: StoredForm): UnknownField {
  const parts = partsOf(stored);
  const data = withLength([Uint8Array.of(RESOURCE_TAG), lengthOf(parts), ...parts]);
  return { no: UPSERT_NUMBER, wireType: WireType.LengthDelimited, data };
}

/** `WatchEvent.delete`. */
export function deleteField(stored: StoredForm, reason: WatchEvent_Delete_Reason): UnknownField {
  const parts = partsOf(stored);
  const end = Uint8Array.of(...REASON_TAG, reason);
  const data = withLength([Uint8Array.of(RESOURCE_TAG), lengthOf(parts), ...parts, end]);
  return { no: DELETE_NUMBER, wireType: WireType.LengthDelimited, data };
}

/** The encoding of the resource in pieces: what is stored, with the version between. */
function partsOf({ record: { bytes }, version }: StoredForm): readonly Uint8Array[] {
  if (version === "") return [bytes];
  let at = 0;
  while (bytes[at] === ID_TAG || bytes[at] === OWNER_TAG) at = endOfField(bytes, at + 1);
  const field = Buffer.allocUnsafe(2 + version.length);
  field[0] = VERSION_TAG;
  field[1] = version.length;
  field.write(version, 2, "latin1");
  return [bytes.subarray(0, at), field, bytes.subarray(at)];
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

/** The pieces as one, behind the length of all. */
function withLength(parts: readonly Uint8Array[]): Uint8Array {
  const length = lengthOf(parts);
  const whole = Buffer.allocUnsafe(length.byteLength + sizeOf(parts));
  whole.set(length, 0);
  let at = length.byteLength;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}

function lengthOf(parts: readonly Uint8Array[]): Uint8Array {
  const bytes: number[] = [];
  let rest = sizeOf(parts);
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

function sizeOf(parts: readonly Uint8Array[]): number {
  let size = 0;
  for (const { byteLength } of parts) size += byteLength;
  return size;
}

function tag(number: number, wireType: WireType): number {
  return (number << 3) | wireType;
}
