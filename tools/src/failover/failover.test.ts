import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, it } from "@jest/globals";

import { runCommand } from "../repository.ts";

const TIMES = 3;
/** Eight processes may take as long to start as a busy machine needs. */
const PATIENCE_MS = 300_000;

describe("a cluster whose leader is killed under load", () => {
  it(
    "shows no error to a client that can wait, and loses and repeats nothing",
    async () => {
      const directory = mkdtempSync(join(tmpdir(), "trellis-failover-test-"));
      try {
        const flags = ["--times", String(TIMES), "--clients", "16", "--directory", directory];
        const { output } = await runCommand("node", ["tools/src/failover/main.ts", ...flags], {
          env: { NODE_OPTIONS: "" },
          timeoutMs: PATIENCE_MS,
        });
        const figureOf = (label: string): string | undefined =>
          new RegExp(`^ *${label} +(\\d+)`, "m").exec(output)?.[1];
        // How long it takes is measured where the machine is left in peace.
        expect({
          output,
          kills: figureOf("kills of the leader"),
          errors: figureOf("errors that clients saw"),
          findings: figureOf("lost, done twice, shown wrongly"),
          restarts: figureOf("watches begun anew"),
        }).toMatchObject({ kills: String(TIMES), errors: "0", findings: "0", restarts: "0" });
        expect(Number(figureOf("writes acknowledged"))).toBeGreaterThan(TIMES * 50);
      } finally {
        rmSync(directory, { recursive: true });
      }
    },
    PATIENCE_MS,
  );

  it("is not killed at all by a command that cannot be right", async () => {
    expect(await runCommand("node", ["tools/src/failover/main.ts", "--times", "0"])).toMatchObject({
      exitCode: 2,
    });
  });
});
