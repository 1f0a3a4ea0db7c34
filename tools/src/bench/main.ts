/** `npm run bench`: measures a gateway on the memory backend from another process, over Connect on HTTP/2. See `--help`. */
import { accessSync, constants, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";

import { startGateway } from "@trellis/testkit";

import { helpText, numberFlag, readFlags, runTool, UsageError } from "../flags.ts";
import { describeMachine, formatTable, thisMachine } from "./report.ts";
import { type BenchOptions, runScenarios } from "./scenarios.ts";

const flags = {
  seconds: { value: "N", help: "how long each scenario is measured in each round", default: "5" },
  rounds: { value: "N", help: "rounds over all scenarios; the figures are medians", default: "3" },
  clients: { value: "N", help: "calls under way at once in the concurrent scenarios", default: "64" },
  watchers: { value: "N", help: "watches over the one resource that changes", default: "100" },
  resources: { value: "N", help: "resources in the store", default: "10000" },
  json: { value: "FILE", help: "also write the figures there" },
} as const;

await runTool("bench", async () => {
  const args = process.argv.slice(2);
  if (args.includes("--help")) {
    process.stdout.write(helpText("npm run bench -- [flags]", flags));
    return 0;
  }
  const values = readFlags(args, flags);
  const options: BenchOptions = {
    seconds: numberFlag("seconds", values.seconds, { min: 0.05, max: 600, fractions: true }),
    rounds: numberFlag("rounds", values.rounds, { min: 1, max: 100 }),
    clients: numberFlag("clients", values.clients, { min: 2, max: 1_000 }),
    watchers: numberFlag("watchers", values.watchers, { min: 1, max: 4_000 }),
    resources: numberFlag("resources", values.resources, { min: 1, max: 1_000_000 }),
  };
  if (values.json !== undefined) refuseUnwritable(values.json);
  return await bench(options, values.json);
});

async function bench(options: BenchOptions, json: string | undefined): Promise<number> {
  const machine = thisMachine();
  const date = new Date().toISOString();
  const { rounds, seconds } = options;
  console.log(`${describeMachine(machine)}, ${date.slice(0, 10)}`);
  console.log(
    `${rounds} rounds of ${seconds} s a scenario; server and generator are processes of their own\n`,
  );
  const server = await startGateway({ domains: ["@trellis/demo"] });
  try {
    const results = await runScenarios(server, options, ({ scenario, opsPerSecond }, round) => {
      if (process.stderr.isTTY)
        process.stderr.write(`round ${round}: ${scenario} ${opsPerSecond.toFixed(0)}/s\n`);
    });
    console.log(formatTable(results));
    if (json !== undefined) {
      const text = JSON.stringify({ system: "trellis", date, machine, options, results }, undefined, 2);
      writeFileSync(json, `${text}\n`);
    }
    const failed = results.filter(({ errors }) => errors > 0);
    for (const { scenario, errors, errorCodes } of failed)
      console.error(`${scenario}: ${errors} calls failed: ${JSON.stringify(errorCodes)}`);
    return failed.length === 0 ? 0 : 1;
  } finally {
    await server.stop();
  }
}

/** A run of minutes should not end with a file that cannot be written. */
function refuseUnwritable(file: string): void {
  const folder = dirname(resolve(file));
  try {
    accessSync(folder, constants.W_OK);
  } catch {
    throw new UsageError(`--json: expected a file in a folder that can be written; found "${file}"`);
  }
}
