import { type Check, fromCommand, fromFindings } from "./check.ts";
import { checkDeclaredDependencies } from "./declared-dependencies.ts";
import { checkDocumentation } from "./documentation.ts";
import { isErrorsPageCurrent } from "./errors-page.ts";
import { findStaleGeneratedCode } from "./generated-code.ts";
import { checkImportDirections } from "./import-directions.ts";
import { runTests } from "./tests.ts";

/** The descriptors that `buf breaking` holds the public and domain protos against. Replaced only with a decision. */
const BASELINE = "proto/baseline.binpb";

/** The modules of every file stay in the memory of the process that ran it (a bound of jest with ECMAScript modules): each part has a process of its own. */
const TEST_PARTS = [1, 2, 3];

/** All checks of the checkout below `root`, the quick ones first. */
export function allChecks(root: string): readonly Check[] {
  return [
    { name: "generated code", run: async () => fromFindings(await staleFiles(root)) },
    { name: "proto lint", run: () => fromCommand(root, "buf", "lint") },
    {
      name: "proto breaking",
      run: () => fromCommand(root, "buf", "breaking", "proto", "--against", BASELINE),
    },
    { name: "types", run: () => fromCommand(root, "tsc", "-p", "tsconfig.json") },
    { name: "lint and sizes", run: () => fromCommand(root, "oxlint", "--quiet", ".") },
    {
      name: "format",
      run: () => fromCommand(root, "prettier", "--check", "--log-level", "warn", "."),
    },
    { name: "import directions", run: async () => fromFindings(wrongImports(root)) },
    { name: "dependencies", run: async () => fromFindings(checkDeclaredDependencies(root)) },
    { name: "documentation", run: async () => fromFindings(await checkDocumentation(root)) },
    ...TEST_PARTS.map((part): Check => {
      const shard = `${part}/${TEST_PARTS.length}`;
      return { name: `tests ${shard}`, run: (tell) => runTests({ root, tell, shard }) };
    }),
  ];
}

async function staleFiles(root: string): Promise<readonly string[]> {
  const stale = (await findStaleGeneratedCode(root)).map(
    (file) => `${file} is not what its sources give: npm run generate`,
  );
  if (!(await isErrorsPageCurrent(root)))
    stale.push("docs/ERRORS.md is not what the error catalogue gives: npm run generate");
  return stale;
}

function wrongImports(root: string): readonly string[] {
  return checkImportDirections(root).map(({ file, line, description }) => `${file}:${line} ${description}`);
}
