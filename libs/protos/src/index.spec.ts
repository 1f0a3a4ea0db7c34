import { describe, expect, it } from "@jest/globals";

import { descriptorImage } from "./index.ts";

describe("the descriptor image", () => {
  it("has every public and domain file", () => {
    expect([...descriptorImage().keys()]).toEqual(
      expect.arrayContaining([
        "trellis/resource/v1/resource_service.proto",
        "trellis/catalog/v1/workload.proto",
        "trellis/demo/v1/demo.proto",
        "trellis/demo/v2/demo.proto",
      ]),
    );
  });

  it("has the comments that generated code lacks", () => {
    const file = descriptorImage().get("trellis/catalog/v1/health.proto");
    const comments = file?.sourceCodeInfo?.location.map(({ leadingComments }) => leadingComments.trim());
    expect(comments).toContain("The result of one check of a Workload, which owns it.");
  });

  it("is read once", () => {
    expect(descriptorImage()).toBe(descriptorImage());
  });
});
