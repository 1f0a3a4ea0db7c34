import { readFile } from "node:fs/promises";

import { describe, expect, it } from "@jest/globals";

import { inRepository } from "../repository.ts";
import { findMutants } from "./find-mutants.ts";
import { DEFAULT_PROJECT, readMutant } from "./mutant.ts";

describe("a mutant's head", () => {
  it("names the test that must notice, and what is broken", () => {
    const text =
      "Killed-by: libs/x/src/x.spec.ts :: T103 refuses (really)\nBreaks: forgets to compare\n\n--- a/x\n+++ b/x\n";
    expect(readMutant("x.patch", text)).toEqual({
      file: "x.patch",
      spec: "libs/x/src/x.spec.ts",
      test: "T103 refuses (really)",
      project: DEFAULT_PROJECT,
      breaks: "forgets to compare",
    });
  });

  it("may name the project in which the test notices", () => {
    const text = "Killed-by: a.spec.ts :: b\nProject: over gRPC\nBreaks: c\n\n--- a/x\n";
    expect(readMutant("x.patch", text).project).toBe("over gRPC");
  });

  it("is refused without either, naming the file", () => {
    expect(() => readMutant("x.patch", "--- a/x\nKilled-by: a :: b\nBreaks: c\n")).toThrow(
      /x\.patch: expected lines/,
    );
  });
});

describe("the mutants of the house", () => {
  it("all have a head, and name a project that there is", async () => {
    const config = await readFile(inRepository("jest.config.js"), "utf8");
    for (const { spec, test, project, breaks } of await findMutants([])) {
      expect(config).toContain(`"${project}"`);
      expect(spec).toMatch(/\.(spec|test)\.ts$/);
      expect(test).not.toBe("");
      expect(breaks).not.toBe("");
    }
  });
});
