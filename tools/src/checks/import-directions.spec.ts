import { describe, expect, it } from "@jest/globals";

import { directionViolations } from "./import-directions.ts";

function violations(packageDir: string, source: string, file = "src/x.ts"): string[] {
  return directionViolations(packageDir, `${packageDir}/${file}`, source).map(
    (violation) => violation.description,
  );
}

describe("import directions", () => {
  it("lets the server column point down", () => {
    expect(violations("libs/resource-service", `import { x } from "@trellis/registry";`)).toEqual([]);
  });

  it("refuses an upward import and names what is allowed", () => {
    expect(violations("libs/storage", `import { x } from "@trellis/resource-service";`)).toEqual([
      "may not import @trellis/resource-service; allowed: resource, protos",
    ]);
  });

  it("keeps server libs out of the SDK, but lets types of the registry in", () => {
    expect(violations("libs/controller", `import { createRegistry } from "@trellis/registry";`)).toHaveLength(
      1,
    );
    expect(violations("libs/controller", `import type { Domain } from "@trellis/registry";`)).toEqual([]);
    expect(violations("libs/client", `import { createServer } from "@trellis/server";`)).toHaveLength(1);
  });

  it("sees imports over several lines, re-exports and dynamic imports", () => {
    expect(violations("libs/storage", `import {\n  a,\n  b,\n} from "@trellis/server";`)).toHaveLength(1);
    expect(violations("libs/storage", `export * from "@trellis/server";`)).toHaveLength(1);
    expect(violations("libs/storage", `const x = await import("@trellis/server");`)).toHaveLength(1);
  });

  it("refuses paths that leave the package, apps as a dependency, and the test kit in product code", () => {
    expect(violations("libs/storage", `import { x } from "../../server/src/x.ts";`)).toHaveLength(1);
    expect(violations("apps/cli", `import { x } from "@trellis/gateway-app";`)).toHaveLength(1);
    expect(violations("apps/cli", `import { x } from "@trellis/testing";`)).toHaveLength(1);
  });

  it("lets tests meet both columns", () => {
    expect(violations("libs/catalog", `import { x } from "@trellis/testing";`, "src/x.spec.ts")).toEqual([]);
  });

  it("wants a new package to be put in the table", () => {
    expect(violations("libs/novelty", `import { x } from "@trellis/resource";`)).toEqual([
      "libs/novelty is not in the table of allowed imports: add it with its direction",
    ]);
  });
});
