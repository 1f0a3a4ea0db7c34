import { create, equals, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { createHandlerContext } from "@connectrpc/connect";
import { describe, expect, it } from "@jest/globals";
import { ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import {
  ListResponseSchema,
  ReadResponseSchema,
  ResourceService,
  WatchEvent_Delete_Reason,
  WatchEventSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";

import { recordOf } from "./record.ts";
import { answersInBinary, deleteField, resourceField, upsertField, withStored } from "./stored-form.ts";

const id = { uid: "01J", name: "one", type: { group: "demo", groupVersion: "v2", kind: "Album" } };
const RESOURCES: readonly (readonly [string, MessageInitShape<typeof ResourceSchema>])[] = [
  ["of an id alone", { id }],
  ["with an owner", { id, owner: { ...id, name: "owner" }, generation: "01G" }],
  [
    "with a long id and owner",
    { id: { ...id, name: "n".repeat(300) }, owner: { ...id, name: "o".repeat(20_000) } },
  ],
  [
    "with everything",
    {
      id,
      owner: id,
      generation: "01G",
      metadata: { a: "b", c: "é" },
      status: { "a/b": { observedGeneration: "01G", conditions: [{ type: "Ready" }] } },
      data: { typeUrl: "type.googleapis.com/x.Y", value: new Uint8Array(70_000).fill(7) },
    },
  ],
  ["of nothing", {}],
];

describe.each(RESOURCES)("a stored resource %s", (_, init) => {
  const resource = create(ResourceSchema, init);
  const record = recordOf(resource);

  it.each(["", "7", "9007199254740991"])(
    "is what its readers would get otherwise, with version %j",
    (version) => {
      const shown = { ...resource, version };
      const stored = { record, version };
      const sent = <D extends typeof ReadResponseSchema>(schema: D) =>
        fromBinary(schema, toBinary(schema, withStored(create(schema), [resourceField(stored)])));
      expect(
        equals(ReadResponseSchema, sent(ReadResponseSchema), create(ReadResponseSchema, { resource: shown })),
      ).toBe(true);

      const list = withStored(create(ListResponseSchema, { version: "9" }), [
        resourceField(stored),
        resourceField(stored),
      ]);
      const listed = fromBinary(ListResponseSchema, toBinary(ListResponseSchema, list));
      expect(listed).toEqual(create(ListResponseSchema, { version: "9", resources: [shown, shown] }));

      const upsert = withStored(create(WatchEventSchema, { version: "9" }), [upsertField(stored)]);
      expect(fromBinary(WatchEventSchema, toBinary(WatchEventSchema, upsert))).toEqual(
        create(WatchEventSchema, { version: "9", event: { case: "upsert", value: { resource: shown } } }),
      );

      const reason = WatchEvent_Delete_Reason.LEFT_SELECTOR;
      const gone = withStored(create(WatchEventSchema), [deleteField(stored, reason)]);
      expect(fromBinary(WatchEventSchema, toBinary(WatchEventSchema, gone))).toEqual(
        create(WatchEventSchema, { event: { case: "delete", value: { resource: shown, reason } } }),
      );
    },
  );
});

describe("an answer", () => {
  const of = (protocolName: string, contentType: string | undefined): boolean =>
    answersInBinary(
      createHandlerContext({
        service: ResourceService,
        method: ResourceService.method.read,
        protocolName,
        requestMethod: "POST",
        url: "http://x",
        requestHeader: contentType === undefined ? {} : { "content-type": contentType },
      }),
    );

  it.each([
    ["connect", "application/proto"],
    ["connect", "application/proto; charset=utf-8"],
    ["connect", "application/connect+proto"],
    ["grpc", "application/grpc"],
    ["grpc", "application/grpc+proto"],
    ["grpc-web", "application/grpc-web"],
    ["grpc-web", "application/grpc-web+proto"],
  ])("is in binary over %s with %s", (protocolName, contentType) => {
    expect(of(protocolName, contentType)).toBe(true);
  });

  it.each([
    ["connect", "application/json"],
    ["connect", "application/connect+json"],
    ["connect", undefined],
    ["grpc", "application/grpc+json"],
    ["grpc-web", "application/grpc-web+json"],
    ["rest", "application/proto"],
    ["local", "application/proto"],
  ])("is not over %s with %s", (protocolName, contentType) => {
    expect(of(protocolName, contentType)).toBe(false);
  });
});
