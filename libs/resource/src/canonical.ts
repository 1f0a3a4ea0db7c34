import {
  create,
  type DescField,
  type DescMessage,
  fromJson,
  isFieldSet,
  type JsonObject,
  type Message,
  type MessageShape,
  ScalarType,
  toBinary,
} from "@bufbuild/protobuf";
import { StructSchema, ValueSchema } from "@bufbuild/protobuf/wkt";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

type MapField = DescField & { readonly fieldKind: "map" };
/** A message as the object that it is: its fields by their local names. */
type Fields = Message & Record<string, unknown>;
type MapEntries = Readonly<Record<string, unknown>>;

/**
 * Encodes a message canonically: fields by number, map entries by key (strings in code point order, which is the order of their UTF-8 bytes),
 * unknown fields last and by number. Two equal messages give equal bytes, however they were built. What an Any holds is taken as it is.
 */
export function encodeCanonical<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
): Uint8Array<ArrayBuffer> {
  if (isInOrder(schema, message as Fields)) return toBinary(schema, message);
  const writer = new BinaryWriter();
  writeMessage(writer, schema, message as Fields);
  return writer.finish();
}

/** Whether the library's own encoding, which takes fields by number and maps as they were filled, is the canonical one. */
function isInOrder(schema: DescMessage, message: Fields): boolean {
  if ((message.$unknown?.length ?? 0) > 1) return false;
  return fieldsToOrder(schema).every((field) => {
    if (!isFieldSet(message, field)) return true;
    if (field.fieldKind === "map") return isMapInOrder(field, message[field.localName] as MapEntries);
    const { message: below } = field;
    return below === undefined || messagesOf(field, message).every((item) => isInOrder(below, item));
  });
}

function isMapInOrder(field: MapField, map: MapEntries): boolean {
  const keys = Object.keys(map);
  const compare = keyOrder(field);
  if (keys.some((key, at) => at > 0 && compare(keys[at - 1] ?? "", key) > 0)) return false;
  const below = field.mapKind === "message" ? field.message : undefined;
  return below === undefined || keys.every((key) => isInOrder(below, asMessage(field, map[key])));
}

function writeMessage(writer: BinaryWriter, schema: DescMessage, message: Fields): void {
  // Neighbouring fields without maps are encoded together by the library.
  let run: Fields | undefined;
  const flush = (): void => {
    if (run !== undefined) writer.raw(toBinary(schema, run));
    run = undefined;
  };
  for (const field of sortedFields(schema)) {
    if (!isFieldSet(message, field)) continue;
    if (!needsOrder(field)) {
      run ??= create(schema) as Fields;
      const slot = field.oneof?.localName ?? field.localName;
      run[slot] = message[slot];
      continue;
    }
    flush();
    writeOrdered(writer, field, message);
  }
  flush();
  writeUnknown(writer, message);
}

function writeOrdered(writer: BinaryWriter, field: DescField, message: Fields): void {
  if (field.fieldKind === "map") {
    writeMap(writer, field, message[field.localName] as MapEntries);
    return;
  }
  if (field.message === undefined) throw new TypeError(`${field.toString()} holds no message`);
  for (const item of messagesOf(field, message)) {
    writer.tag(field.number, WireType.LengthDelimited).fork();
    writeMessage(writer, field.message, item);
    writer.join();
  }
}

/** The messages in a field that is set and holds one, or a list of them. */
function messagesOf(field: DescField, message: Fields): readonly Fields[] {
  const value =
    field.oneof === undefined
      ? message[field.localName]
      : (message[field.oneof.localName] as { value: unknown }).value;
  const items: readonly unknown[] = field.fieldKind === "list" ? (value as readonly unknown[]) : [value];
  return items.map((item) => asMessage(field, item));
}

/** What a field holds, as a message: the library has a Struct in a field as a plain object, whose keys may be anything (`google/protobuf/struct.proto`). */
function asMessage({ message, parent }: DescField, value: unknown): Fields {
  const isPlain = message?.typeName === StructSchema.typeName && parent.typeName !== ValueSchema.typeName;
  return (isPlain ? fromJson(StructSchema, value as JsonObject) : value) as Fields;
}

function keyOrder(field: MapField): (a: string, b: string) => number {
  return field.mapKey === ScalarType.STRING ? compareCodePoints : compareNumbers;
}

