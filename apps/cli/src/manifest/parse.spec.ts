import { describe, expect, it } from "@jest/globals";

import { readText } from "../test-support/manifests.ts";
import { MAX_DOCUMENTS } from "./limits.ts";
import { parseManifests } from "./parse.ts";

const manifest = (name: string) => `type: test.v1.Every\nname: ${name}\n`;
const names = (text: string) => readText(text).resources.map(({ id }) => id?.name);

describe("a manifest file", () => {
  it("holds several documents apart by ---, empty ones among them", () => {
    const text = `# first\n---\n${manifest("a")}---\n---\n# nothing here\n---\n${manifest("b")}...\n`;
    expect(readText(text)).toMatchObject({ problems: [], resources: [{}, {}] });
    expect(names(text)).toEqual(["a", "b"]);
  });

  it("holds lists of manifests, in YAML and in JSON", () => {
    expect(names("- {type: test.v1.Every, name: a}\n- {type: test.v1.Every, name: b}\n")).toEqual(["a", "b"]);
    expect(names('[{"type": "test.v1.Every", "name": "a"}, {"type": "test.v1.Every", "name": "b"}]')).toEqual(
      ["a", "b"],
    );
  });

  it("begins with a byte order mark and ends its lines with CRLF", () => {
    const text = `\uFEFF${manifest("a")}data:\n  text: x\n  flag: 1\n`.replaceAll("\n", "\r\n");
    expect(readText(text).problems).toEqual(["5:9 data.flag: expected true or false, found the number 1"]);
    expect(names(text.replace("flag: 1", "flag: true"))).toEqual(["a"]);
  });

  it("uses anchors and aliases, each document its own", () => {
    const text = `${manifest("a")}data:\n  list: [&one {text: x}, *one]\n`;
    expect(readText(text)).toMatchObject({ problems: [], resources: [{ id: { name: "a" } }] });
  });

  it("names an alias that stands for nothing, at its place", () => {
    expect(readText(`${manifest("a")}data:\n  text: *nowhere\n`).problems).toEqual([
      "4:9 the alias *nowhere stands for nothing: no &nowhere comes before it",
    ]);
  });

  it("refuses aliases that multiply into more than anyone meant", () => {
    const levels = ["a", "b", "c", "d", "e", "f"];
    const lines = levels.map((name, level) => {
      const below = level === 0 ? "x" : `*${levels[level - 1] ?? ""}`;
      return `  ${name}: &${name} [${Array.from({ length: 9 }, () => below).join(", ")}]\n`;
    });
    expect(readText(`${manifest("a")}data:\n${lines.join("")}`).problems).toEqual([
      "1:1 expected at most 1000 uses of aliases; write the values out",
    ]);
  });

  it("refuses a key that stands twice, at the second one", () => {
    expect(readText(`${manifest("a")}name: b\n`).problems).toEqual([
      "3:1 the key name stands twice; remove one",
    ]);
    expect(readText('{"type": "test.v1.Every",\n "type": "x"}').problems).toEqual([
      "2:2 the key type stands twice; remove one",
    ]);
    expect(readText(`${manifest("a")}data:\n  counts: {1: 1, "1": 2}\n`).problems).toEqual([
      "4:18 the key 1 stands twice; remove one",
    ]);
  });

  it("may not be indented with tabs", () => {
    expect(readText(`${manifest("a")}data:\n\ttext: x\n`).problems).toEqual([
      "4:1 this is not YAML: tabs are not allowed as indentation",
    ]);
  });

  it("is called JSON when it ends in .json", () => {
    const [problem] = readText('{"type": "test.v1.Every"', { file: "m.json" }).problems;
    expect(problem).toMatch(/^1:\d+ this is not JSON: /);
  });

  it("is read beyond a document that is broken", () => {
    const { resources, problems } = readText(`${manifest("a")}data: [\n---\n${manifest("b")}`);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^[34]:\d+ this is not YAML: /);
    expect(resources.map(({ id }) => id?.name)).toEqual(["b"]);
  });

  it("is refused where its values are nested too deeply for any reader", () => {
    const depth = 20_000;
    expect(readText(`${"[".repeat(depth)}${"]".repeat(depth)}`).problems[0]).toMatch(
      /nested too deeply|expected a manifest/,
    );
    const nested = `${"{nested: ".repeat(120)}{}${"}".repeat(120)}`;
    expect(readText(`${manifest("a")}data: ${nested}\n`).problems[0]).toMatch(
      /the manifest is too large or nested too deeply to be read$/,
    );
  });

  it("holds a bounded number of resources", () => {
    const { manifests, broken } = parseManifests("many.yaml", "- {}\n".repeat(MAX_DOCUMENTS + 5));
    expect(manifests).toHaveLength(MAX_DOCUMENTS);
    expect(broken).toEqual([
      {
        place: { file: "many.yaml", line: MAX_DOCUMENTS + 1, column: 3 },
        message: `expected at most ${MAX_DOCUMENTS} resources in one file; split it`,
      },
    ]);
  });

  it.each([
    ["hello\n", '1:1 expected a manifest: a map with type, name and data, found the string "hello"'],
    ["- 5\n", "1:3 expected a manifest: a map with type, name and data, found the number 5"],
    ["-\n", "1:2 expected a manifest: a map with type, name and data, found nothing"],
    ["- - a\n", "1:3 expected a manifest: a map with type, name and data, found a list"],
  ])("that says %j says no manifest", (text, problem) => {
    expect(readText(text).problems).toEqual([problem]);
  });
});
