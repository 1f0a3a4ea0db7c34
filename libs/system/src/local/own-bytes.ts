import { type DescField, type DescMessage, type Message, ScalarType } from "@bufbuild/protobuf";

type Fields = Message & Record<string, unknown>;
type Copy = (value: unknown) => unknown;

const copies = new WeakMap<DescMessage, readonly FieldCopy[]>();

/** A field below which there are bytes, and what makes them the receiver's own. */
interface FieldCopy {
  readonly field: DescField;
  readonly copy: Copy;
}

/**
 * The same message with bytes of its own: what is decoded shows the bytes that it was decoded from, which may be those of the store. The message itself and what
 * has no bytes is shared.
 */
export function withOwnBytes<Shape extends Message>(schema: DescMessage, message: Shape): Shape {
  let copied: Fields | undefined;
  for (const { field, copy } of fieldCopies(schema)) {
    const slot = field.oneof?.localName ?? field.localName;
    const value = (message as unknown as Fields)[slot];
    const owned = field.oneof === undefined ? copy(value) : ownCase(field, value, copy);
    if (owned === value) continue;
    // Defaults of fields that are absent stand in the prototype.
    copied ??= Object.assign(Object.create(Object.getPrototypeOf(message) as object) as Fields, message);
    copied[slot] = owned;
  }
  return (copied ?? message) as unknown as Shape;
}

function ownCase(field: DescField, value: unknown, copy: Copy): unknown {
  const chosen = value as { readonly case: string | undefined; readonly value?: unknown };
  if (chosen.case !== field.localName) return chosen;
  const owned = copy(chosen.value);
  return owned === chosen.value ? chosen : { case: chosen.case, value: owned };
}

function fieldCopies(schema: DescMessage): readonly FieldCopy[] {
  let found = copies.get(schema);
  if (found === undefined) {
    found = schema.fields.flatMap((field) =>
      reachesBytes(field, new Set()) ? { field, copy: copyOf(field) } : [],
    );
    copies.set(schema, found);
  }
  return found;
}

function copyOf(field: DescField): Copy {
  const { message } = field;
  const one: Copy =
    message === undefined
      ? (value) => (value instanceof Uint8Array && value.length > 0 ? value.slice() : value)
      : (value) => (value === undefined ? undefined : withOwnBytes(message, value as Message));
  if (field.fieldKind === "list") return (value) => ownEach(value as readonly unknown[], one);
  if (field.fieldKind !== "map") return one;
  return (value) =>
    Object.fromEntries(Object.entries(value as object).map(([key, each]) => [key, one(each)]));
}

function ownEach(values: readonly unknown[], one: Copy): readonly unknown[] {
  return values.length === 0 ? values : values.map(one);
}

function reachesBytes(field: DescField, seen: Set<DescMessage>): boolean {
  if (field.scalar === ScalarType.BYTES) return true;
  const { message } = field;
  if (message === undefined || seen.has(message)) return false;
  seen.add(message);
  return message.fields.some((below) => reachesBytes(below, seen));
}
