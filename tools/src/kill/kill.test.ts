import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, it } from "@jest/globals";

import { runCommand } from "../repository.ts";

const TIMES = 5;
/** Each start may take as long as a busy machine needs. */
const PATIENCE_MS = 300_000;

describe("a standalone server that is killed under load", () => {
  it(
    "has everything that it acknowledged when it starts again, once",
    async () => {
      const directory = mkdtempSync(join(tmpdir(), "trellis-kill-test-"));
      try {
        const { exitCode, output } = await runCommand(
          "node",
          ["tools/src/kill/main.ts", "--times", String(TIMES), "--writers", "8", "--directory", directory],
          { env: { NODE_OPTIONS: "" }, timeoutMs: PATIENCE_MS },
        );
        expect({ exitCode, output }).toMatchObject({ exitCode: 0 });
        const [, kills, writes] = /^killed (\d+) times: (\d+) writes acknowledged/m.exec(output) ?? [];
        expect(Number(kills)).toBe(TIMES);
        expect(Number(writes)).toBeGreaterThan(TIMES * 50);
        // No snapshot is made in so short a time, so that every watch can be resumed.
        expect(output).toContain(", 0 watches begun anew, 0 findings");
      } finally {
        rmSync(directory, { recursive: true });
      }
    },
    PATIENCE_MS,
  );

  it("is not killed at all by a command that cannot be right", async () => {
    expect(await runCommand("node", ["tools/src/kill/main.ts", "--times", "0"])).toMatchObject({
      exitCode: 2,
    });
  });
});
