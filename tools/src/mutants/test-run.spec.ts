import { describe, expect, it } from "@jest/globals";

import { readTestRun } from "./test-run.ts";

const ended = (exitCode: number, output: string, stopped?: string) =>
  readTestRun({ exitCode, output, stopped });

describe("the run of a mutant's test", () => {
  it("counts the tests that ran, and not those of other names", () => {
    const passed = ended(0, "Tests:       41 skipped, 1 passed, 42 total\n");
    expect(passed).toMatchObject({ matched: 1, failed: false, crashed: false });
    const failed = ended(1, "Tests:       2 failed, 40 skipped, 1 passed, 43 total\n");
    expect(failed).toMatchObject({ matched: 3, failed: true, crashed: false });
  });

  it("matches nothing when all tests have other names", () => {
    const none = ended(0, "Tests:       42 skipped, 42 total\n");
    expect(none).toMatchObject({ matched: 0, failed: false, crashed: false });
  });

  it("crashed when the process failed before it counted its tests", () => {
    const crashed = ended(1, "RangeError: Maximum call stack size exceeded\n\nNode.js v24.0.0\n");
    expect(crashed).toMatchObject({ matched: 0, failed: true, crashed: true });
  });

  it("counts as a test when it had to be stopped", () => {
    expect(ended(1, "", "took longer than 120 s")).toMatchObject({ matched: 1, failed: true });
  });
});
