import { spawn } from "node:child_process";
import { once } from "node:events";

import { expect, it } from "@jest/globals";
import { eventually } from "@trellis/testkit";

import { isAlive, signalProcess } from "./process-family.ts";
import { inRepository } from "./repository.ts";

/** Runs two commands side by side that end for nothing less than SIGKILL, and prints their process ids. */
const TWO_COMMANDS = `
  import { runCommand } from ${JSON.stringify(inRepository("tools/src/repository.ts"))};
  const stubborn = 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1_000); console.log(process.pid)';
  const onOutput = (text) => process.stdout.write(text);
  await Promise.all([1, 2].map(() => runCommand("node", ["--eval", stubborn], { onOutput })));
`;

/** What processes take to start or to end on a busy machine. */
const PATIENCE_MS = 10_000;

it("Ctrl-C ends every command that runs, not the first alone", async () => {
  const tool = spawn(process.execPath, ["--input-type=module", "--eval", TWO_COMMANDS], {
    env: { ...process.env, NODE_OPTIONS: "" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let printed = "";
  tool.stdout.setEncoding("utf8").on("data", (text: string) => (printed += text));
  await eventually(() => expect(printed).toMatch(/^\d+\n\d+\n$/), PATIENCE_MS);
  const commands = printed.trim().split("\n").map(Number);
  try {
    tool.kill("SIGINT");
    expect(await once(tool, "exit")).toEqual([130, null]);
    await eventually(() => expect(commands.filter(isAlive)).toEqual([]), PATIENCE_MS);
  } finally {
    for (const pid of commands) signalProcess(pid, "SIGKILL");
  }
});
