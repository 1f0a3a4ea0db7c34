import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, it } from "@jest/globals";
import { runProgram } from "@trellis/testkit";

import { repositoryRoot } from "./test-support/checkout.ts";

const BIN = join(repositoryRoot, "apps/standalone/bin/trellis-standalone.js");
/** Lets a program believe that it runs under an older Node, whatever this machine has. */
const OLD_NODE = `data:text/javascript,${encodeURIComponent(
  'Object.defineProperty(process.versions, "node", { value: "20.0.0" }); Object.defineProperty(process, "version", { value: "v20.0.0" });',
)}`;

describe("a standalone server that is started by an older Node", () => {
  it("runs with the one that npm installed beside it", async () => {
    const answer = await runProgram(process.execPath, ["--import", OLD_NODE, BIN, "--version"]);
    expect(answer).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/\d+\.\d+\.\d+\n$/) as unknown,
    });
  });

  it("says in one line what it has, what it needs, and what to do when there is none", async () => {
    const answer = await runProgram(process.execPath, ["--import", OLD_NODE, BIN, "--version"], {
      env: { TRELLIS_NODE_SEARCHED: "1" },
    });
    expect(answer).toEqual({
      exitCode: 1,
      stdout: "",
      stderr:
        'trellis-standalone: Node 24 or newer is needed, and this is v20.0.0; install it, or run "npm install" in the checkout\n',
    });
  });
});

it("a standalone server says in one line that nothing has been installed yet", async () => {
  const checkout = await mkdtemp(join(tmpdir(), "trellis-checkout-"));
  try {
    const bin = join(checkout, "trellis-standalone.js");
    await cp(BIN, bin);
    await cp(join(repositoryRoot, "apps/standalone/package.json"), join(checkout, "package.json"));
    expect(await runProgram(process.execPath, [bin, "--version"])).toEqual({
      exitCode: 1,
      stdout: "",
      stderr:
        'trellis-standalone: expected the packages that it needs, found none: run "npm install" in the checkout\n',
    });
  } finally {
    await rm(checkout, { recursive: true });
  }
});
