/** `npm run chaos`: breaks a cluster of real processes in every way that there is, and judges what clients saw of it. See `--help`. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { exitOnSignals } from "../cluster/exit-on-signals.ts";
import { helpText, numberFlag, readFlags, runTool, UsageError } from "../flags.ts";
import { makeChaos } from "./chaos.ts";
import { findingsOf, tableOf } from "./report.ts";

const flags = {
  minutes: { value: "N", help: "how long there are faults; 0 leaves them out", default: "10" },
  seed: { value: "S", help: "which faults; drawn and told when left out" },
  "warm-up": {
    value: "SECONDS",
    help: "load before the memory and open files that processes are held to are looked at; 0 leaves that out",
    default: "60",
  },
  idle: { value: "SECONDS", help: "how long processes are left in peace before that", default: "60" },
  restarts: {
    value: "WHICH",
    help: "what is restarted in good order after the faults: all, or one-of-each",
    default: "all",
  },
  directory: {
    value: "DIR",
    help: "where the cluster's directory is made (default: the system's for temporary files)",
  },
} as const;
const MAX_SHOWN = 40;
const MAX_SEED = 2 ** 31;

await runTool("chaos", async () => {
  const args = process.argv.slice(2);
  if (args.includes("--help")) {
    process.stdout.write(helpText("npm run chaos -- [flags]", flags));
    return 0;
  }
  const values = readFlags(args, flags);
  const minutes = numberFlag("minutes", values.minutes, { min: 0, max: 10_000, fractions: true });
  const seed = numberFlag("seed", values.seed ?? String(Math.floor(Math.random() * MAX_SEED)), {
    min: 0,
    max: MAX_SEED,
  });
  const warmUpSeconds = numberFlag("warm-up", values["warm-up"], { min: 0, max: 3_600 });
  const idleSeconds = numberFlag("idle", values.idle, { min: 0, max: 3_600 });
  const { restarts } = values;
  if (restarts !== "all" && restarts !== "one-of-each")
    throw new UsageError(`--restarts: expected all or one-of-each; found "${restarts}"`);
  const directory = mkdtempSync(join(values.directory ?? tmpdir(), "trellis-chaos-"));
  exitOnSignals();
  console.log(`seed ${seed}, in ${directory}\n`);
  const outcome = await makeChaos({
    directory,
    seed,
    minutes,
    warmUpSeconds,
    idleSeconds,
    restarts,
    write: (line) => console.log(line),
  });
  const findings = findingsOf(outcome);
  console.log(`\n${tableOf(outcome).join("\n")}\n`);
  for (const finding of findings.slice(0, MAX_SHOWN)) console.log(`  ${finding}`);
  if (findings.length === 0) {
    rmSync(directory, { recursive: true });
    console.log("nothing is wrong");
    return 0;
  }
  console.log(`${findings.length} findings; data and logs are in ${directory}`);
  console.log(`once more: npm run chaos -- --seed ${seed} --minutes ${minutes}`);
  return 1;
});
