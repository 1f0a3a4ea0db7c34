import { describe, expect, it } from "@jest/globals";

import { runProgram } from "./program.ts";

const script = (source: string): readonly string[] => ["-e", source];

describe("a program under test", () => {
  it("is run to its end: exit code, both outputs, its input", async () => {
    const source = `process.stdin.on("data", (text) => { console.log("got " + text); console.error("err"); process.exitCode = 3; })`;
    const result = await runProgram("node", script(source), { input: "hello" });
    expect(result).toEqual({ exitCode: 3, stdout: "got hello\n", stderr: "err\n" });
  });

  it("is found among the toolchain's own, which are newer than the machine's", async () => {
    const { stdout } = await runProgram("node", ["--version"]);
    expect(Number(/^v(\d+)/.exec(stdout)?.[1])).toBeGreaterThanOrEqual(24);
  });

  it("that goes on for ever ends with what it has started, once its output is enough", async () => {
    const child = `setInterval(() => console.log("tick"), 10)`;
    const parent = `require("node:child_process").spawnSync(process.execPath, ["-e", ${JSON.stringify(child)}], { stdio: "inherit" })`;
    const { stdout } = await runProgram("node", script(parent), {
      endWhen: (text) => text.split("\n").length > 3,
    });
    expect(stdout).toMatch(/^tick\ntick\ntick\n/);
  });

  it("that takes too long is ended", async () => {
    const { exitCode } = await runProgram("node", script("setInterval(() => undefined, 1000)"), {
      timeoutMs: 100,
    });
    expect(exitCode).toBe(1);
  });

  it("that is not there is an error", async () => {
    await expect(runProgram("trellis-no-such-program", [])).rejects.toThrow("ENOENT");
  });
});
