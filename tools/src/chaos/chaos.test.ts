import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, it } from "@jest/globals";

import { runCommand } from "../repository.ts";

/** All processes are started more than once, which takes as long as a busy machine needs. */
const PATIENCE_MS = 300_000;

describe("a cluster that is broken in every way", () => {
  it(
    "keeps its promises to clients of the storage and of resources, and is whole again afterwards",
    async () => {
      const directory = mkdtempSync(join(tmpdir(), "trellis-chaos-test-"));
      try {
        const flags = ["--minutes", "0.3", "--seed", "4", "--warm-up", "0", "--restarts", "one-of-each"];
        const { output } = await runCommand(
          "node",
          ["tools/src/chaos/main.ts", ...flags, "--directory", directory],
          { env: { NODE_OPTIONS: "" }, timeoutMs: PATIENCE_MS },
        );
        const rowOf = (label: string): string | undefined =>
          new RegExp(`^  ${label} +(.*)$`, "m").exec(output)?.[1];
        // Pauses are measured where the machine is left in peace.
        expect({
          output,
          troubles: rowOf("troubles"),
          storage: rowOf("storage: findings of both judges"),
          resources: rowOf("resources: findings"),
          restarts: rowOf("restart in good order: writes"),
          replicas: rowOf("replicas"),
        }).toMatchObject({
          troubles: "0",
          storage: "0, 0 keys undecided",
          resources: "0",
          restarts: expect.stringMatching(/^[1-9]\d*, 0 errors$/),
          replicas: "are equal",
        });
        expect(Number.parseInt(rowOf("resources: changes acknowledged") ?? "", 10)).toBeGreaterThan(50);
      } finally {
        rmSync(directory, { recursive: true });
      }
    },
    PATIENCE_MS,
  );

  it("is not broken at all by a command that cannot be right", async () => {
    expect(await runCommand("node", ["tools/src/chaos/main.ts", "--restarts", "some"])).toMatchObject({
      exitCode: 2,
    });
  });
});
