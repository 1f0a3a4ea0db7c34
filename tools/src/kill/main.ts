/** `npm run kill`: kills a standalone server under load, again and again, and looks what is left. See `--help`. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { helpText, numberFlag, readFlags, runTool } from "../flags.ts";
import { killRepeatedly, type KillOutcome } from "./kill-rounds.ts";

const flags = {
  times: { value: "N", help: "how often it is killed", default: "200" },
  servers: { value: "N", help: "servers side by side, each killed its share of the times", default: "2" },
  writers: {
    value: "N",
    help: "writers at once on each server, each with resources of its own",
    default: "32",
  },
  directory: {
    value: "DIR",
    help: "where the server's directory is made (default: the system's for temporary files)",
  },
} as const;

/** Findings that are shown. */
const MAX_SHOWN = 20;
/** Kills between two lines that tell how far it is, where no terminal shows the same line anew. */
const TOLD_EVERY = 10;

await runTool("kill", async () => {
  const args = process.argv.slice(2);
  if (args.includes("--help")) {
    process.stdout.write(helpText("npm run kill -- [flags]", flags));
    return 0;
  }
  const values = readFlags(args, flags);
  const times = numberFlag("times", values.times, { min: 1, max: 100_000 });
  const writers = numberFlag("writers", values.writers, { min: 1, max: 1_000 });
  const servers = Math.min(numberFlag("servers", values.servers, { min: 1, max: 16 }), times);
  const directory = mkdtempSync(join(values.directory ?? tmpdir(), "trellis-kill-"));
  const startedMs = performance.now();
  const outcomes = new Map<number, KillOutcome>();
  await Promise.all(
    Array.from({ length: servers }, async (_, server) => {
      const outcome = await killRepeatedly({
        directory: join(directory, String(server)),
        times: Math.floor(times / servers) + (server < times % servers ? 1 : 0),
        writers,
        random: Math.random,
        tell: (soFar) => tell(outcomes.set(server, soFar)),
      });
      outcomes.set(server, outcome);
    }),
  );
  const total = sumOf(outcomes);
  for (const finding of total.findings.slice(0, MAX_SHOWN)) console.log(`  ${finding}`);
  console.log(`${told(total)}, in ${((performance.now() - startedMs) / 1_000).toFixed(0)} s`);
  const isGood = total.findings.length === 0;
  console.log(
    isGood
      ? "nothing acknowledged is missing, nothing is there twice, versions grow, watches show each change once"
      : `${total.findings.length} findings; what the servers left is in ${directory}`,
  );
  if (isGood) rmSync(directory, { recursive: true });
  return isGood ? 0 : 1;
});

function tell(outcomes: ReadonlyMap<number, KillOutcome>): void {
  const total = sumOf(outcomes);
  if (process.stderr.isTTY) process.stderr.write(`\r${told(total)}`);
  else if (total.kills % TOLD_EVERY === 0) process.stderr.write(`${told(total)}\n`);
}

function sumOf(outcomes: ReadonlyMap<number, KillOutcome>): KillOutcome {
  const all = [...outcomes.values()];
  const sum = (figure: (outcome: KillOutcome) => number): number =>
    all.reduce((total, outcome) => total + figure(outcome), 0);
  return {
    kills: sum(({ kills }) => kills),
    acknowledged: sum(({ acknowledged }) => acknowledged),
    unanswered: sum(({ unanswered }) => unanswered),
    restartedWatches: sum(({ restartedWatches }) => restartedWatches),
    findings: all.flatMap(({ findings }) => findings),
  };
}

function told({ kills, acknowledged, unanswered, restartedWatches, findings }: KillOutcome): string {
  return (
    `killed ${kills} times: ${acknowledged} writes acknowledged, ${unanswered} left without an answer, ` +
    `${restartedWatches} watches begun anew, ${findings.length} findings`
  );
}
