import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";

/** The content of a message's field, by field numbers from the outermost on; undefined when one is not there. */
export function bytesAt(message: Uint8Array, ...path: readonly number[]): Uint8Array | undefined {
  let found: Uint8Array | undefined = message;
  for (const number of path) {
    if (found === undefined) return undefined;
    found = firstBytes(found, number);
  }
  return found;
}

/** The number in a varint field; 0 when it is not there, as protobuf has it. */
export function numberAt(message: Uint8Array, number: number): number {
  const reader = new BinaryReader(message);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === number && type === WireType.Varint) return Number(reader.uint64());
    reader.skip(type, field);
  }
  return 0;
}

/** Calls back with each content of a repeated field of messages; returns how many there are. */
export function eachBytes(
  message: Uint8Array,
  number: number,
  use: (content: Uint8Array, index: number) => void = () => undefined,
): number {
  const reader = new BinaryReader(message);
  let count = 0;
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === number && type === WireType.LengthDelimited) use(reader.bytes(), count++);
    else reader.skip(type, field);
  }
  return count;
}

function firstBytes(message: Uint8Array, number: number): Uint8Array | undefined {
  const reader = new BinaryReader(message);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === number && type === WireType.LengthDelimited) return reader.bytes();
    reader.skip(type, field);
  }
  return undefined;
}
