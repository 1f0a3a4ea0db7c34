import { createRegistry, create, toBinary, toJsonString } from "@bufbuild/protobuf";
import { AlbumSchema } from "@trellis/protos/trellis/demo/v2/demo_pb";
import { ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import {
  ReadRequestSchema,
  WriteRequestSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";

import { album, ALBUM_PREFIX, albumId } from "./albums.ts";
import { Template } from "./raw/template.ts";

const NAME_DIGITS = 8;
const REVISION_DIGITS = 10;
/** Resources whose names differ in these last digits only are one thousand, which a list asks for. */
const DIGITS_OF_A_THOUSAND = 3;
/** Placeholders of the templates, which nothing else in an album looks like. */
export const ITEM = "1".repeat(NAME_DIGITS);
export const REVISION = "9".repeat(REVISION_DIGITS);

/** The name of a resource: as long for every item. */
export function albumName(item: number): string {
  return `${ALBUM_PREFIX}${String(item).padStart(NAME_DIGITS, "0")}`;
}

/** What the names of one thousand of items begin with. */
export function thousandPrefix(thousand: number): string {
  return albumName(thousand * 1_000).slice(0, -DIGITS_OF_A_THOUSAND);
}

/** Messages of requests for items, made anew for each call. */
export interface ItemRequests {
  readonly write: (item: number, revision: number) => Buffer;
  readonly read: (item: number) => Buffer;
}

const resource = album(Number(ITEM), Number(REVISION));
const writeRequest = create(WriteRequestSchema, { resource });
const readRequest = create(ReadRequestSchema, { id: albumId(Number(ITEM)) });

/** Resources, by item and revision. */
export const resources = new Template(toBinary(ResourceSchema, resource), [ITEM, REVISION]);

const writes = new Template(toBinary(WriteRequestSchema, writeRequest), [ITEM, REVISION]);
const jsonWrites = new Template(
  Buffer.from(
    toJsonString(WriteRequestSchema, writeRequest, {
      registry: createRegistry(AlbumSchema),
    }),
  ),
  [ITEM, REVISION],
);
const reads = new Template(toBinary(ReadRequestSchema, readRequest), [ITEM]);
const jsonReads = new Template(Buffer.from(toJsonString(ReadRequestSchema, readRequest)), [ITEM]);

/** Requests to write and to read albums. */
export const albumRequests: ItemRequests = {
  write: (item, revision) => writes.fill(item, revision),
  read: (item) => reads.fill(item),
};

/** The same in JSON. */
export const jsonAlbumRequests: ItemRequests = {
  write: (item, revision) => jsonWrites.fill(item, revision),
  read: (item) => jsonReads.fill(item),
};
