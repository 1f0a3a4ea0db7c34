import { describe, expect, it } from "@jest/globals";

import { helpText, numberFlag, readFlags } from "./flags.ts";

const flags = {
  seconds: { value: "N", help: "how long", default: "5" },
  json: { value: "FILE", help: "where to" },
} as const;

describe("a tool's flags", () => {
  it("are given, or have defaults", () => {
    expect(readFlags(["--json", "x.json"], flags)).toEqual({ seconds: "5", json: "x.json" });
    expect(readFlags(["--seconds=2"], flags)).toEqual({ seconds: "2", json: undefined });
  });

  it.each([[["--colour", "red"]], [["extra"]], [["--json"]]])("that do not exist are refused: %j", (args) => {
    expect(() => readFlags(args, flags)).toThrow(/; there are --seconds N, --json FILE$/);
  });

  it("that are numbers have bounds", () => {
    expect(numberFlag("n", "3", { min: 1, max: 5 })).toBe(3);
    expect(numberFlag("n", "0.5", { min: 0, max: 5, fractions: true })).toBe(0.5);
    for (const text of ["0", "6", "1.5", "", "x", "Infinity"])
      expect(() => numberFlag("n", text, { min: 1, max: 5 })).toThrow(
        `--n: expected a whole number from 1 to 5; found "${text}"`,
      );
  });

  it("have a help", () => {
    expect(helpText("npm run x", flags)).toBe(
      "npm run x\n\n  --seconds N  how long (default 5)\n  --json FILE  where to\n",
    );
  });
});
