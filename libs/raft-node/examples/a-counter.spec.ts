import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { describe, expect, it } from "@jest/globals";

const example = join(import.meta.dirname, "a-counter.ts");

describe("the example of the README", () => {
  it("counts on where it stopped, and is what the README shows", async () => {
    const folder = await mkdtemp(join(tmpdir(), "trellis-counter-"));
    try {
      const run = async (): Promise<string[]> => {
        const { stdout } = await promisify(execFile)(process.execPath, [example, folder]);
        return stdout.trim().split("\n");
      };
      expect(await run()).toEqual(["it was 0", "entry 3 made it 5"]);
      expect(await run()).toEqual(["it was 5", "entry 5 made it 10"]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
    const readme = await readFile(join(import.meta.dirname, "../README.md"), "utf8");
    expect(readme).toContain(`\`\`\`ts\n${await readFile(example, "utf8")}\`\`\``);
  }, 30_000);
});
