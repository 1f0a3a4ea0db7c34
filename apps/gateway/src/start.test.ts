import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { runProgram } from "@trellis/testkit";

const BIN = join(import.meta.dirname, "../bin/trellis-gateway.js");
const DEMO = join(import.meta.dirname, "../../../libs/demo/src/index.ts");

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "trellis-gateway-"));
  const copy = `import demo from ${JSON.stringify(pathToFileURL(DEMO).href)}; export default { ...demo };`;
  await writeFile(join(folder, "copy.mjs"), copy);
});
afterAll(() => rm(folder, { recursive: true }));

describe("a gateway that cannot start says why in one paragraph", () => {
  it.each([
    [
      "two domains that bring one type",
      () => ["@trellis/demo", join(folder, "copy.mjs")],
      "both bring resource type",
    ],
    ["one domain under two names", () => ["@trellis/demo", DEMO], "are the same module: name it once"],
    ["a domain that is not there", () => ["./nowhere"], "does not exist"],
  ])("%s", async (_, domains, words) => {
    const flags = domains().flatMap((domain) => ["--domain", domain]);
    const { exitCode, stdout, stderr } = await runProgram("node", [BIN, "--listen", "127.0.0.1:0", ...flags]);
    expect([exitCode, stdout]).toEqual([1, ""]);
    expect(stderr).toContain(words);
    for (const domain of domains()) expect(stderr).toContain(domain);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  });
});
