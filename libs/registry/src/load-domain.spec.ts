import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

import { DomainError, loadDomain } from "./load-domain.ts";

let from: string;
beforeAll(async () => {
  from = await mkdtemp(join(tmpdir(), "trellis-domain-"));
  const good = "export default { types: [], hooks: [], controllers: [] };";
  await writeFile(join(from, "module.mjs"), good);
  await mkdir(join(from, "folder"));
  await writeFile(join(from, "folder/index.mjs"), good);
  await mkdir(join(from, "packaged"));
  await writeFile(join(from, "packaged/package.json"), JSON.stringify({ exports: { ".": "./entry.mjs" } }));
  await writeFile(join(from, "packaged/entry.mjs"), good);
  await mkdir(join(from, "empty"));
  await writeFile(join(from, "nothing.mjs"), "export const x = 1;");
  await writeFile(join(from, "number.mjs"), "export default 7;");
  await writeFile(join(from, "shapeless.mjs"), "export default { types: [1] };");
  await writeFile(join(from, "throws.mjs"), 'throw new Error("out of paint");');
});
afterAll(() => rm(from, { recursive: true }));

describe("loading a domain", () => {
  it.each(["./module.mjs", "./folder", "./packaged"])("finds the module of %s", async (specifier) => {
    expect(await loadDomain(specifier, { from })).toEqual({ types: [], hooks: [], controllers: [] });
  });

  it("finds a package by name", async () => {
    expect((await loadDomain("@trellis/demo", { from: import.meta.dirname })).types.length).toBe(8);
  });

  it.each([
    ["./gone", "does not exist: no file or folder"],
    ["./empty", "has no module: expected index.ts or index.js or index.mjs in"],
    ["no-such-package", "is not a package that"],
    ["./nothing.mjs", "it has no default export; export default defineDomain("],
    ["./number.mjs", "its default export is a number, expected a domain"],
    ["./shapeless.mjs", "its default export has no list of resource types"],
    ["./throws.mjs", "failed to load"],
  ])("says of %s what is wrong", async (specifier, words) => {
    const error: unknown = await loadDomain(specifier, { from }).catch((thrown: unknown) => thrown);
    expect(DomainError.is(error)).toBe(true);
    expect((error as Error).message).toContain(words);
  });
});
