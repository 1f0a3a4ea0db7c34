import { fromBinary } from "@bufbuild/protobuf";
import {
  type ID,
  IDSchema,
  type Resource,
  ResourceSchema,
  StatusSchema,
  TenancySchema,
  TypeSchema,
} from "@trellis/protos/trellis/resource/v1/resource_pb";
import { afterLength, ascii, isText, lengthAt } from "@trellis/resource/node";
import type { StoredRecord } from "@trellis/storage";

import { dataIn, pairIn, RESOURCE_TAG, setOwn } from "./wire-scan.ts";

/**
 * The resource that a record holds, without a version: what the library makes of its bytes, at a fraction of the cost, since most of it stands in the record
 * besides: every write decodes one. Undefined for bytes that `encodeResource` did not write, or not of these fields; the library tells what they are.
 * A fresh message, of which the payload is a part of the record's bytes, as with the library.
 */
export function decodeStored(record: StoredRecord): Resource | undefined {
  // Once: a store makes some of them for who asks.
  const { bytes, key, uid, groupVersion, generation } = record;
  const identity = { key, uid, groupVersion };
  const resource: Resource = {
    $typeName: ResourceSchema.typeName,
    version: "",
    generation,
    metadata: {},
    status: {},
  };
  let hasGeneration = false;
  for (let at = 0; at < bytes.length;) {
    const tag = bytes[at] ?? 0;
    const start = afterLength(bytes, at + 1);
    const end = start + lengthAt(bytes, at + 1);
    if (!(end <= bytes.length)) return undefined;
    switch (tag) {
      case RESOURCE_TAG.id:
        if (resource.id !== undefined || !isIdOf(identity, bytes, start, end)) return undefined;
        resource.id = idOf(identity);
        break;
      case RESOURCE_TAG.owner:
        if (resource.owner !== undefined) return undefined;
        resource.owner = fromBinary(IDSchema, bytes.subarray(start, end));
        break;
      case RESOURCE_TAG.generation:
        if (hasGeneration || !isText(bytes, start, end, generation)) return undefined;
        hasGeneration = true;
        break;
      case RESOURCE_TAG.metadata: {
        const entry = pairIn(bytes, start, end);
        const value = entry && ascii(bytes, entry.second, end);
        if (entry === undefined || value === undefined) return undefined;
        setOwn(resource.metadata, entry.first, value);
        break;
      }
      case RESOURCE_TAG.status: {
        const entry = pairIn(bytes, start, end);
        if (entry === undefined) return undefined;
        setOwn(resource.status, entry.first, fromBinary(StatusSchema, bytes.subarray(entry.second, end)));
        break;
      }
      case RESOURCE_TAG.data: {
        if (resource.data !== undefined) return undefined;
        const data = dataIn(bytes, start, end);
        if (data === undefined) return undefined;
        resource.data = data;
        break;
      }
      default:
        return undefined;
    }
    at = end;
  }
  return resource.id === undefined || (generation !== "" && !hasGeneration) ? undefined : resource;
}

/** What an id is made of. */
type Identity = Pick<StoredRecord, "key" | "uid" | "groupVersion">;

function idOf({ key, uid, groupVersion }: Identity): ID {
  const { group, kind, partition, namespace, name } = key;
  return {
    $typeName: IDSchema.typeName,
    uid,
    name,
    type: { $typeName: TypeSchema.typeName, group, groupVersion, kind },
    tenancy: { $typeName: TenancySchema.typeName, partition, namespace },
  };
}

/** Whether an id is that of the record, written as `encodeResource` writes one with a type and a tenancy. */
function isIdOf(
  { key, uid, groupVersion }: Identity,
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  const scan = new TextScan(bytes, start);
  scan.text(1, uid);
  scan.text(2, key.name);
  const afterType = scan.message(3);
  scan.text(1, key.group);
  scan.text(2, groupVersion);
  scan.text(3, key.kind);
  scan.expect(afterType);
  const afterTenancy = scan.message(4);
  scan.text(1, key.partition);
  scan.text(2, key.namespace);
  scan.expect(afterTenancy);
  scan.expect(end);
  return scan.isAsExpected;
}

/** Compares an encoding with the texts that it is expected to have. */
class TextScan {
  readonly #bytes: Uint8Array;
  #at: number;
  isAsExpected = true;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  /** A text of ASCII in a field; no field for an empty one. */
  text(field: number, expected: string): void {
    if (expected === "" || !this.isAsExpected) return;
    const end = this.message(field);
    this.isAsExpected &&= isText(this.#bytes, this.#at, end, expected);
    this.#at = end;
  }

  /** Goes into a field with a length; returns where it ends. */
  message(field: number): number {
    const tag = field * 8 + LENGTH_DELIMITED;
    this.isAsExpected &&= this.#bytes[this.#at] === tag;
    const end = afterLength(this.#bytes, this.#at + 1) + lengthAt(this.#bytes, this.#at + 1);
    this.#at = afterLength(this.#bytes, this.#at + 1);
    return end;
  }

  expect(at: number): void {
    this.isAsExpected &&= this.#at === at;
  }
}

const LENGTH_DELIMITED = 2;
