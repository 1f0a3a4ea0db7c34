import { create, type DescMessage, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import {
  ReadRequestSchema,
  WriteRequestSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";

import { albumName, ITEM, type ItemRequests, REVISION } from "../album-requests.ts";
import { Template } from "../raw/template.ts";
import { GROUP, GROUP_VERSION, kindName, manySchemas } from "./many-types.ts";

/** A number of a type that stands for all, which nothing else in a record looks like. */
const TYPE = "2222";
const LINES = 12;

/** Requests for resources of about 600 bytes, by turns of so many types: the type of an item is the rest of its division by their number. */
export function recordRequests(types: number): ItemRequests {
  const type = { group: GROUP, groupVersion: GROUP_VERSION, kind: kindName(Number(TYPE)) };
  const id = { type, name: albumName(Number(ITEM)) };
  const [schema] = manySchemas(1, Number(TYPE));
  if (schema === undefined) throw new Error("expected a schema for the template, found none");
  const resource = create(ResourceSchema, { id, metadata: { team: "bench" }, data: payload(schema) });
  const writes = new Template(toBinary(WriteRequestSchema, create(WriteRequestSchema, { resource })), [
    TYPE,
    ITEM,
    REVISION,
  ]);
  const reads = new Template(toBinary(ReadRequestSchema, create(ReadRequestSchema, { id })), [TYPE, ITEM]);
  return {
    write: (item, revision) => writes.fill(item % types, item, revision),
    read: (item) => reads.fill(item % types, item),
  };
}

function payload(schema: DescMessage) {
  const tracks = Array.from(
    { length: LINES },
    (_, line) => `${REVISION} ${"track number".repeat(2)} ${line}`,
  );
  return anyPack(schema, create(schema, { title: `Record ${ITEM}`, tracks }));
}
