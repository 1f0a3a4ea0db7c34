/** `npm run bench:controllers`: what the controller runtime does over many resources, the server in another process. See `--help`. */
import { writeFileSync } from "node:fs";

import { describeMachine, thisMachine } from "../bench/machine.ts";
import { helpText, numberFlag, readFlags, runTool } from "../flags.ts";
import { tellWithTime } from "../tell-with-time.ts";
import { figuresTable, summarize } from "./figures.ts";
import { measureControllers } from "./measure.ts";

const flags = {
  resources: { value: "N", help: "resources that are cached and reconciled", default: "100000" },
  rounds: { value: "N", help: "managers, one after the other; the figures are medians", default: "3" },
  json: { value: "FILE", help: "also write the figures there" },
} as const;

await runTool("bench:controllers", async () => {
  const args = process.argv.slice(2);
  if (args.includes("--help")) {
    process.stdout.write(helpText("npm run bench:controllers -- [flags]", flags));
    return 0;
  }
  const values = readFlags(args, flags);
  const resources = numberFlag("resources", values.resources, { min: 1, max: 1_000_000 });
  const rounds = numberFlag("rounds", values.rounds, { min: 1, max: 100 });
  const machine = thisMachine();
  const date = new Date().toISOString();
  console.log(`${describeMachine(machine)}, ${date.slice(0, 10)}\n`);
  const tell = tellWithTime();
  const measured = await measureControllers({ resources, rounds, tell });
  const figures = summarize(measured);
  console.log(figuresTable(figures, resources));
  if (values.json !== undefined) {
    const report = {
      system: "trellis",
      date,
      machine,
      options: { resources, rounds },
      figures,
      rounds: measured,
    };
    writeFileSync(values.json, `${JSON.stringify(report, undefined, 2)}\n`);
  }
  return 0;
});
