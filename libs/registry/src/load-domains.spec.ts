import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

import { DomainError } from "./load-domain.ts";
import { loadDomains } from "./load-domains.ts";

const DEMO = join(import.meta.dirname, "../../demo/src/index.ts");

let from: string;
beforeAll(async () => {
  from = await mkdtemp(join(tmpdir(), "trellis-domains-"));
  const demo = `import demo from ${JSON.stringify(DEMO)};`;
  const part = (types: string, hooks = "[]") =>
    `${demo} export default { types: ${types}, hooks: ${hooks}, controllers: [] };`;
  await writeFile(join(from, "first.mjs"), part("demo.types.slice(0, 2)"));
  await writeFile(join(from, "second.mjs"), part("demo.types.slice(1, 3)"));
  await writeFile(join(from, "rest.mjs"), part("demo.types.slice(3)"));
  await writeFile(join(from, "twice.mjs"), part("[demo.types[0], demo.types[0]]"));
  const named = (...names: readonly string[]) =>
    `export default { types: [], hooks: [], controllers: ${JSON.stringify(names)}.map((name) => ({ name, reconcile() {} })) };`;
  await writeFile(join(from, "greeter.mjs"), named("hello", "bye"));
  await writeFile(join(from, "other-greeter.mjs"), named("hello"));
  await writeFile(join(from, "greets-twice.mjs"), named("hello", "hello"));
  const signing = (name: string, gvk: string) =>
    `export default { types: [], hooks: [], controllers: [{ name: "${name}", key: "k", type: { gvk: "${gvk}" }, reconcile() {} }] };`;
  await writeFile(join(from, "signer.mjs"), signing("a", "x.v1.X"));
  await writeFile(join(from, "other-signer.mjs"), signing("b", "x.v1.X"));
  await writeFile(join(from, "elsewhere.mjs"), signing("b", "x.v1.Y"));
  await writeFile(join(from, "hooked.mjs"), part("[]", "[{ type: demo.types[0], hooks: {} }]"));
});
afterAll(() => rm(from, { recursive: true }));

async function failure(...specifiers: readonly string[]): Promise<string> {
  const error: unknown = await loadDomains(specifiers, { from }).catch((thrown: unknown) => thrown);
  expect(DomainError.is(error)).toBe(true);
  return (error as Error).message;
}

describe("loading domains", () => {
  it("gives them in their order, one named twice once", async () => {
    const domains = await loadDomains(["./first.mjs", "./rest.mjs", "./first.mjs"], { from });
    expect(domains.map(({ types }) => types.length)).toEqual([2, 5]);
  });

  it("gives none for none", async () => {
    expect(await loadDomains([], { from })).toEqual([]);
  });

  it("refuses a type of two of them, naming both, the type, and what to do", async () => {
    const message = await failure("./rest.mjs", "./first.mjs", "./second.mjs");
    expect(message).toMatch(
      /^domains \.\/first\.mjs and \.\/second\.mjs both bring resource type demo\.v1\.\w+: leave one of them out, or /,
    );
    expect(message).not.toContain("\n");
  });

  it("refuses one module under two names", async () => {
    const message = await failure("./first.mjs", join(from, "first.mjs"));
    expect(message).toContain(
      `domains ./first.mjs and ${join(from, "first.mjs")} are the same module: name it once`,
    );
  });

  it("refuses two controllers that sign one type with one key, naming their domains and the key", async () => {
    expect(await failure("./signer.mjs", "./other-signer.mjs")).toBe(
      'the controllers "a" of domain ./signer.mjs and "b" of domain ./other-signer.mjs sign x.v1.X with one key, "k": give each a key of its own',
    );
    expect(await loadDomains(["./signer.mjs", "./elsewhere.mjs"], { from })).toHaveLength(2);
  });

  it("refuses two controllers of one name, naming their domains and the name", async () => {
    expect(await failure("./greeter.mjs", "./other-greeter.mjs")).toBe(
      'domains ./greeter.mjs and ./other-greeter.mjs both have a controller called "hello": rename one of them, or leave a domain out',
    );
    expect(await failure("./greets-twice.mjs")).toBe(
      'domain ./greets-twice.mjs: two of its controllers are called "hello": rename one',
    );
  });

  it("says of which of them something else is wrong", async () => {
    expect(await failure("./first.mjs", "./hooked.mjs")).toMatch(
      /^domain \.\/hooked\.mjs: hooks for demo\.v1\.\w+/,
    );
    expect(await failure("./twice.mjs")).toMatch(
      /^domain \.\/twice\.mjs: resource type demo\.v1\.\w+ already registered/,
    );
    expect(await failure("./first.mjs", "./nowhere")).toContain("./nowhere does not exist");
  });
});
