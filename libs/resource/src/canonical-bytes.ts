import { isAscii } from "node:buffer";

import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence as Presence } from "@bufbuild/protobuf/wkt";
import { WireType } from "@bufbuild/protobuf/wire";

/** Messages within messages; what is deeper is left to the encoder. */
const MAX_DEPTH = 32;
const MAX_VARINT_BYTES = 5;

/**
 * Whether bytes are seen to be a message, and its canonical encoding (`encodeCanonical`): to decode them cannot fail then. Undecided means nothing: maps, oneofs, text beyond ASCII and numbers that are negative or large are left to the encoder. Most payloads of clients are canonical, and to look costs a fraction of encoding them again.
 */
export function isCanonicalBytes(schema: DescMessage, bytes: Uint8Array): boolean {
  return new Scan(bytes).isMessage(schema, { end: bytes.length, depth: 0 });
}

/** How the fields of a message are written, by their numbers, without those that are left to the encoder; undefined for a message that is left to it whole. */
const known = new WeakMap<DescMessage, FieldsByNumber | undefined>();

type FieldsByNumber = readonly (Written | undefined)[];

/** Fields of higher numbers are left to the encoder. */
const MAX_NUMBER = 1024;

interface Written {
  readonly wireType: WireType;
  readonly isRepeated: boolean;
  readonly mayBeDefault: boolean;
  readonly message: DescMessage | undefined;
  /** Of varints: the largest that is written so. */
  readonly max: number;
  readonly isText: boolean;
}

const MAX_INT32 = 0x7fff_ffff;
const MAX_UINT32 = 0xffff_ffff;
/** The largest number of each scalar type that is looked at. */
const VARINTS: ReadonlyMap<ScalarType, number> = new Map([
  [ScalarType.BOOL, 1],
  [ScalarType.INT32, MAX_INT32],
  [ScalarType.INT64, MAX_INT32],
  [ScalarType.UINT32, MAX_UINT32],
  [ScalarType.UINT64, MAX_UINT32],
  [ScalarType.SINT32, MAX_UINT32],
  [ScalarType.SINT64, MAX_UINT32],
]);

function writtenAs(field: DescField): Written | undefined {
  const isRepeated = field.fieldKind === "list";
  if (field.oneof !== undefined || field.fieldKind === "map") return undefined;
  if ("delimitedEncoding" in field && field.delimitedEncoding) return undefined;
  const mayBeDefault = isRepeated || field.presence !== Presence.IMPLICIT;
  const shared = { isRepeated, mayBeDefault, message: undefined, max: 0, isText: false };
  if (field.message !== undefined)
    return { ...shared, wireType: WireType.LengthDelimited, message: field.message, mayBeDefault: true };
  if (field.scalar === ScalarType.STRING || field.scalar === ScalarType.BYTES)
    return { ...shared, wireType: WireType.LengthDelimited, isText: field.scalar === ScalarType.STRING };
  // Lists of numbers are packed, and floating point has values that are written in more than one way.
  if (isRepeated) return undefined;
  if (field.enum !== undefined)
    return field.enum.open ? { ...shared, wireType: WireType.Varint, max: MAX_INT32 } : undefined;
  const max = field.scalar === undefined ? undefined : VARINTS.get(field.scalar);
  return max === undefined ? undefined : { ...shared, wireType: WireType.Varint, max };
}

function fieldsOf(schema: DescMessage): FieldsByNumber | undefined {
  const found = known.get(schema);
  return found !== undefined || known.has(schema) ? found : lookedAt(schema);
}

function lookedAt(schema: DescMessage): FieldsByNumber | undefined {
  const last = Math.max(0, ...schema.fields.map(({ number }) => number));
  const fields = Array.from({ length: Math.min(last, MAX_NUMBER) + 1 }, (): Written | undefined => undefined);
  for (const field of schema.fields) if (field.number <= MAX_NUMBER) fields[field.number] = writtenAs(field);
  // What is missing of a message with required fields is for the encoder to say.
  const found = schema.fields.some(({ presence }) => presence === Presence.LEGACY_REQUIRED)
    ? undefined
    : fields;
  known.set(schema, found);
  return found;
}

/** One look over bytes. */
class Scan {
  readonly #bytes: Uint8Array;
  /** Then no text needs a look of its own. */
  readonly #isAllAscii: boolean;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#isAllAscii = isAscii(bytes);
  }

  /** Whether a message stands up to `end`: its fields in the order of their numbers, each as the encoder writes it. */
  isMessage(schema: DescMessage, { end, depth }: { readonly end: number; readonly depth: number }): boolean {
    if (depth > MAX_DEPTH) return false;
    const fields = fieldsOf(schema);
    if (fields === undefined) return false;
    let last = 0;
    while (this.#at < end) {
      const tag = this.#varint();
      if (tag === undefined) return false;
      const number = tag >>> 3;
      const field = fields[number];
      if (field === undefined || (tag & 7) !== field.wireType) return false;
      if (number < last || (number === last && !field.isRepeated)) return false;
      last = number;
      if (!this.#isValue(field, end, depth)) return false;
    }
    return this.#at === end;
  }

  #isValue(field: Written, end: number, depth: number): boolean {
    const value = this.#varint();
    if (value === undefined) return false;
    if (field.wireType === WireType.Varint) return value <= field.max && (value !== 0 || field.mayBeDefault);
    const endOfValue = this.#at + value;
    if (endOfValue > end || (value === 0 && !field.mayBeDefault)) return false;
    if (field.message !== undefined)
      return this.isMessage(field.message, { end: endOfValue, depth: depth + 1 });
    if (field.isText && !this.#isAscii(endOfValue)) return false;
    this.#at = endOfValue;
    return true;
  }

  #isAscii(end: number): boolean {
    if (this.#isAllAscii) return true;
    const bytes = this.#bytes;
    for (let at = this.#at; at < end; at++) if ((bytes[at] ?? 0) >= 0x80) return false;
    return true;
  }

  /** A varint below 2^32 in as few bytes as it takes; undefined for any other. */
  #varint(): number | undefined {
    let value = 0;
    for (let count = 0, scale = 1; count < MAX_VARINT_BYTES; count++, scale *= 0x80) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) return undefined;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return (byte === 0 && count > 0) || value > MAX_UINT32 ? undefined : value;
    }
    return undefined;
  }
}
