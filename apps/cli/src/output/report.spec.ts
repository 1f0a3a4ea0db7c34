import { describe, expect, it } from "@jest/globals";

import { createReport } from "./report.ts";

function reported(labels: readonly string[], dryRun = false) {
  let text = "";
  const report = createReport(labels, { colour: false, dryRun, print: (more) => (text += more) });
  return { report, text: () => text };
}
const place = { file: "a.yaml", line: 3, column: 5 };

describe("a report", () => {
  it("is aligned from its first line, and counts what was done", () => {
    const { report, text } = reported(["service/api", "workload/api-1", "x/y"]);
    report.done("service/api", "created");
    report.done("workload/api-1", "unchanged");
    report.done("x/y", "marked", "it has finalizers");
    report.summary();
    expect(text()).toBe(
      [
        "service/api     created",
        "workload/api-1  unchanged",
        "x/y             marked     it has finalizers",
        "",
        "3 resources: 1 created, 1 unchanged, 1 marked",
        "",
      ].join("\n"),
    );
    expect(report.failures).toBe(0);
  });

  it("has the faults of what failed below each other, each at its place", () => {
    const { report, text } = reported(["service/api"], true);
    report.failed("service/api", [
      { place, message: "one\ntwo" },
      { place: { ...place, line: 4 }, message: "other" },
    ]);
    report.summary();
    expect(text()).toBe(
      [
        "service/api  failed     a.yaml:3:5  one two",
        "                        a.yaml:4:5  other",
        "",
        "1 resource: 1 failed (dry run: nothing is changed)",
        "",
      ].join("\n"),
    );
    expect(report.failures).toBe(1);
  });

  it("is moved by no name that is far longer than the others", () => {
    const { report, text } = reported(["a", "b".repeat(200)]);
    report.done("a", "created");
    expect(text()).toBe(`${"a".padEnd(48)}  created\n`);
  });

  it("shows a bounded number of faults of one resource", () => {
    const { report, text } = reported(["a"]);
    report.failed(
      "a",
      Array.from({ length: 500 }, (_, index) => ({ place, message: `fault ${index}` })),
    );
    expect(text().trimEnd().split("\n")).toHaveLength(21);
    expect(text()).toContain("and 480 more");
  });
});
