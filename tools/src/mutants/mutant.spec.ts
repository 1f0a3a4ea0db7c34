import { describe, expect, it } from "@jest/globals";

import { findMutants } from "./run.ts";
import { readMutant } from "./mutant.ts";

describe("a mutant's head", () => {
  it("names the test that must notice, and what is broken", () => {
    const text =
      "Killed-by: libs/x/src/x.spec.ts :: T103 refuses (really)\nBreaks: forgets to compare\n\n--- a/x\n+++ b/x\n";
    expect(readMutant("x.patch", text)).toEqual({
      file: "x.patch",
      spec: "libs/x/src/x.spec.ts",
      test: "T103 refuses (really)",
      breaks: "forgets to compare",
    });
  });

  it("is refused without either, naming the file", () => {
    expect(() => readMutant("x.patch", "--- a/x\nKilled-by: a :: b\nBreaks: c\n")).toThrow(
      /x\.patch: expected lines/,
    );
  });
});

describe("the mutants of the house", () => {
  it("all have a head", async () => {
    for (const { spec, test, breaks } of await findMutants([])) {
      expect(spec).toMatch(/\.(spec|test)\.ts$/);
      expect(test).not.toBe("");
      expect(breaks).not.toBe("");
    }
  });
});
