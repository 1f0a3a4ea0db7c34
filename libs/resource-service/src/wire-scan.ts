import { AnySchema } from "@bufbuild/protobuf/wkt";
import type { Resource, Status } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { afterLength, ascii, lengthAt, RecurringText } from "@trellis/resource/node";

/*
 * Parts of messages for those who read by hand what comes with every request. Whatever is out of the ordinary is undefined: then the library reads the message, and says what is wrong with it
 * if anything is.
 */

/** What the fields of a resource begin with: each has a length behind its tag. */
export const RESOURCE_TAG = {
  id: 0x0a,
  owner: 0x12,
  version: 0x1a,
  generation: 0x22,
  metadata: 0x2a,
  status: 0x32,
  data: 0x3a,
} as const;

/** What the fields of the entry of a map begin with, and those of an `Any`. */
export const FIRST_TAG = 0x0a;
export const SECOND_TAG = 0x12;

/** The two fields of an entry, each there: the first, of ASCII, and where the second begins, which goes to the end. */
export function pairIn(
  bytes: Uint8Array,
  start: number,
  end: number,
  read: (bytes: Uint8Array, start: number, end: number) => string | undefined = ascii,
): { readonly first: string; readonly second: number } | undefined {
  if (start >= end || bytes[start] !== FIRST_TAG) return undefined;
  const first = afterLength(bytes, start + 1);
  const firstEnd = first + lengthAt(bytes, start + 1);
  if (!(firstEnd < end) || bytes[firstEnd] !== SECOND_TAG) return undefined;
  const second = afterLength(bytes, firstEnd + 1);
  const text = read(bytes, first, firstEnd);
  if (text === undefined || second + lengthAt(bytes, firstEnd + 1) !== end) return undefined;
  return { first: text, second };
}

const typeUrls = new RecurringText();
const typeUrl = (bytes: Uint8Array, start: number, end: number) => typeUrls.read(bytes, start, end);

/** An `Any` that has both of its fields. */
export function dataIn(bytes: Uint8Array, start: number, end: number): Resource["data"] {
  const pair = pairIn(bytes, start, end, typeUrl);
  return (
    pair && { $typeName: AnySchema.typeName, typeUrl: pair.first, value: bytes.subarray(pair.second, end) }
  );
}

/** What `__proto__` is for an object, it is not for a message. */
export function setOwn(
  map: Record<string, string> | Record<string, Status>,
  key: string,
  value: string | Status,
): void {
  if (key === "__proto__")
    Object.defineProperty(map, key, { value, configurable: true, enumerable: true, writable: true });
  else map[key] = value as never;
}
