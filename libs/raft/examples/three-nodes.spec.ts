import { describe, expect, it } from "@jest/globals";
import { messageTypes } from "@trellis/raft";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const readme = readFileSync(join(import.meta.dirname, "../README.md"), "utf8");
const example = join(import.meta.dirname, "three-nodes.ts");

/** The first fenced block of a language in the README. */
function blockOf(language: string): string {
  const block = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, "ms").exec(readme)?.[1];
  if (block === undefined) throw new Error(`expected a block of ${language} in the README`);
  return block;
}

describe("the README", () => {
  it("shows the example as it is", () => {
    expect(blockOf("ts")).toBe(readFileSync(example, "utf8"));
  });

  it("shows what the example prints", () => {
    expect(execFileSync(process.execPath, [example], { encoding: "utf8", env: {} })).toBe(blockOf("text"));
  });

  it("has a row for each message, and none that is no message", () => {
    const rows = [...readme.matchAll(/^\| (Msg\w+) +\|/gm)].map(([, name]) => name);
    expect(rows).toHaveLength(messageTypes.length);
    expect(new Set(rows)).toEqual(new Set(messageTypes));
  });
});
