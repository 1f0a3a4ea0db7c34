/** `npm run failover`: kills the leader of a cluster under load, again and again, and measures how long nobody can write. See `--help`. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { exitOnSignals } from "../cluster/exit-on-signals.ts";
import { helpText, numberFlag, readFlags, runTool } from "../flags.ts";
import { failOver, type FailoverOutcome } from "./failover.ts";
import { figuresOf, missedTargets, ms } from "./figures.ts";

const flags = {
  times: { value: "N", help: "how often the leader is killed", default: "50" },
  clients: { value: "N", help: "clients that write, half of them through each gateway", default: "64" },
  directory: {
    value: "DIR",
    help: "where the cluster's directory is made (default: the system's for temporary files)",
  },
} as const;
/** Errors and findings that are shown of each. */
const MAX_SHOWN = 20;

await runTool("failover", async () => {
  const args = process.argv.slice(2);
  if (args.includes("--help")) {
    process.stdout.write(helpText("npm run failover -- [flags]", flags));
    return 0;
  }
  exitOnSignals();
  const values = readFlags(args, flags);
  const times = numberFlag("times", values.times, { min: 1, max: 10_000 });
  const clients = numberFlag("clients", values.clients, { min: 1, max: 1_000 });
  const directory = mkdtempSync(join(values.directory ?? tmpdir(), "trellis-failover-"));
  const outcome = await failOver({
    directory,
    times,
    clients,
    random: Math.random,
    tell: ({ leader, firstSuccessMs, longestStallMs }, number) =>
      console.log(
        `${String(number).padStart(4)}  ${leader} killed  first success after ${ms(firstSuccessMs).padStart(8)}` +
          `  longest stall ${ms(longestStallMs).padStart(8)}`,
      ),
  });
  const missed = missedTargets(outcome.kills);
  show(outcome, missed);
  const isRight = outcome.errors.length === 0 && outcome.findings.length === 0;
  if (isRight) rmSync(directory, { recursive: true });
  else console.log(`data and logs are in ${directory}`);
  return isRight && missed.length === 0 ? 0 : 1;
});

function show(
  { kills, acknowledged, seconds, errors, findings, restartedWatches }: FailoverOutcome,
  missed: readonly string[],
): void {
  const { medianMs, p90Ms, longestMs, longestStallMs } = figuresOf(kills);
  const rows = [
    ["kills of the leader", String(kills.length)],
    ["first success, median", ms(medianMs)],
    ["first success, p90", ms(p90Ms)],
    ["first success, longest", ms(longestMs)],
    ["longest stall of a client", ms(longestStallMs)],
    ["writes acknowledged", `${acknowledged} (${Math.round(acknowledged / seconds)} per second)`],
    ["errors that clients saw", String(errors.length)],
    ["lost, done twice, shown wrongly", String(findings.length)],
    ["watches begun anew", String(restartedWatches)],
  ];
  const columns = Math.max(...rows.map(([label = ""]) => label.length));
  console.log();
  for (const [label = "", value = ""] of rows) console.log(`  ${label.padEnd(columns)}  ${value}`);
  console.log();
  for (const line of [...errors.slice(0, MAX_SHOWN), ...findings.slice(0, MAX_SHOWN), ...missed])
    console.log(`  ${line}`);
  if (missed.length === 0) console.log("all targets are met");
}
