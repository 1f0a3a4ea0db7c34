import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

import { repositoryRoot } from "./test-support/checkout.ts";
import { startProgram } from "./test-support/program.ts";

const CONTROLLER = JSON.stringify(join(repositoryRoot, "libs/controller/src/index.ts"));
const CATALOG = JSON.stringify(join(repositoryRoot, "libs/catalog/src/index.ts"));

/** Modules that cannot be loaded: what is in them, and what is said of each, `FILE` being its place. */
const broken: readonly (readonly [name: string, text: string, told: string])[] = [
  ["gone.ts", "", "domain FILE does not exist: no file or folder FILE; give a path or a package name"],
  [
    "syntax.ts",
    "export default {\n  types: [;\n};\n",
    "domain FILE failed to load: FILE:2: .*; correct the syntax there",
  ],
  [
    "syntax.mjs",
    "export default {\n  types: [;\n};\n",
    "domain FILE failed to load: FILE: .*; correct the syntax there or in what it imports: node --check FILE shows the line",
  ],
  [
    "enum.ts",
    "enum Colour { Red }\nexport default Colour;\n",
    "domain FILE failed to load: FILE.*enum.*; Node leaves types out and compiles nothing: do without enums, .*",
  ],
  [
    "import.ts",
    'import "./rules";\nexport default {};\n',
    "domain FILE failed to load: .*Cannot find module .*; correct the path of the import; .*",
  ],
  [
    "package.ts",
    'import "no-such-package";\nexport default {};\n',
    "domain FILE failed to load: .*Cannot find package 'no-such-package'.*; install the package, .*",
  ],
  [
    "throws.ts",
    '// A line.\nthrow new Error("no configuration");\n',
    "domain FILE failed to load: FILE:2: no configuration",
  ],
  [
    "misdefined.ts",
    `import { defineController } from ${CONTROLLER};\n\nexport default defineController({ name: "" });\n`,
    "domain FILE failed to load: FILE:3: a controller needs a name",
  ],
  [
    "nothing.ts",
    "export const domain = {};\n",
    "domain FILE \\(FILE\\): it has no default export; export default defineDomain\\(.*",
  ],
  [
    "shapeless.ts",
    "export default { types: [] };\n",
    "domain FILE \\(FILE\\): its hooks are not made by on\\(…\\); export default defineDomain\\(.*",
  ],
];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "trellis-broken-domains-"));
  for (const [name, text] of broken) if (name !== "gone.ts") await writeFile(join(folder, name), text);
  for (const name of ["one.ts", "two.ts"]) {
    await writeFile(
      join(folder, name),
      `import { defineController, defineDomain } from ${CONTROLLER};
       import { Workload } from ${CATALOG};
       const same = defineController({ name: "same", type: Workload, reconcile: async () => {} });
       export default defineDomain({ types: [], controllers: [same] });`,
    );
  }
});
afterAll(() => rm(folder, { recursive: true }));

/** What a manager with these domains says, once it has ended with 1. */
async function refusal(...names: readonly string[]): Promise<string> {
  const domains = names.flatMap((name) => ["--domain", join(folder, name)]);
  const manager = startProgram("controller-manager", ["--listen", "127.0.0.1:0", ...domains]);
  expect(await manager.ended).toBe(1);
  return manager.output();
}

describe("a domain that cannot be loaded is refused with the file, the cause and the cure:", () => {
  it.each(broken)("%s", async (name, _, told) => {
    const said = (await refusal(name)).replaceAll(join(folder, name), "FILE");
    expect(said).toMatch(new RegExp(`^trellis-controller-manager: ${told}\\n$`));
  });

  it("two with a controller of one name", async () => {
    expect(await refusal("one.ts", "two.ts")).toBe(
      `trellis-controller-manager: domains ${join(folder, "one.ts")} and ${join(folder, "two.ts")} both have a controller called "same": rename one of them, or leave a domain out\n`,
    );
  });
});
