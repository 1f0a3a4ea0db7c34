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
import { afterLength, ascii, Fields, lengthAt, RecurringText } from "@trellis/resource/node";

import { dataIn, pairIn, RESOURCE_TAG, setOwn } from "./wire-scan.ts";

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

function readResource(bytes: Uint8Array, start: number, end: number): Resource | undefined {
  const resource: Resource = {
    $typeName: ResourceSchema.typeName,
    version: "",
    generation: "",
    metadata: {},
    status: {},
  };
  const fields = new Fields(bytes, start, end);
  while (fields.next()) {
    const mayRepeat = fields.tag === RESOURCE_TAG.metadata || fields.tag === RESOURCE_TAG.status;
    // What comes twice, the library merges.
    if ((fields.isRepeated && !mayRepeat) || !readField(resource, fields)) return undefined;
  }
  return fields.isBroken ? undefined : resource;
}

/** Reads one field into the resource; false for one that is not read here. */
function readField(resource: Resource, fields: Fields): boolean {
  const { bytes, start, end } = fields;
  switch (fields.tag) {
    case RESOURCE_TAG.id: {
      const id = readId(bytes, start, end);
      if (id !== undefined) resource.id = id;
      return id !== undefined;
    }
    case RESOURCE_TAG.owner: {
      const owner = readId(bytes, start, end);
      if (owner !== undefined) resource.owner = owner;
      return owner !== undefined;
    }
    case RESOURCE_TAG.version:
    case RESOURCE_TAG.generation: {
      const text = fields.text();
      if (text === undefined) return false;
      if (fields.tag === RESOURCE_TAG.version) resource.version = text;
      else resource.generation = text;
      return true;
    }
    case RESOURCE_TAG.metadata: {
      const entry = pairIn(bytes, start, end);
      const value = entry && ascii(bytes, entry.second, end);
      if (entry === undefined || value === undefined) return false;
      setOwn(resource.metadata, entry.first, value);
      return true;
    }
    case RESOURCE_TAG.status: {
      const entry = pairIn(bytes, start, end);
      if (entry === undefined) return false;
      // The library has parts of the bytes for what it does not know.
      const own = new Uint8Array(bytes.subarray(entry.second, end));
      setOwn(resource.status, entry.first, fromBinary(StatusSchema, own));
      return true;
    }
    case RESOURCE_TAG.data: {
      const data = dataIn(bytes, start, end);
      if (data !== undefined) resource.data = data;
      return data !== undefined;
    }
    default:
      return false;
  }
}

/** The fields of an id, each with a length behind its tag. */
const ID_TAG = { uid: 0x0a, name: 0x12, type: 0x1a, tenancy: 0x22 } as const;

/** The id that stands there. */
export function readId(bytes: Uint8Array, start: number, end: number): ID | undefined {
  const id: ID = { $typeName: IDSchema.typeName, uid: "", name: "" };
  const fields = new Fields(bytes, start, end);
  while (fields.next()) if (fields.isRepeated || !readIdField(id, fields)) return undefined;
  return fields.isBroken ? undefined : id;
}

function readIdField(id: ID, fields: Fields): boolean {
  const { bytes, start, end } = fields;
  switch (fields.tag) {
    case ID_TAG.uid:
    case ID_TAG.name: {
      const text = fields.text();
      if (text === undefined) return false;
      if (fields.tag === ID_TAG.name) id.name = text;
      else id.uid = text;
      return true;
    }
    case ID_TAG.type: {
      const type = readType(bytes, start, end);
      if (type !== undefined) id.type = type;
      return type !== undefined;
    }
    case ID_TAG.tenancy: {
      const tenancy = readTenancy(bytes, start, end);
      if (tenancy !== undefined) id.tenancy = tenancy;
      return tenancy !== undefined;
    }
    default:
      return false;
  }
}

const TYPE_TAG = { group: 0x0a, groupVersion: 0x12, kind: 0x1a } as const;
const groups = new RecurringText();
const groupVersions = new RecurringText();
const kinds = new RecurringText();

function readType(bytes: Uint8Array, start: number, end: number): Type | undefined {
  const type: Type = { $typeName: TypeSchema.typeName, group: "", groupVersion: "", kind: "" };
  const fields = new Fields(bytes, start, end);
  while (fields.next()) if (fields.isRepeated || !readTypeField(type, fields)) return undefined;
  return fields.isBroken ? undefined : type;
}

function readTypeField(type: Type, { tag, bytes, start, end }: Fields): boolean {
  const texts =
    tag === TYPE_TAG.group
      ? groups
      : tag === TYPE_TAG.groupVersion
        ? groupVersions
        : tag === TYPE_TAG.kind
          ? kinds
          : undefined;
  const text = texts?.read(bytes, start, end);
  if (text === undefined) return false;
  if (texts === groups) type.group = text;
  else if (texts === groupVersions) type.groupVersion = text;
  else type.kind = text;
  return true;
}

const TENANCY_TAG = { partition: 0x0a, namespace: 0x12 } as const;
const partitions = new RecurringText();
const namespaces = new RecurringText();

function readTenancy(bytes: Uint8Array, start: number, end: number): Tenancy | undefined {
  const tenancy: Tenancy = { $typeName: TenancySchema.typeName, partition: "", namespace: "" };
  const fields = new Fields(bytes, start, end);
  while (fields.next()) if (fields.isRepeated || !readTenancyField(tenancy, fields)) return undefined;
  return fields.isBroken ? undefined : tenancy;
}

function readTenancyField(tenancy: Tenancy, { tag, bytes, start, end }: Fields): boolean {
  const texts =
    tag === TENANCY_TAG.partition ? partitions : tag === TENANCY_TAG.namespace ? namespaces : undefined;
  const text = texts?.read(bytes, start, end);
  if (text === undefined) return false;
  if (texts === partitions) tenancy.partition = text;
  else tenancy.namespace = text;
  return true;
}
