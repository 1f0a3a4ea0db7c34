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
const REVISION = "9".repeat(REVISION_DIGITS);

/** The name of a resource: as long for every item. */
export function albumName(item: number): string {
  return `${ALBUM_PREFIX}${String(item).padStart(NAME_DIGITS, "0")}`;
}

/** What the names of one thousand of items begin with. */
export function thousandPrefix(thousand: number): string {
  return albumName(thousand * 1_000).slice(0, -DIGITS_OF_A_THOUSAND);
}

const resource = album(Number(ITEM), Number(REVISION));
const writeRequest = create(WriteRequestSchema, { resource });
const readRequest = create(ReadRequestSchema, { id: albumId(Number(ITEM)) });

/** Resources, by item and revision. */
export const resources = new Template(toBinary(ResourceSchema, resource), [ITEM, REVISION]);

/** Requests to write them, by item and revision. */
export const writeRequests = new Template(toBinary(WriteRequestSchema, writeRequest), [ITEM, REVISION]);

/** The same in JSON. */
export const jsonWriteRequests = new Template(
  Buffer.from(
    toJsonString(WriteRequestSchema, writeRequest, {
      registry: createRegistry(AlbumSchema),
    }),
  ),
  [ITEM, REVISION],
);

/** Requests to read them, by item. */
export const readRequests = new Template(toBinary(ReadRequestSchema, readRequest), [ITEM]);

/** The same in JSON. */
export const jsonReadRequests = new Template(Buffer.from(toJsonString(ReadRequestSchema, readRequest)), [
  ITEM,
]);
