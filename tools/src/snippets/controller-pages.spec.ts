import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

import { inRepository } from "../repository.ts";
import { chaptersOf, untestedBlocks } from "./chapters.ts";
import { createReader, type Reader, type TestFile } from "./reader.ts";

const FOLDER = inRepository("docs/controllers");
/** The compiler and jest, once each, over all pages. */
const SETUP_TIMEOUT_MS = 300_000;

const pages = [
  ...readdirSync(FOLDER)
    .filter((file) => file.endsWith(".md"))
    .map((file) => ({ name: basename(file, ".md"), path: join(FOLDER, file) })),
  { name: "package", path: inRepository("libs/controller/README.md") },
  { name: "test-kit", path: inRepository("libs/testing/README.md") },
].map(({ name, path }) => {
  const text = readFileSync(path, "utf8");
  return { name, text, chapters: chaptersOf(text) };
});
const withCode = pages.filter(({ chapters }) => chapters.length > 0);

describe("the pages about controllers", () => {
  let reader: Reader;
  let tests: ReadonlyMap<string, TestFile>;
  const folders = new Map<string, readonly string[]>();
  beforeAll(async () => {
    reader = await createReader();
    for (const { name, text, chapters } of withCode)
      folders.set(name, await reader.follow(name, text, chapters));
    tests = await reader.test();
  }, SETUP_TIMEOUT_MS);
  afterAll(() => reader?.remove());

  it.each(pages)("show no TypeScript in $name that no test sees", ({ text }) => {
    expect(untestedBlocks(text).map(({ line, text: code }) => `${line}: ${code}`)).toEqual([]);
  });

  it("have code that compiles as strictly as ours", async () => {
    expect(await reader.typeErrors()).toBe("");
  });

  it.each(withCode)("have tests in $name that pass, at the end of each chapter", ({ name, chapters }) => {
    const its = folders.get(name) ?? [];
    for (const folder of its) {
      const files = [...tests].filter(([path]) => path.startsWith(`${folder}/`));
      expect(files.map(([, { failure }]) => failure).join("")).toBe("");
      expect(files.flatMap(([, { passed }]) => passed)).not.toEqual([]);
    }
    expect(its).toHaveLength(chapters.length);
  });
});
