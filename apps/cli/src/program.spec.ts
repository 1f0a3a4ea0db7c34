import { describe, expect, it } from "@jest/globals";

import { serversOfTest } from "./test-support/server.ts";

const setup = serversOfTest();
const COMMANDS =
  "apply diff edit get describe tree delete watch wait explain types status snapshot wal".split(" ");

describe("the program's help", () => {
  it.each(["--help", "-h", "help"])("comes with %s, and lists every command", async (command) => {
    const { trellis } = setup();
    const { stdout, stderr, exitCode } = await trellis(command);
    expect([stderr, exitCode]).toEqual(["", 0]);
    for (const name of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${name} `, "m"));
  });

  it("comes on the standard error when nothing is asked for", async () => {
    const { trellis } = setup();
    const { stdout, stderr, exitCode } = await trellis([]);
    expect([stdout, exitCode]).toEqual(["", 2]);
    expect(stderr).toMatch(/^Usage: trellis /);
  });

  it.each(COMMANDS)("says what %s does, with examples and the way to name a server", async (name) => {
    const { trellis } = setup();
    const { stdout, exitCode } = await trellis(`${name} --help`);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^Usage: trellis .+\n\n[A-Z].+\.\n/);
    expect(stdout).toContain("--server <url>");
    expect(stdout).toMatch(new RegExp(`\nExamples:\n  trellis ${name}`));
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it("is not the version", async () => {
    const { trellis } = setup();
    expect(await trellis("--version")).toEqual({ exitCode: 0, stdout: "0.1.0\n", stderr: "" });
  });
});
