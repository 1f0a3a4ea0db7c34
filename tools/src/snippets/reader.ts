import { cp, mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { inRepository, runCommand } from "../repository.ts";
import { type Chapter, commandsOf } from "./chapters.ts";

/** Somebody who follows pages in a folder that looks like a checkout, and has nothing of it but its packages and protos. */
export interface Reader {
  /** Does what a page says: writes each chapter into a folder of its own, with the code that the page's `buf generate` makes. Where they are, in order. */
  follow(name: string, page: string, chapters: readonly Chapter[]): Promise<readonly string[]>;
  /** What the compiler finds in all that was written; empty when nothing. */
  typeErrors(): Promise<string>;
  /** Runs all tests that were written, by file. Throws with jest's words when they could not be run. */
  test(): Promise<ReadonlyMap<string, TestFile>>;
  remove(): Promise<void>;
}

/** How the tests of one file went. */
export interface TestFile {
  readonly passed: readonly string[];
  /** What went wrong, in jest's words; empty when nothing did. */
  readonly failure: string;
}

/** The parts of jest's report that are read. */
interface JestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

/** How long all tests together may take; a machine may be busy with others. */
const RUN_TIMEOUT_MS = 240_000;
/** As in the checkout. */
const TEST_TIMEOUT_MS = 30_000;

/** Makes an empty folder for a reader. */
export async function createReader(): Promise<Reader> {
  const root = await realpath(await mkdtemp(join(tmpdir(), "trellis-reader-")));
  const write = async (path: string, text: string): Promise<void> => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  };
  await symlink(inRepository("node_modules"), join(root, "node_modules"));
  for (const protos of ["proto", "third_party/proto"])
    await cp(inRepository(protos), join(root, protos), { recursive: true });
  await write("package.json", '{ "name": "reader", "private": true, "type": "module" }\n');
  await write("tsconfig.json", `${JSON.stringify(TSCONFIG, undefined, 2)}\n`);
  await write("jest.config.js", JEST_CONFIG);

  /** Generates code as the page says, in the folder that it says; the path of what came out, if anything did. */
  async function generate(page: string, files: ReadonlyMap<string, string>): Promise<string | undefined> {
    const [make] = commandsOf(page, "mkdir ");
    const commands = commandsOf(page, "npx buf generate");
    if (make === undefined || commands.length === 0) return undefined;
    const folder = make.split(/\s+/).at(-1) ?? "";
    for (const [path, text] of files) await write(join(folder, path), text);
    for (const command of commands) {
      const { exitCode, output } = await runCommand("buf", command.split(/\s+/).slice(2), { cwd: root });
      if (exitCode !== 0) throw new Error(`${command} failed:\n${output}`);
    }
    const generated = join(root, "generated");
    await cp(join(root, folder, "gen"), generated, { recursive: true });
    await rm(join(root, folder), { recursive: true });
    return generated;
  }

  return {
    async follow(name, page, chapters) {
      const generated = await generate(page, chapters.at(-1)?.files ?? new Map());
      const folders: string[] = [];
      for (const [at, { files }] of chapters.entries()) {
        const folder = `pages/${name}/chapter-${at + 1}`;
        for (const [path, text] of files) await write(join(folder, path), text);
        if (generated !== undefined) await cp(generated, join(root, folder, "gen"), { recursive: true });
        folders.push(join(root, folder));
      }
      return folders;
    },
    async typeErrors() {
      const { exitCode, output } = await runCommand("tsc", ["-p", "."], { cwd: root });
      // What is wrong elsewhere is told by the check of types.
      return exitCode === 0 ? "" : (output.match(/^pages\/.*(\n .*)*/gm) ?? []).join("\n");
    },
    async test() {
      const report = join(root, "report.json");
      const { output } = await runCommand("node", jestArguments(report), {
        cwd: root,
        env: { NODE_OPTIONS: "" },
        timeoutMs: RUN_TIMEOUT_MS,
      });
      const text = await readFile(report, "utf8").catch(() => {
        throw new Error(`jest wrote no report:\n${output}`);
      });
      const { testResults } = JSON.parse(text) as JestReport;
      return new Map(testResults.map(testFile));
    },
    remove: () => rm(root, { recursive: true, force: true }),
  };
}

function testFile({
  name,
  status,
  message,
  assertionResults,
}: JestReport["testResults"][number]): [string, TestFile] {
  const passed = assertionResults.filter((one) => one.status === "passed").map((one) => one.fullName);
  const isWhole = status === "passed" && passed.length === assertionResults.length;
  return [name, { passed, failure: isWhole ? "" : message || "some tests were not run" }];
}

function jestArguments(report: string): readonly string[] {
  return [
    "--experimental-vm-modules",
    "--no-warnings",
    inRepository("node_modules/jest/bin/jest.js"),
    "--ci",
    "--runInBand",
    "--json",
    `--outputFile=${report}`,
  ];
}

/** As strict as the checkout. */
const TSCONFIG = { extends: inRepository("tsconfig.json"), include: ["pages/**/*.ts"] };

/** The checkout's way to run TypeScript. */
const JEST_CONFIG = `import checkout from ${JSON.stringify(inRepository("jest.config.js"))};
const { transform, extensionsToTreatAsEsm, testEnvironment } = checkout.projects[0];
export default {
  rootDir: import.meta.dirname,
  roots: ["<rootDir>/pages"],
  testMatch: ["**/*.test.ts"],
  testTimeout: ${TEST_TIMEOUT_MS},
  transform,
  extensionsToTreatAsEsm,
  testEnvironment,
};
`;