function writeMap(writer: BinaryWriter, field: MapField, map: MapEntries): void {
  const keys = Object.keys(map).sort(keyOrder(field));
  for (const key of keys) {
    writer.tag(field.number, WireType.LengthDelimited).fork();
    if (field.mapKind === "message") {
      writeMapKey(writer, field, key);
      writer
        .tag(2, WireType.LengthDelimited)
        .bytes(encodeCanonical(field.message, asMessage(field, map[key])));
    } else if (field.mapKey === ScalarType.STRING && field.scalar === ScalarType.STRING) {
      writer
        .tag(1, WireType.LengthDelimited)
        .string(key)
        .tag(2, WireType.LengthDelimited)
        .string(map[key] as string);
    } else {
      writer.raw(encodedEntry(field, key, map[key]));
    }
    writer.join();
  }
}

/** An entry's bytes, without the tag and length around it, taken from the library's encoding of a map with nothing else in it. */
function encodedEntry(field: MapField, key: string, value: unknown): Uint8Array {
  const single = create(field.parent) as Fields;
  single[field.localName] = { [key]: value };
  const bytes = toBinary(field.parent, single);
  let at = 0;
  // A tag and a length, both varints: the last byte of each has its high bit clear.
  for (let varints = 0; varints < 2; at++) if (((bytes[at] ?? 0) & 0x80) === 0) varints += 1;
  return bytes.subarray(at);
}

function writeMapKey(writer: BinaryWriter, field: MapField, key: string): void {
  if (field.mapKey === ScalarType.STRING) {
    writer.tag(1, WireType.LengthDelimited).string(key);
    return;
  }
  const value = field.mapKind === "message" ? create(field.message) : undefined;
  // The entry's value comes after its key, and an empty message is a tag and a zero length.
  const entry = encodedEntry(field, key, value);
  writer.raw(entry.subarray(0, entry.length - EMPTY_MESSAGE_BYTES));
}

const EMPTY_MESSAGE_BYTES = 2;

function writeUnknown(writer: BinaryWriter, message: Message): void {
  const unknown = [...(message.$unknown ?? [])].sort((a, b) => a.no - b.no);
  for (const { no, wireType, data } of unknown) writer.tag(no, wireType).raw(data);
}

const ordered = new WeakMap<DescMessage, readonly DescField[]>();

function sortedFields(schema: DescMessage): readonly DescField[] {
  let fields = ordered.get(schema);
  if (fields === undefined) {
    fields = schema.fields.toSorted((a, b) => a.number - b.number);
    ordered.set(schema, fields);
  }
  return fields;
}

const unordered = new WeakMap<DescMessage, readonly DescField[]>();

function fieldsToOrder(schema: DescMessage): readonly DescField[] {
  let fields = unordered.get(schema);
  if (fields === undefined) {
    fields = schema.fields.filter(needsOrder);
    unordered.set(schema, fields);
  }
  return fields;
}

/** Whether the library's own encoding of the field may depend on how the message was built. */
function needsOrder(field: DescField): boolean {
  return field.fieldKind === "map" || (field.message !== undefined && holdsMaps(field.message));
}

const known = new WeakMap<DescMessage, boolean>();

/** Whether a message has a map anywhere below it. A type that contains itself is answered for by its other fields. */
function holdsMaps(schema: DescMessage): boolean {
  const answer = known.get(schema);
  if (answer !== undefined) return answer;
  const found = reachesMap(schema, new Set());
  known.set(schema, found);
  return found;
}

function reachesMap(schema: DescMessage, seen: Set<DescMessage>): boolean {
  if (seen.has(schema)) return false;
  seen.add(schema);
  return schema.fields.some(
    (field) => field.fieldKind === "map" || (field.message !== undefined && reachesMap(field.message, seen)),
  );
}

function compareNumbers(a: string, b: string): number {
  if (a === "false" || a === "true") return a < b ? -1 : 1;
  const left = BigInt(a);
  const right = BigInt(b);
  return left < right ? -1 : Number(left > right);
}

/** Orders texts as their UTF-8 bytes do; `<` compares UTF-16 units, which differ for characters beyond U+FFFF. */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const left = a.charCodeAt(index);
    const right = b.charCodeAt(index);
    if (left === right) continue;
    return isSurrogate(left) === isSurrogate(right) ? left - right : isSurrogate(left) ? 1 : -1;
  }
  return a.length - b.length;
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}
