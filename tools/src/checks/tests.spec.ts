import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";

import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";

import { isAlive } from "../process-family.ts";
import type { CheckResult } from "./check.ts";
import { runTests, type TestRunOptions } from "./tests.ts";

const CONFIG = 'export default { testMatch: ["**/*.spec.js"], transform: {}, testEnvironment: "node" };\n';
const HANGS = 'test("hangs", () => new Promise(() => setInterval(() => {}, 1000)), 600_000);';
const LEAVES_TIMER = 'test("leaves a timer", () => { setInterval(() => {}, 1000); });';
const LEAVES_PROCESS = `import { spawn } from "node:child_process";
test("leaves a process", () => {
  spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)", "left-behind"], { stdio: "inherit", detached: true }).unref();
});`;

describe("the gate's run of the tests", () => {
  let root: string;
  let told: string[];
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "trellis-tests-"));
    mkdirSync(join(root, "specs"));
    writeFileSync(join(root, "package.json"), '{ "type": "module" }\n');
    writeFileSync(join(root, "jest.config.js"), CONFIG);
    told = [];
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  function run(
    files: Readonly<Record<string, string>>,
    options: Partial<TestRunOptions> = {},
  ): Promise<CheckResult> {
    for (const [name, text] of Object.entries(files))
      writeFileSync(join(root, "specs", `${name}.spec.js`), text);
    return runTests({ root, tell: (line) => told.push(line), ...options });
  }

  it("counts what passed, and says nothing while it is quick", async () => {
    const result = await run({ good: 'test("one", () => {}); test("two", () => {});' });
    expect(result).toMatchObject({ passed: 2, failed: 0, summary: "2 tests in 1 files" });
    expect(told).toEqual([]);
  });

  it("tells each file that is done when it takes long", async () => {
    await run(
      { good: 'test("one", () => {});', bad: 'test("two", () => { throw new Error("no"); });' },
      { quietMs: 0 },
    );
    expect(told).toHaveLength(2);
    expect(told.join("\n")).toMatch(/2\/2 +\d+\.\d s/);
    expect(told.join("\n")).toMatch(/specs\/good\.spec\.js$/m);
    expect(told.join("\n")).toMatch(/specs\/bad\.spec\.js {3}FAILED$/m);
  });

  it("counts failed tests, skipped ones and files that cannot be loaded", async () => {
    const result = await run({
      failing: 'test("one", () => { throw new Error("one is wrong"); }); test("good", () => {});',
      skipping: 'test.skip("two", () => {}); test.todo("three"); test("good", () => {});',
      broken: 'import "./nowhere.js";',
    });
    expect(result).toMatchObject({ passed: 2, failed: 4 });
    expect(result.output).toContain("2 skipped: a test that is not run cannot fail");
    expect(result.output).toContain("one is wrong");
    expect(result.output).not.toContain("@trellis-test");
    expect(result.output).not.toContain("\u001B");
  });

  it("shows each failure once, however many files there are", async () => {
    const good = Array.from({ length: 21 }, (_, index) => [`good-${index}`, 'test("good", () => {});']);
    const result = await run({
      ...Object.fromEntries(good),
      bad: 'test("one", () => { throw new Error("no"); });',
    });
    expect(result).toMatchObject({ passed: 21, failed: 1 });
    expect(result.output.match(/● one/g)).toHaveLength(1);
  });

  it("runs the files in parts, each of them in one", async () => {
    const files = Object.fromEntries(
      Array.from({ length: 5 }, (_, index) => [`good-${index}`, 'test("good", () => {});']),
    );
    const parts = [await run(files, { shard: "1/2" }), await run(files, { shard: "2/2" })];
    expect(new Set(parts.map(({ passed }) => passed))).toEqual(new Set([2, 3]));
    expect(parts.map(({ failed }) => failed)).toEqual([0, 0]);
  });

  it("does not pass without a test", async () => {
    expect(await run({})).toMatchObject({ passed: 0, failed: 1 });
  });

  it("ends a run that takes too long, and names the file that was under way", async () => {
    const result = await run({ hanging: HANGS }, { timeoutMs: 3_000 });
    expect(result).toMatchObject({ passed: 0, failed: 1 });
    expect(result.output).toMatch(
      /was ended: it took longer than 3 s.*under way:\n {2}specs\/hanging\.spec\.js/,
    );
  });

  it("ends jest when a test leaves something open, and still counts the tests", async () => {
    const result = await run({ leaking: LEAVES_TIMER }, { exitMs: 500 });
    expect(result).toMatchObject({ passed: 1, failed: 1 });
    expect(result.output).toMatch(/every test has ended, and jest has not/);
  });

  it("ends a process that a test leaves behind, and names it", async () => {
    const result = await run({ leaving: LEAVES_PROCESS });
    expect(result).toMatchObject({ passed: 1, failed: 1 });
    const [, pid] = /left processes running.*\n {2}(\d+) .*left-behind/.exec(result.output) ?? [];
    // A killed process takes a moment to be gone.
    for (let looks = 0; looks < 100 && isAlive(Number(pid)); looks++) await setTimeout(20);
    expect(isAlive(Number(pid))).toBe(false);
  });
});
