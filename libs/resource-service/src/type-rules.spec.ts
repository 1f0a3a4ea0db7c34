import { describe, expect, it } from "@jest/globals";
import { WorkloadSchema } from "@trellis/protos/trellis/catalog/v1/workload_pb";
import { AlbumSchema } from "@trellis/protos/trellis/demo/v2/demo_pb";
import { IDSchema, ResourceSchema, TypeSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { CheckSchema, WatchListRequestSchema } from "@trellis/protos/trellis/resource/v1/resource_service_pb";

import { hasRules } from "./type-rules.ts";

describe("the rules of a message", () => {
  it.each([
    ["a field's", IDSchema, true],
    ["a message's", CheckSchema, true],
    ["a message's, of fields without", WatchListRequestSchema, true],
    ["those of a message within it", ResourceSchema, true],
    ["those of a catalog type", WorkloadSchema, true],
    ["none", AlbumSchema, false],
    ["none of a small one", TypeSchema, false],
  ])("are seen: %s", (_, schema, expected) => {
    for (const again of [1, 2])
      expect({ again, found: hasRules(schema) }).toEqual({ again, found: expected });
  });
});
