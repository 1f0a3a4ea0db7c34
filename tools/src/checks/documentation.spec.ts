import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

import { unknownCommands } from "./documented-commands.ts";
import { brokenLinks } from "./documented-links.ts";
import { createTrellisHelp } from "./trellis-help.ts";
import { repositoryRoot } from "../repository.ts";

describe("links of the documentation", () => {
  let root: string;
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), "trellis-docs-"));
    mkdirSync(join(root, "docs"));
    writeFileSync(join(root, "docs/THERE.md"), "# There\n\n## The `path` of a write\n");
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  function broken(text: string): readonly string[] {
    return brokenLinks(join(root, "README.md"), text).map(
      ({ line, description }) => `${line} ${description}`,
    );
  }

  it("lead to files, folders, headings and other places", () => {
    expect(broken("[a](docs/THERE.md) [b](docs) [c](https://example.dev) [d](mailto:a@example.dev)")).toEqual(
      [],
    );
    expect(broken("# Title here\n\n[a](#title-here) [b](docs/THERE.md#the-path-of-a-write)")).toEqual([]);
  });

  it("do not lead to what is missing", () => {
    expect(broken("one\n[a](docs/NO.md)")).toEqual(["2 links to docs/NO.md, which does not exist"]);
    expect(broken("[a](docs/THERE.md#no)")).toEqual([
      "1 links to docs/THERE.md#no, and docs/THERE.md has no such heading",
    ]);
    expect(broken("[a]: NO.md")).toHaveLength(1);
    expect(broken("[a](#no)")).toEqual(["1 links to #no, which is no heading here"]);
    expect(broken("[a](/docs/THERE.md)")).toHaveLength(1);
  });

  it("are no links inside code", () => {
    expect(broken("`[a](NO.md)`\n\n```ts\n[a](NO.md)\n```\n")).toEqual([]);
  });
});

describe("commands of the documentation", () => {
  const known = {
    scripts: new Set(["start", "bench"]),
    help: createTrellisHelp(),
    root: repositoryRoot,
  };
  async function unknown(...lines: string[]): Promise<readonly string[]> {
    const text = `\`\`\`sh\n${lines.join("\n")}\n\`\`\`\n`;
    return (await unknownCommands(text, known)).map(({ line, description }) => `${line} ${description}`);
  }

  it("name scripts, commands, flags and files that exist", async () => {
    expect(
      await unknown(
        "npm install && npm start # npm run nothing",
        "npm run bench -- --json out.json",
        "npx trellis --version",
        "npx trellis get workloads -o yaml | npx trellis apply -f -",
        "npx trellis apply -f examples/catalog",
        "npx trellis wal inspect .trellis/wal -o json",
        "npx trellis snapshot save it --force",
        "curl http://127.0.0.1:7500/x",
      ),
    ).toEqual([]);
  });

  it("do not name what is missing", async () => {
    expect(await unknown("npm install", "npm run nothing")).toEqual([
      '3 names the npm script "nothing", which package.json does not have',
    ]);
    expect(await unknown("npx trellis aply -f x")).toEqual([
      "2 names trellis aply, which is no command of trellis",
    ]);
    expect(await unknown("cat x | trellis get workloads --nonsense=1")).toEqual([
      "2 gives trellis get the flag --nonsense, which it does not have",
    ]);
    expect(await unknown("npx trellis snapshot keep it", "npx trellis snapshot verify it --force")).toEqual([
      "2 names trellis snapshot keep, which is no command of trellis",
      "3 gives trellis snapshot verify the flag --force, which it does not have",
    ]);
    expect(await unknown("npx trellis apply \\", "  -f examples/nothing")).toEqual([
      "2 names examples/nothing, which does not exist",
    ]);
  });

  it("may name what the page has had its reader make", async () => {
    expect(await unknown("mkdir -p examples/mine", "npm start -- --domain ./examples/mine")).toEqual([]);
    expect(await unknown("npx trellis apply -f examples/mine/a.yaml", "mkdir examples/mine")).toHaveLength(1);
    expect(await unknown("mkdir examples/mine", "npx trellis apply -f examples/mined/a.yaml")).toHaveLength(
      1,
    );
  });

  it("are those of shell blocks only", async () => {
    expect(await unknownCommands("```ts\nnpm run nothing\n```\n\nnpm run nothing\n", known)).toEqual([]);
  });
});
