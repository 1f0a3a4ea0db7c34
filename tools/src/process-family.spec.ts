import { spawn } from "node:child_process";
import { setImmediate as nextTurn } from "node:timers/promises";

import { expect, it } from "@jest/globals";

import { createProcessFamily } from "./process-family.ts";

it("a family tells of no process that is about to be gone: each has a command line", async () => {
  const family = createProcessFamily("ending");
  let running = 0;
  let seen = 0;
  for (let round = 0; round < 8; round++) {
    for (let count = 0; count < 8; count++) {
      running += 1;
      const child = spawn("sleep", ["0.03"], { env: { ...process.env, ...family.environment } });
      child.once("close", () => (running -= 1));
    }
    while (running > 0) {
      const living = family.living();
      seen += living.length;
      expect(living.filter(({ commandLine }) => commandLine === "")).toEqual([]);
      await nextTurn();
    }
  }
  expect(seen).toBeGreaterThan(0);
});
