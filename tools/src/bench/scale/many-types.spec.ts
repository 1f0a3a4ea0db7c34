import { fromBinary } from "@bufbuild/protobuf";
import { describe, expect, it } from "@jest/globals";
import { Scope } from "@trellis/protos/trellis/resource/v1/annotations_pb";
import {
  ReadRequestSchema,
  WriteRequestSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { resourceType } from "@trellis/client";

import { manySchemas, manyTypes } from "./many-types.ts";
import { recordRequests } from "./record-requests.ts";

describe("types that are made when they are loaded", () => {
  it("are resource types of one group", () => {
    const { types } = manyTypes(100);
    expect(types).toHaveLength(100);
    expect(types[0]).toMatchObject({ gvk: "scale.v1.Record0000", scope: Scope.NAMESPACE });
    expect(types[99]?.gvk).toBe("scale.v1.Record0099");
  });

  it("have requests by turns, whose payload is of the resource's type", () => {
    const requests = recordRequests(100);
    const { resource } = fromBinary(WriteRequestSchema, requests.write(1_207, 5));
    const [schema] = manySchemas(1, 7);
    if (schema === undefined) throw new Error("there is no schema");
    const { group, groupVersion, kind } = resourceType(schema);
    expect(resource?.id).toMatchObject({ type: { group, groupVersion, kind }, name: "album-00001207" });
    expect(resource?.data?.typeUrl).toBe(`type.googleapis.com/${schema.typeName}`);
    const read = fromBinary(ReadRequestSchema, requests.read(1_207));
    expect(read.id).toEqual(resource?.id);
  });
});
