import { join } from "node:path";

import { describe, expect, it } from "@jest/globals";
import { runProgram } from "@trellis/testkit";

import { repositoryRoot } from "../test-support/repository.ts";

/** Prints the name of every file of the log's library that Node loads. */
const WATCH_LOADING = `import { registerHooks } from "node:module";
registerHooks({ load(url, context, next) {
  if (/(libs|@trellis)\\/wal\\//.test(url)) process.stderr.write(\`loaded \${url}\\n\`);
  return next(url, context);
} });`;

/** Runs the command line in a process of its own; answers how many files of the log's library it loaded. */
async function loadedFor(...args: readonly string[]): Promise<number> {
  const watching = `data:text/javascript,${encodeURIComponent(WATCH_LOADING)}`;
  const program = join(repositoryRoot, "apps/cli/src/main.ts");
  const { stderr } = await runProgram(process.execPath, ["--import", watching, program, ...args], {});
  return stderr.split("\n").filter((line) => line.startsWith("loaded ")).length;
}

describe("the log's library", () => {
  it("is loaded for the command that needs it, and for no other", async () => {
    expect(await loadedFor("wal", "--help")).toBe(0);
    expect(
      await loadedFor("wal", "inspect", join(repositoryRoot, "libs/wal/fixtures/v1/closed")),
    ).toBeGreaterThan(5);
  });
});
