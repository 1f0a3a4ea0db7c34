import { describe, expect, it } from "@jest/globals";

import { chaptersOf, commandsOf, untestedBlocks } from "./chapters.ts";
import { codeBlocks } from "./code-blocks.ts";

/** The words behind a fence and the text; or text outside of fences. */
type Block = readonly [info: string, text: string] | string;

/** A page of blocks. */
function page(...blocks: readonly Block[]): string {
  return blocks.map((block) => (typeof block === "string" ? block : fenced(...block))).join("\n\n");
}

function fenced(info: string, text: string): string {
  return `\`\`\`${info}\n${text}\n\`\`\``;
}

const TEST = ["ts file=a.test.ts", "it();"] as const;

describe("the code of a page", () => {
  it("is in fenced blocks, with the line and the section in which they stand", () => {
    expect(codeBlocks(page("# Title", "## One", ["ts file=a.ts", "1;\n2;"], ["sh", "ls"]))).toEqual([
      { line: 5, language: "ts", file: "a.ts", adds: false, text: "1;\n2;\n", section: "One" },
      { line: 10, language: "sh", file: undefined, adds: false, text: "ls\n", section: "One" },
    ]);
  });

  it("has headings that are none: those within blocks", () => {
    const [, second] = codeBlocks(page("## One", ["sh", "## not a heading"], ["ts", "1;"]));
    expect(second?.section).toBe("One");
  });
});

describe("the chapters of a page", () => {
  const texts = (text: string, options = {}) =>
    chaptersOf(text, options).map(({ section, files }) => ({ section, files: Object.fromEntries(files) }));

  it("are what a reader has at the end of each section with a test", () => {
    const text = page(
      "## One",
      ["ts file=a.ts", "1;"],
      TEST,
      "## Two",
      ["ts file=a.ts", "2;"],
      "## Three",
      ["ts add-to=a.test.ts", "more();"],
      ["ts file=b.ts", "3;"],
      "## Four",
      ["yaml file=c.yaml", "c: 1"],
    );
    const one = { "a.ts": "1;\n", "a.test.ts": "it();\n" };
    const three = { "a.ts": "2;\n", "a.test.ts": "it();\n\nmore();\n", "b.ts": "3;\n" };
    expect(texts(text)).toEqual([
      { section: "One", files: one },
      { section: "Three", files: three },
    ]);
    expect(texts(text, { toEnd: true }).at(-1)?.files).toEqual({ ...three, "c.yaml": "c: 1\n" });
  });

  it("cannot add to what was not shown, nor lead out of the folder", () => {
    expect(() => chaptersOf(page("one", ["ts add-to=a.ts", "1;"]))).toThrow("3: adds to a.ts");
    for (const path of ["../a.ts", "/a.ts", "a/../../b.ts"])
      expect(() => chaptersOf(page([`ts file=${path}`, "1;"]))).toThrow(/leads out/);
  });
});

describe("what a page shows and no test sees", () => {
  const untested = (...blocks: readonly Block[]) => untestedBlocks(page(...blocks)).map(({ text }) => text);

  it("is TypeScript in a block that is no file, on a page without a test, or behind its last test", () => {
    expect(untested(["ts", "1;"], TEST)).toEqual(["1;\n"]);
    expect(untested(["ts file=a.ts", "1;"])).toEqual(["1;\n"]);
    expect(untested("## One", TEST, "## Two", ["ts file=a.ts", "1;"])).toEqual(["1;\n"]);
    expect(untested("## One", ["ts file=a.ts", "1;"], TEST, "## Two", ["ts file=a.ts", "2;"])).toEqual([
      "2;\n",
    ]);
  });

  it("is nothing on a page whose blocks are files of its test, and no other language", () => {
    expect(untested(["ts file=a.ts", "1;"], TEST, ["sh", "ls"], ["proto", "x"])).toEqual([]);
  });
});

describe("the commands of a page", () => {
  it("are those of its shell blocks, continued lines joined and comments left out", () => {
    const text = page(["sh", "npx buf a \\\n  --b # why\nls\n# npx buf no"], ["ts", "npx buf c"]);
    expect(commandsOf(text, "npx buf").map((command) => command.split(/\s+/))).toEqual([
      ["npx", "buf", "a", "--b"],
    ]);
  });
});
