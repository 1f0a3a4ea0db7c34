import { readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "@jest/globals";

/** What an author has to write for a type, a rule and a controller: the promise of the README. */
const MAX_LINES = 60;

describe("the hello example", () => {
  it(`has at most ${MAX_LINES} lines of code`, () => {
    const lines = ["index.ts", "hello/v1/greeting.proto"].flatMap(codeLines);
    expect(lines.length).toBeGreaterThan(20);
    expect(lines.length).toBeLessThanOrEqual(MAX_LINES);
  });
});

/** The lines that are neither blank nor a comment. */
function codeLines(file: string): string[] {
  const text = readFileSync(join(import.meta.dirname, file), "utf8").replaceAll(/\/\*[^]*?\*\//g, "");
  return text.split("\n").filter((line) => line.trim() !== "" && !line.trim().startsWith("//"));
}
