import { describe, expect, it } from "@jest/globals";

import { DEFAULT_PROJECT, type Mutant } from "./mutant.ts";
import { createReport } from "./report.ts";

const mutants = ["a", "b", "c"].map((name): Mutant => ({
  file: `${name}.patch`,
  spec: "x.spec.ts",
  test: "x",
  project: DEFAULT_PROJECT,
  breaks: `breaks ${name}`,
}));

describe("the report of mutants", () => {
  it("has the verdicts in the order of paths, however they come", () => {
    let printed = "";
    const report = createReport(mutants, { print: (text) => (printed += text) });
    report.add(2, { kind: "killed" });
    expect(printed).toBe("");
    report.add(0, { kind: "killed" });
    report.add(1, { kind: "stale", output: "1 hunk\nfailed\n" });
    expect(report.end()).toBe(false);
    expect(printed).toBe(
      `killed    a.patch  breaks a
stale     b.patch  breaks b
          1 hunk
          failed
killed    c.patch  breaks c
2 killed, 1 not killed
`,
    );
  });

  it("is good when every mutant was killed, and only then", () => {
    const endOf = (kind: "killed" | "survived"): boolean => {
      const report = createReport(mutants, { print: () => undefined });
      for (const position of mutants.keys()) report.add(position, { kind: position === 1 ? kind : "killed" });
      return report.end();
    };
    expect([endOf("killed"), endOf("survived")]).toEqual([true, false]);
  });

  it("tells on a terminal how far it is, in one line below the verdicts that leaves nothing behind", () => {
    const screen: string[] = [];
    const report = createReport(mutants, {
      print: (text) => screen.push(text),
      status: { write: (text) => screen.push(text), columns: 20 },
    });
    report.begin("runs 1 spec with nothing broken …");
    report.add(0, { kind: "survived" });
    report.add(1, { kind: "killed" });
    report.add(2, { kind: "killed" });
    report.end();
    const erase = "\r\u001B[K";
    expect(screen).toEqual([
      `${erase}runs 1 spec with no`,
      erase,
      "survived  a.patch  breaks a\n",
      `${erase}1/3  0 killed, 1 no`,
      erase,
      "killed    b.patch  breaks b\n",
      `${erase}2/3  1 killed, 1 no`,
      erase,
      "killed    c.patch  breaks c\n",
      `${erase}3/3  2 killed, 1 no`,
      erase,
      "2 killed, 1 not killed\n",
    ]);
  });
});
