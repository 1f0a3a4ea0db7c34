import { readFileSync, statSync } from "node:fs";

import { describe, expect, it } from "@jest/globals";

import { inRepository } from "./repository.ts";

describe(".ci/run", () => {
  const lines = readFileSync(inRepository(".ci/run"), "utf8").trimEnd().split("\n");

  it("runs the test command that the README names, and nothing after it", () => {
    const readme = readFileSync(inRepository("README.md"), "utf8");
    expect(readme).toMatch(/^npm install && npm test$/m);
    expect(lines.at(-1)).toBe("npm test");
  });

  it("installs without install scripts, and stops at the first failure", () => {
    expect(lines.filter((line) => line.startsWith("npm install"))).toEqual([
      expect.stringContaining("--ignore-scripts"),
    ]);
    expect(lines).toContain("set -euo pipefail");
  });

  it("can be executed", () => {
    expect(statSync(inRepository(".ci/run")).mode & 0o111).not.toBe(0);
  });
});
