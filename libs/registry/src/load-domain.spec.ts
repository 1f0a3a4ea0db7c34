import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

import { type Clock, systemClock } from "@trellis/resource";

import { DomainError, loadDomain } from "./load-domain.ts";

const CONTROLLER = join(import.meta.dirname, "../../controller/src/index.ts");

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
  await writeFile(join(from, "throws.mjs"), '// A line\nthrow new Error("out of paint");');
  await writeFile(join(from, "throws-nothing.mjs"), "throw undefined;");
  await writeFile(join(from, "waits.mjs"), "await new Promise(() => {});\nexport default {};");
  await writeFile(join(from, "circle.mjs"), 'import "./circle-2.mjs";\nexport const types = [];');
  await writeFile(
    join(from, "circle-2.mjs"),
    'import { types } from "./circle.mjs";\nexport const count = types.length;',
  );
  await writeFile(join(from, "unfinished.mjs"), "export default {\n  types: [;\n};");
  await writeFile(join(from, "imports-gone.mjs"), 'import "./gone.mjs";\nexport default {};');
  await writeFile(join(from, "imports-package.mjs"), 'import "no-such-package";\nexport default {};');
  await writeFile(
    join(from, "misdefined.mjs"),
    `import { defineController } from ${JSON.stringify(CONTROLLER)};\n\nexport default defineController({ name: "", type: {} });`,
  );
  await writeFile(
    join(from, "undefined-controller.mjs"),
    'export default { types: [], hooks: [], controllers: [{ name: "a", reconcile() {} }, { name: "b" }] };',
  );
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
    ["./undefined-controller.mjs", "its controllers[1] is not made by defineController(…); export default"],
    ["./throws.mjs", "failed to load: FROM/throws.mjs:2: out of paint"],
    ["./throws-nothing.mjs", "failed to load: FROM/throws-nothing.mjs: undefined"],
    ["./circle.mjs", "; two modules that import each other may not use each other while they load"],
    ["./unfinished.mjs", "; correct the syntax there"],
    [
      "./imports-gone.mjs",
      "; correct the path of the import; one within a package ends in the file's extension",
    ],
    ["./imports-package.mjs", "; install the package, or correct its name"],
    ["./misdefined.mjs", "failed to load: FROM/misdefined.mjs:3: a controller needs a name"],
  ])("says of %s what is wrong", async (specifier, words) => {
    const error: unknown = await loadDomain(specifier, { from }).catch((thrown: unknown) => thrown);
    expect(DomainError.is(error)).toBe(true);
    const { message } = error as Error;
    expect(message).toContain(words.replaceAll("FROM", from));
    expect(message).not.toContain("\n");
  });

  it("does not wait for ever for a module that does not come to its end", async () => {
    const timers: { readonly delayMs: number; readonly keepAlive: boolean | undefined; isOver: boolean }[] =
      [];
    const clock: Clock = {
      ...systemClock,
      after(delayMs, callback, { keepAlive } = {}) {
        const timer = { delayMs, keepAlive, isOver: false };
        timers.push(timer);
        const immediate = setTimeout(callback, 100);
        return () => {
          timer.isOver = true;
          clearTimeout(immediate);
        };
      },
    };
    await expect(loadDomain("./waits.mjs", { from, clock })).rejects.toThrow(
      /^domain \.\/waits\.mjs did not load within 30000 ms: .*waits\.mjs, or what it imports, awaits something at its top level that does not come; do that in init/,
    );
    await loadDomain("./module.mjs", { from, clock });
    expect(timers).toEqual([
      { delayMs: 30_000, keepAlive: true, isOver: true },
      { delayMs: 30_000, keepAlive: true, isOver: true },
    ]);
  });
});
