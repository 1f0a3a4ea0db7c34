/** `npm run managers`: breaks controller managers under load in every way that there is, and judges what they wrote. See `--help`. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { exitOnSignals } from "../cluster/exit-on-signals.ts";
import { helpText, numberFlag, readFlags, runTool } from "../flags.ts";
import { type ManagersOutcome, runManagers } from "./managers-run.ts";

const flags = {
  minutes: { value: "N", help: "how long there are faults", default: "5" },
  seed: { value: "S", help: "which faults; drawn and told when left out" },
  directory: {
    value: "DIR",
    help: "where the directory for logs is made (default: the system's for temporary files)",
  },
} as const;
const MAX_SHOWN = 40;
const MAX_SEED = 2 ** 31;

await runTool("managers", async () => {
  const args = process.argv.slice(2);
  if (args.includes("--help")) {
    process.stdout.write(helpText("npm run managers -- [flags]", flags));
    return 0;
  }
  const values = readFlags(args, flags);
  const minutes = numberFlag("minutes", values.minutes, { min: 0, max: 10_000, fractions: true });
  const drawn = String(Math.floor(Math.random() * MAX_SEED));
  const seed = numberFlag("seed", values.seed ?? drawn, { min: 0, max: MAX_SEED });
  const directory = mkdtempSync(join(values.directory ?? tmpdir(), "trellis-managers-"));
  exitOnSignals();
  console.log(`seed ${seed}, in ${directory}\n`);
  const outcome = await runManagers({ directory, seed, minutes, write: (line) => console.log(line) });
  console.log(`\n${tableOf(outcome).join("\n")}\n`);
  for (const finding of outcome.findings.slice(0, MAX_SHOWN)) console.log(`  ${finding}`);
  if (outcome.findings.length === 0) {
    rmSync(directory, { recursive: true });
    console.log("nothing is wrong");
    return 0;
  }
  console.log(`${outcome.findings.length} findings; logs are in ${directory}`);
  console.log(`once more: npm run managers -- --seed ${seed} --minutes ${minutes}`);
  return 1;
});

function tableOf({ faults, changes, verdict, handOvers, findings }: ManagersOutcome): readonly string[] {
  const rows: readonly (readonly [string, number])[] = [
    ...faults,
    ["changes of artists", changes],
    ["writes judged", verdict.writes],
    ["terms with writes", verdict.terms],
    ["leases handed over", handOvers],
    ["findings", findings.length],
  ];
  const columns = Math.max(...rows.map(([label]) => label.length));
  return rows.map(([label, value]) => `  ${label.padEnd(columns)}  ${value}`);
}
