import { spawn } from "node:child_process";
import { join } from "node:path";
import { text } from "node:stream/consumers";

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

  it("without a value are given or not", () => {
    const more = { ...flags, quick: { value: "", help: "less of it" } } as const;
    expect(readFlags([], more).quick).toBe(false);
    expect(readFlags(["--quick", "--seconds", "2"], more)).toMatchObject({ quick: true, seconds: "2" });
    expect(() => readFlags(["--quick=yes"], more)).toThrow(/--json FILE, --quick, and --help$/);
    expect(helpText("x", more)).toMatch(/\n {2}--quick {4,}less of it\n$/);
  });

  it.each([[["--colour", "red"]], [["extra"]], [["--json"]]])("that do not exist are refused: %j", (args) => {
    expect(() => readFlags(args, flags)).toThrow(/; there are --seconds N, --json FILE, and --help$/);
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

describe("a tool", () => {
  const tool = `
    import { runTool } from ${JSON.stringify(join(import.meta.dirname, "flags.ts"))};
    await runTool("tool", async () => {
      for (let line = 0; line < 20_000; line++) process.stdout.write("x".repeat(99) + "\\n");
      return 3;
    });`;
  const start = () => {
    const child = spawn("node", ["--input-type=module", "-e", tool], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const exit = new Promise((resolve) => child.once("exit", resolve));
    return { stdout: child.stdout, exit };
  };

  it("does not end before a slow reader has all that it printed", async () => {
    const { stdout, exit } = start();
    const isSlow = new Int32Array(new SharedArrayBuffer(4));
    stdout.on("data", () => void Atomics.wait(isSlow, 0, 0, 10));
    expect((await text(stdout)).length).toBe(2_000_000);
    expect(await exit).toBe(3);
  });

  it("ends when its reader is gone", async () => {
    const { stdout, exit } = start();
    stdout.once("data", () => stdout.destroy());
    expect(await exit).toBe(3);
  });
});
