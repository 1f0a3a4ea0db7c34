import { describe, expect, it } from "@jest/globals";

import { runCommand } from "../repository.ts";

const PATIENCE_MS = 180_000;

function scale(...args: string[]) {
  return runCommand("node", ["tools/src/endpoints-scale/main.ts", ...args], {
    env: { NODE_OPTIONS: "" },
    timeoutMs: PATIENCE_MS,
  });
}

describe("the catalog under changes", () => {
  it(
    "has the right endpoints within two seconds of the last, and writes those of a service twice a second at most",
    async () => {
      const size = ["--workloads", "500", "--services", "10", "--rate", "150"];
      const { exitCode, output } = await scale(...size, "--seconds", "10", "--rounds", "1");
      expect({ exitCode, output }).toMatchObject({ exitCode: 0 });
      expect(output).toMatch(/^\| 1 \| 1,500 \| 1\d\d \| \d+ ms \|/m);
      expect(output).toContain("\n0 findings\n");
    },
    PATIENCE_MS,
  );

  it("is not tried with what cannot be right", async () => {
    expect(await scale("--workloads", "5", "--services", "6")).toMatchObject({ exitCode: 2 });
  });
});
