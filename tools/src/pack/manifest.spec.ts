import { describe, expect, it } from "@jest/globals";

import { publishedManifest } from "./manifest.ts";

describe("the manifest of a published lib", () => {
  it("exports the built files, with their types, instead of the sources", () => {
    const manifest = publishedManifest({
      name: "@trellis/client",
      version: "0.1.0",
      type: "module",
      exports: { ".": "./src/index.ts", "./*": "./src/gen/*.ts" },
      dependencies: { ulid: "3.0.2" },
    });
    expect(manifest).toMatchObject({
      exports: {
        ".": { types: "./dist/index.d.ts", default: "./dist/index.js" },
        "./*": { types: "./dist/gen/*.d.ts", default: "./dist/gen/*.js" },
      },
      dependencies: { ulid: "3.0.2" },
    });
  });

  it("refuses an export that is no source", () => {
    expect(() =>
      publishedManifest({ name: "x", version: "1.0.0", exports: { ".": "./lib/index.js" } }),
    ).toThrow("an export must be a .ts file below ./src, found ./lib/index.js");
  });
});
