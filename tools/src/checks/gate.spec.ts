import { describe, expect, it } from "@jest/globals";

import type { Check } from "./check.ts";
import { runGate } from "./gate.ts";

const checks: readonly Check[] = [
  { name: "quick", run: async () => ({ passed: 1, failed: 0, output: "not shown" }) },
  {
    name: "much longer",
    async run(tell) {
      tell("half of it is done");
      return { passed: 3, failed: 2, output: "what is wrong\n\nand why\n", summary: "3 of 5" };
    },
  },
  {
    name: "broken",
    async run() {
      throw new Error("no such program");
    },
  },
];

async function gate(...words: string[]): Promise<{ exitCode: number; lines: readonly string[] }> {
  const lines: string[] = [];
  const exitCode = await runGate({ checks, words, print: (line) => lines.push(line) });
  return { exitCode, lines };
}

describe("the gate", () => {
  it("lines names up, shows the output of what failed, and ends with the counts", async () => {
    const { exitCode, lines } = await gate();
    expect(exitCode).toBe(1);
    expect(lines[0]).toMatch(/^ok {3}quick {9} +0\.0 s$/);
    expect(lines[1]).toBe("     half of it is done");
    expect(lines[2]).toMatch(/^FAIL much longer {3} +0\.0 s {3}3 of 5$/);
    expect(lines[3]).toBe("     what is wrong\n     \n     and why");
    expect(lines.join("\n")).not.toContain("not shown");
    expect(lines.at(-1)).toBe("4 passed, 3 failed");
  });

  it("takes a check that cannot be run for a failed one", async () => {
    const { exitCode, lines } = await gate("broken");
    expect(exitCode).toBe(1);
    expect(lines.join("\n")).toContain("no such program");
    expect(lines.at(-1)).toBe("0 passed, 1 failed");
  });

  it("runs the checks that were asked for, and refuses a word that none begins with", async () => {
    expect(await gate("quick")).toMatchObject({
      exitCode: 0,
      lines: [expect.any(String), "1 passed, 0 failed"],
    });
    expect(await gate("quick", "nonsense")).toEqual({
      exitCode: 2,
      lines: ['no check begins with "nonsense"; there are: quick, much longer, broken'],
    });
  });
});
