/** `npm run calm`: keeps a cluster busy with all that takes long, and counts the elections that nobody asked for. See `--help`. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { exitOnSignals } from "../cluster/exit-on-signals.ts";
import { helpText, numberFlag, readFlags, runTool } from "../flags.ts";
import { type CalmOutcome, stayCalm } from "./calm.ts";
import { describeStalls } from "./elections.ts";

const flags = {
  minutes: { value: "N", help: "how long", default: "10" },
  writers: { value: "N", help: "writes that are outstanding all the time", default: "64" },
  resources: { value: "N", help: "resources that are listed, and that snapshots hold", default: "100000" },
  directory: {
    value: "DIR",
    help: "where the cluster's directory is made (default: the system's for temporary files)",
  },
} as const;
const MAX_SHOWN = 20;

await runTool("calm", async () => {
  const args = process.argv.slice(2);
  if (args.includes("--help")) {
    process.stdout.write(helpText("npm run calm -- [flags]", flags));
    return 0;
  }
  const values = readFlags(args, flags);
  const minutes = numberFlag("minutes", values.minutes, { min: 0.1, max: 10_000, fractions: true });
  const writers = numberFlag("writers", values.writers, { min: 1, max: 1_000 });
  const resources = numberFlag("resources", values.resources, { min: 1, max: 1_000_000 });
  const directory = mkdtempSync(join(values.directory ?? tmpdir(), "trellis-calm-"));
  exitOnSignals();
  const startedMs = performance.now();
  const tell = (what: string): void =>
    console.log(`${((performance.now() - startedMs) / 1_000).toFixed(0).padStart(6)} s  ${what}`);
  const outcome = await stayCalm({ directory, minutes, writers, resources, tell });
  show(outcome);
  const unexplained = outcome.elections.filter(({ stalls }) => stalls.length === 0);
  const isGood = unexplained.length === 0 && outcome.errors.length === 0;
  if (isGood) rmSync(directory, { recursive: true });
  else console.log(`data and logs are in ${directory}`);
  return isGood ? 0 : 1;
});

function show(outcome: CalmOutcome): void {
  const { elections, seconds, writes, longestWriteMs, lists, snapshots, installs, errors, longestMs } =
    outcome;
  const rows: readonly (readonly [string, string])[] = [
    ["elections", String(elections.length)],
    [
      "elections that no stall explains",
      String(elections.filter(({ stalls }) => stalls.length === 0).length),
    ],
    ["writes", `${writes} (${Math.round(writes / seconds)} per second)`],
    ["longest write", `${Math.round(longestWriteMs)} ms`],
    ["lists", String(lists)],
    ["snapshots", String(snapshots)],
    ["installs", String(installs)],
    ["errors", String(errors.length)],
    ...[...longestMs]
      .toSorted(([a], [b]) => a.localeCompare(b))
      .map(([what, ms]) => [what, `${Math.round(ms)} ms at most`] as const),
  ];
  const columns = Math.max(...rows.map(([label]) => label.length));
  console.log();
  for (const [label, value] of rows) console.log(`  ${label.padEnd(columns)}  ${value}`);
  console.log();
  for (const { term, atMs, stalls } of elections) {
    console.log(
      `  term ${term} at ${new Date(atMs).toISOString()}: ${describeStalls(stalls) || "nothing explains it"}`,
    );
  }
  for (const error of errors.slice(0, MAX_SHOWN)) console.log(`  ${error}`);
}
