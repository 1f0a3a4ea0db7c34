import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, it } from "@jest/globals";

import { runCommand } from "../repository.ts";

/** All processes are started more than once, which takes as long as a busy machine needs. */
const PATIENCE_MS = 300_000;

describe("controller managers that are killed, stopped in their tracks and cut off under load", () => {
  it(
    "never write in another's term, and leave what one alone would have made",
    async () => {
      const directory = mkdtempSync(join(tmpdir(), "trellis-managers-test-"));
      try {
        const flags = ["--minutes", "0.4", "--seed", "2", "--directory", directory];
        const { output, exitCode } = await runCommand("node", ["tools/src/managers/main.ts", ...flags], {
          env: { NODE_OPTIONS: "" },
          timeoutMs: PATIENCE_MS,
        });
        const rowOf = (label: string): number =>
          Number(new RegExp(`^  ${label} +(\\d+)$`, "m").exec(output)?.[1]);
        expect({ output, exitCode, findings: rowOf("findings") }).toMatchObject({ exitCode: 0, findings: 0 });
        expect(rowOf("writes judged")).toBeGreaterThan(100);
        expect(rowOf("leases handed over")).toBeGreaterThan(2);
      } finally {
        rmSync(directory, { recursive: true });
      }
    },
    PATIENCE_MS,
  );

  it("are not broken at all by a command that cannot be right", async () => {
    expect(await runCommand("node", ["tools/src/managers/main.ts", "--minutes", "x"])).toMatchObject({
      exitCode: 2,
    });
  });
});
