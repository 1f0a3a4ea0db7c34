import { describe, expect, it } from "@jest/globals";

import { DEFAULT_PROJECT } from "./mutant.ts";
import { readUnbroken } from "./unbroken-tests.ts";

const passed = (fullName: string) => ({ fullName, status: "passed" });
const failed = (fullName: string) => ({ fullName, status: "failed", failureMessages: ["expected 1"] });

const tests = readUnbroken(
  {
    testResults: [
      {
        name: "/copy/libs/x.spec.ts",
        message: "one failed",
        assertionResults: [
          passed("a write T001 is stored"),
          failed("a write T002 is refused"),
          passed("a write T003 is told"),
          failed("a read T003 is told"),
          { fullName: "a write T004 is skipped", status: "pending" },
        ],
      },
      { name: "/copy/libs/broken.spec.ts", message: "Cannot find module", assertionResults: [] },
    ],
  },
  "/copy",
);
const faultOf = (spec: string, test: string) =>
  tests.faultOf({ file: "x.patch", spec, test, project: DEFAULT_PROJECT, breaks: "x" })?.output;

describe("a mutant's test, while nothing is broken", () => {
  it("is usable when it is there and passes, whatever others do", () => {
    expect(faultOf("libs/x.spec.ts", "T001")).toBeUndefined();
    // As jest finds tests: by words from the names of their groups too, in any case.
    expect(faultOf("libs/x.spec.ts", "A WRITE t001")).toBeUndefined();
  });

  it("is of no use when it fails anyway, one of several included", () => {
    expect(faultOf("libs/x.spec.ts", "T002")).toBe(
      "the test fails without the mutant\na write T002 is refused\nexpected 1",
    );
    expect(faultOf("libs/x.spec.ts", "T003")).toBe(
      "the test fails without the mutant\na read T003 is told\nexpected 1",
    );
    expect(faultOf("libs/broken.spec.ts", "T001")).toBe(
      "the test fails without the mutant\nCannot find module",
    );
  });

  it("is of no use when it is not there, or is not run", () => {
    expect(faultOf("libs/x.spec.ts", "T009")).toBe('no test of libs/x.spec.ts matches "T009"');
    expect(faultOf("libs/x.spec.ts", "T004")).toBe('no test of libs/x.spec.ts matches "T004"');
    expect(faultOf("libs/y.spec.ts", "T001")).toBe("there is no libs/y.spec.ts");
  });
});
