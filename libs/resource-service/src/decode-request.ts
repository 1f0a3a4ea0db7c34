import { fromBinary } from "@bufbuild/protobuf";
import {
  type ID,
  IDSchema,
  type Resource,
  ResourceSchema,
  StatusSchema,
  type Tenancy,
  TenancySchema,
  type Type,
  TypeSchema,
} from "@trellis/protos/trellis/resource/v1/resource_pb";
import {
  type ReadRequest,
  ReadRequestSchema,
  type WriteRequest,
  WriteRequest_Mode,
  WriteRequestSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { afterLength, ascii, lengthAt, RecurringText } from "@trellis/resource/node";

import { dataIn, pairIn, setOwn } from "./wire-scan.ts";

/*
 * Requests in their bytes. What is read here is as the library reads it. Undefined is what is out of the ordinary (texts beyond ASCII, fields that come twice or are not known, anything
 * that is broken): the library reads it, or says what is wrong with it.
 */

/** The first field of a message, with its wire type: `ReadRequest.id`, `WriteRequest.resource`. */
const FIRST_FIELD = 0x0a;
/** `WriteRequest.dry_run` and `WriteRequest.mode` have tags of two bytes: this one, and those. */
const FROM_100 = 0x06;
const DRY_RUN = 0xa0;
const MODE = 0xa8;
const MODE_BYTES = 3;
/** By number. */
const MODES = [WriteRequest_Mode.UNSPECIFIED, WriteRequest_Mode.CREATE, WriteRequest_Mode.UPDATE] as const;

/** The whole of the bytes. */
export function readReadRequest(bytes: Uint8Array): ReadRequest | undefined {
  const start = afterLength(bytes, 1);
  if (bytes[0] !== FIRST_FIELD || start + lengthAt(bytes, 1) !== bytes.length) return undefined;
  const id = readId(bytes, start, bytes.length);
  return id && { $typeName: ReadRequestSchema.typeName, id };
}

/** The request that stands there. */
export function readWriteRequest(bytes: Uint8Array, start: number, end: number): WriteRequest | undefined {
  let resource: Resource | undefined;
  let dryRun: boolean | undefined;
  let mode: WriteRequest_Mode | undefined;
  for (let at = start; at < end;) {
    const tag = bytes[at];
    if (tag === FIRST_FIELD && resource === undefined) {
      const from = afterLength(bytes, at + 1);
      const to = from + lengthAt(bytes, at + 1);
      if (!(to <= end)) return undefined;
      resource = readResource(bytes, from, to);
      if (resource === undefined) return undefined;
      at = to;
      continue;
    }
    const value = bytes[at + 2];
    if (bytes[at + 1] !== FROM_100 || value === undefined || at + MODE_BYTES > end) return undefined;
    if (tag === DRY_RUN && value <= 1 && dryRun === undefined) dryRun = value === 1;
    else if (tag === MODE && mode === undefined && MODES[value] !== undefined) mode = MODES[value];
    else return undefined;
    at += MODE_BYTES;
  }
  const request: WriteRequest = {
    $typeName: WriteRequestSchema.typeName,
    dryRun: dryRun ?? false,
    mode: mode ?? WriteRequest_Mode.UNSPECIFIED,
    preconditions: [],
  };
  if (resource !== undefined) request.resource = resource;
  return request;
}

/** The fields of a resource, each with a length behind its tag. */
const RESOURCE = {
  id: 0x0a,
  owner: 0x12,
  version: 0x1a,
  generation: 0x22,
  metadata: 0x2a,
  status: 0x32,
  data: 0x3a,
} as const;

function readResource(bytes: Uint8Array, start: number, end: number): Resource | undefined {
  const resource: Resource = {
    $typeName: ResourceSchema.typeName,
    version: "",
    generation: "",
    metadata: {},
    status: {},
  };
  let seen = 0;
  for (let at = start; at < end;) {
    const tag = bytes[at] ?? 0;
    const from = afterLength(bytes, at + 1);
    const to = from + lengthAt(bytes, at + 1);
    // What comes twice, the library merges.
    const mayRepeat = tag === RESOURCE.metadata || tag === RESOURCE.status;
    if (!(to <= end) || (!mayRepeat && isSeen(seen, tag))) return undefined;
    if (!readField(resource, tag, bytes, from, to)) return undefined;
    seen |= bitOf(tag);
    at = to;
  }
  return resource;
}

/** Reads one field into the resource; false for one that is not read here. */
function readField(resource: Resource, tag: number, bytes: Uint8Array, start: number, end: number): boolean {
  switch (tag) {
    case RESOURCE.id: {
      const id = readId(bytes, start, end);
      if (id === undefined) return false;
      resource.id = id;
      return true;
    }
    case RESOURCE.owner: {
      const owner = readId(bytes, start, end);
      if (owner === undefined) return false;
      resource.owner = owner;
      return true;
    }
    case RESOURCE.version:
    case RESOURCE.generation: {
      const text = ascii(bytes, start, end);
      if (text === undefined) return false;
      if (tag === RESOURCE.version) resource.version = text;
      else resource.generation = text;
      return true;
    }
    case RESOURCE.metadata: {
      const entry = pairIn(bytes, start, end);
      const value = entry && ascii(bytes, entry.second, end);
      if (entry === undefined || value === undefined) return false;
      setOwn(resource.metadata, entry.first, value);
      return true;
    }
    case RESOURCE.status: {
      const entry = pairIn(bytes, start, end);
      if (entry === undefined) return false;
      setOwn(resource.status, entry.first, fromBinary(StatusSchema, bytes.subarray(entry.second, end)));
      return true;
    }
    case RESOURCE.data: {
      const data = dataIn(bytes, start, end);
      if (data === undefined) return false;
      resource.data = data;
      return true;
    }
    default:
      return false;
  }
}

/** The fields of an id, and of its type and tenancy, each with a length behind its tag. */
const ID_TAG = { uid: 0x0a, name: 0x12, type: 0x1a, tenancy: 0x22 } as const;

const groups = new RecurringText();
const groupVersions = new RecurringText();
const kinds = new RecurringText();
/** By the tags of the fields, each with a length. */
const TYPE_TEXTS: ReadonlyMap<number, RecurringText> = new Map([
  [0x0a, groups],
  [0x12, groupVersions],
  [0x1a, kinds],
]);
const partitions = new RecurringText();
const namespaces = new RecurringText();
const TENANCY_TEXTS: ReadonlyMap<number, RecurringText> = new Map([
  [0x0a, partitions],
  [0x12, namespaces],
]);

function readId(bytes: Uint8Array, start: number, end: number): ID | undefined {
  const id: ID = { $typeName: IDSchema.typeName, uid: "", name: "" };
  let seen = 0;
  for (let at = start; at < end;) {
    const tag = bytes[at] ?? 0;
    const from = afterLength(bytes, at + 1);
    const to = from + lengthAt(bytes, at + 1);
    if (!(to <= end) || isSeen(seen, tag) || !readIdField(id, tag, bytes, from, to)) return undefined;
    seen |= bitOf(tag);
    at = to;
  }
  return id;
}

function readIdField(id: ID, tag: number, bytes: Uint8Array, start: number, end: number): boolean {
  switch (tag) {
    case ID_TAG.uid:
    case ID_TAG.name: {
      const text = ascii(bytes, start, end);
      if (text === undefined) return false;
      if (tag === ID_TAG.name) id.name = text;
      else id.uid = text;
      return true;
    }
    case ID_TAG.type: {
      const type = readType(bytes, start, end);
      if (type === undefined) return false;
      id.type = type;
      return true;
    }
    case ID_TAG.tenancy: {
      const tenancy = readTenancy(bytes, start, end);
      if (tenancy === undefined) return false;
      id.tenancy = tenancy;
      return true;
    }
    default:
      return false;
  }
}

function readType(bytes: Uint8Array, start: number, end: number): Type | undefined {
  const type: Type = { $typeName: TypeSchema.typeName, group: "", groupVersion: "", kind: "" };
  let seen = 0;
  for (let at = start; at < end;) {
    const tag = bytes[at] ?? 0;
    const from = afterLength(bytes, at + 1);
    const to = from + lengthAt(bytes, at + 1);
    const texts = TYPE_TEXTS.get(tag);
    if (!(to <= end) || isSeen(seen, tag) || texts === undefined) return undefined;
    const text = texts.read(bytes, from, to);
    if (text === undefined) return undefined;
    if (texts === groups) type.group = text;
    else if (texts === groupVersions) type.groupVersion = text;
    else type.kind = text;
    seen |= bitOf(tag);
    at = to;
  }
  return type;
}

function readTenancy(bytes: Uint8Array, start: number, end: number): Tenancy | undefined {
  const tenancy: Tenancy = { $typeName: TenancySchema.typeName, partition: "", namespace: "" };
  let seen = 0;
  for (let at = start; at < end;) {
    const tag = bytes[at] ?? 0;
    const from = afterLength(bytes, at + 1);
    const to = from + lengthAt(bytes, at + 1);
    const texts = TENANCY_TEXTS.get(tag);
    if (!(to <= end) || isSeen(seen, tag) || texts === undefined) return undefined;
    const text = texts.read(bytes, from, to);
    if (text === undefined) return undefined;
    if (texts === partitions) tenancy.partition = text;
    else tenancy.namespace = text;
    seen |= bitOf(tag);
    at = to;
  }
  return tenancy;
}

/** Fields that have come, a bit for each. */
function isSeen(seen: number, tag: number): boolean {
  return (seen & bitOf(tag)) !== 0;
}

function bitOf(tag: number): number {
  return 1 << (tag >>> 3);
}
