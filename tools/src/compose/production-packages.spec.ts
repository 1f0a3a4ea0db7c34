import { describe, expect, it } from "@jest/globals";

import { productionPackages } from "./production-packages.ts";

describe("what workspaces need when they run", () => {
  const lock = {
    packages: {
      "node_modules/@x/app": { link: true, resolved: "apps/app" },
      "node_modules/@x/lib": { link: true, resolved: "libs/lib" },
      "node_modules/@x/tests": { link: true, resolved: "libs/tests" },
      "apps/app": { dependencies: { "@x/lib": "1" }, devDependencies: { "@x/tests": "1" } },
      "libs/lib": { dependencies: { yaml: "2", log: "1" } },
      "libs/lib/node_modules/yaml": {},
      "node_modules/yaml": {},
      "node_modules/log": { dependencies: { yaml: "1" } },
    },
  };

  it("is what they lean on, from where Node finds it, and nothing of development's", () => {
    expect(
      productionPackages(lock, ["apps/app"])
        .map(({ place }) => place)
        .sort(),
    ).toEqual([
      "libs/lib/node_modules/yaml",
      "node_modules/@x/app",
      "node_modules/@x/lib",
      "node_modules/log",
      "node_modules/yaml",
    ]);
  });

  it("has to be in the lock file", () => {
    const broken = { packages: { "apps/app": { dependencies: { gone: "1" } } } };
    expect(() => productionPackages(broken, ["apps/app"])).toThrow(
      /expected gone in package-lock.json for apps\/app/,
    );
  });
});
