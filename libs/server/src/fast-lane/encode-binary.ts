import { type DescMessage, type Message, ScalarType } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence as Presence } from "@bufbuild/protobuf/wkt";
import { unknownBytes, writeUnknown } from "@trellis/resource/node";

const NOTHING = new Uint8Array();

/** A message and what it is encoded with. */
export interface Encoding<M extends Message> {
  readonly schema: DescMessage;
  readonly serialize: (message: M) => Uint8Array;
}

/**
 * The bytes that `serialize` makes of a message. Fields that it does not know, as what is stored is sent in, are copied once, where the library's growing buffer
 * copies them four times.
 */
export function encodeBinary<M extends Message>(encoding: Encoding<M>, message: M): Uint8Array {
  return encodeBehind(0, encoding, message);
}

/** The same behind so many bytes, which the caller fills. */
export function encodeBehind<M extends Message>(
  room: number,
  { schema, serialize }: Encoding<M>,
  message: M,
): Uint8Array {
  const unknown = message.$unknown;
  if (unknown === undefined || unknown.length === 0 || Object.getPrototypeOf(message) !== Object.prototype)
    return behind(room, serialize(message));
  const known = hasKnownField(schema, message) ? serialize({ ...message, $unknown: undefined }) : NOTHING;
  const bytes = Buffer.allocUnsafe(room + known.byteLength + unknownBytes(unknown));
  bytes.set(known, room);
  writeUnknown(bytes, room + known.byteLength, unknown);
  return bytes;
}

function behind(room: number, message: Uint8Array): Uint8Array {
  if (room === 0) return message;
  const bytes = Buffer.allocUnsafe(room + message.byteLength);
  bytes.set(message, room);
  return bytes;
}

/** Whether something is to be written besides the fields that are not known. */
function hasKnownField(schema: DescMessage, message: object): boolean {
  const fields = message as Readonly<Record<string, unknown>>;
  for (const name in fields)
    if (name !== "$typeName" && name !== "$unknown" && !isLeftOut(schema, name, fields[name])) return true;
  return false;
}

/** Whether a field is seen to be left out, which is what a text or number without presence is that is as it is without having been set. */
function isLeftOut(schema: DescMessage, name: string, value: unknown): boolean {
  return value === "" || Object.is(value, 0) ? unsetByDefault(schema).has(name) : value === undefined;
}

const known = new WeakMap<DescMessage, ReadonlySet<string>>();

/** The fields of texts, numbers and enums that are not written while they are empty or zero. */
function unsetByDefault(schema: DescMessage): ReadonlySet<string> {
  let names = known.get(schema);
  if (names === undefined) {
    const fields = schema.fields.filter(
      ({ fieldKind, presence, oneof, scalar }) =>
        oneof === undefined &&
        presence === Presence.IMPLICIT &&
        (fieldKind === "enum" || (fieldKind === "scalar" && scalar !== ScalarType.BYTES)),
    );
    names = new Set(fields.map(({ localName }) => localName));
    known.set(schema, names);
  }
  return names;
}
