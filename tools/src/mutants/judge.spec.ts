import { mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

import { inRepository } from "../repository.ts";
import { findMutants } from "./find-mutants.ts";
import { judgeMutants } from "./judge.ts";
import { runUnbroken } from "./unbroken-tests.ts";

/** A product of one function, whose spec has two tests; the second notices what it notices only in the project "far". */
const PRODUCT: Readonly<Record<string, string>> = {
  "package.json": '{ "type": "module" }',
  "jest.config.js": `const project = (displayName) => ({ displayName, transform: {}, globals: { far: displayName === "far" } });
export default { projects: [project("in process"), project("far")] };
`,
  "add.js": "export const add = (a, b) => a + b;\nexport const far = (a, b) => a + b;\n",
  "add.spec.js": `import { add, far } from "./add.js";
it("adds", () => expect(add(2, 3)).toBe(5));
it("adds far", () => expect(globalThis.far ? far(2, 3) : 5).toBe(5));
it("fails anyway", () => expect(1).toBe(2));
`,
};

const patch = (head: string, from: string, to: string): string => `Killed-by: add.spec.js :: ${head}
Breaks: something

--- a/add.js
+++ b/add.js
@@ -1,2 +1,2 @@
${["add", "far"]
  .map((name) => {
    const line = (body: string) => `export const ${name} = (a, b) => ${body};`;
    return name === from.split(":")[0]
      ? `-${line(from.split(":")[1] ?? "")}\n+${line(to)}`
      : ` ${line("a + b")}`;
  })
  .join("\n")}
`;

const MUTANTS: Readonly<Record<string, string>> = {
  "killed.patch": patch("adds", "add:a + b", "a - b"),
  "killed-far.patch": patch("adds far\nProject: far", "far:a + b", "a - b"),
  "stale.patch": patch("adds", "add:a * b", "a - b"),
  "survived.patch": patch("adds", "add:a + b", "b + a"),
  "survived-near.patch": patch("adds far", "far:a + b", "a - b"),
  "unusable-absent.patch": patch("multiplies", "add:a + b", "a - b"),
  "unusable-failing.patch": patch("fails anyway", "add:a + b", "a - b"),
};

describe("mutants of a small product", () => {
  let folder: string;
  const copyOf = (name: string) => ({ root: join(folder, name), dispose: () => undefined });
  const write = async (path: string, text: string): Promise<void> => {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  };

  beforeAll(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), "trellis-judge-")));
    for (const [file, text] of Object.entries(MUTANTS)) await write(`mutants/${file}`, text);
    for (const copy of ["one", "two"]) {
      for (const [file, text] of Object.entries(PRODUCT)) await write(`${copy}/${file}`, text);
      await symlink(inRepository("node_modules"), join(folder, copy, "node_modules"));
    }
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("get the verdict that is theirs in their project, side by side, and leave the copies as they were", async () => {
    const mutants = await findMutants([], join(folder, "mutants"));
    const copies = ["one", "two"].map(copyOf);
    const unbroken = await runUnbroken(copyOf("one"), mutants, 2);
    const verdicts: Record<string, string> = {};
    await judgeMutants(mutants, {
      copies,
      unbroken,
      onVerdict(position, { kind }) {
        verdicts[mutants[position]?.file.split("/").at(-1) ?? ""] = kind;
      },
    });
    expect(verdicts).toEqual(
      Object.fromEntries(Object.keys(MUTANTS).map((file) => [file, file.replace(/(-\w+)?\.patch/, "")])),
    );
    for (const { root } of copies)
      expect(await readFile(join(root, "add.js"), "utf8")).toBe(PRODUCT["add.js"]);
  }, 120_000);
});
