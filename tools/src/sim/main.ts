/**
 * `npm run sim`: whole clusters in virtual time under crashes, cuts, stalls, failing disks and changes of members, with clients whose histories are
 * judged. See `--help`.
 */
import { simulate, type SimulationReport } from "@trellis/testkit/sim";

import { helpText, numberFlag, readFlags, runTool, UsageError } from "../flags.ts";
import { addCoverage, coverageTable, shortfalls, shortfallsOfRun, type Totals } from "./coverage.ts";
import { keepSeed } from "./kept-seeds.ts";
import { commandOf, nodesOf, type RunName } from "./run.ts";
import { type BrokenRun, runSeeds } from "./worker-pool.ts";

const flags = {
  seed: { value: "N", help: "one run, of this seed" },
  seeds: { value: "N", help: "as many runs, over two processes; prints what they covered" },
  from: { value: "N", help: "the first of several seeds", default: "1" },
  nodes: { value: "N", help: "members at first: 3 and 5 by turns unless given" },
  minutes: { value: "N", help: "virtual minutes with faults", default: "1" },
} as const;
const switches = {
  "--until-failure": "seed after seed until one fails",
  "--trace": "with --seed: what happened, on standard output",
} as const;

/** Findings of one run that are shown. */
const MAX_SHOWN = 10;
/** Seeds between two lines that tell how far it is. */
const TOLD_EVERY = 100;
const MAX_SEED = 2 ** 32 - 1;

await runTool("sim", async () => {
  const args = process.argv.slice(2);
  if (args.includes("--help")) {
    const more = Object.entries(switches).map(([name, help]) => `  ${name.padEnd(18)}${help}`);
    process.stdout.write(`${helpText("npm run sim -- [flags]", flags)}${more.join("\n")}\n`);
    return 0;
  }
  const values = readFlags(
    args.filter((arg) => !(arg in switches)),
    flags,
  );
  const whole = (name: keyof typeof flags, text: string, max: number): number =>
    numberFlag(name, text, { min: 1, max });
  const minutes = numberFlag("minutes", values.minutes, { min: 0.1, max: 600, fractions: true });
  const nameRun = (seed: number): RunName => {
    const nodes = values.nodes === undefined ? nodesOf(seed) : whole("nodes", values.nodes, 9);
    return { seed, nodes, minutes };
  };
  const isEndless = args.includes("--until-failure");
  if (values.seed !== undefined) {
    return await runOne(nameRun(whole("seed", values.seed, MAX_SEED)), args.includes("--trace"));
  }
  if (values.seeds === undefined && !isEndless)
    throw new UsageError("expected --seed N, --seeds N or --until-failure; found none of them");
  const from = whole("from", values.from, MAX_SEED);
  const count = values.seeds === undefined ? MAX_SEED - from : whole("seeds", values.seeds, MAX_SEED);
  return await runMany({ from, count, isEndless, minutes }, nameRun);
});

async function runOne(run: RunName, isTraced: boolean): Promise<number> {
  const sink = isTraced ? (line: string) => process.stdout.write(`${line}\n`) : undefined;
  const report = await simulate({ ...run, sink });
  const findings = [...report.findings, ...shortfallsOfRun(report, run.minutes)];
  // The trace is all that is on standard output, so that two runs can be compared.
  const say = isTraced ? console.error : console.log;
  say(`seed ${run.seed}: ${(report.virtualMs / 1000).toFixed(1)} virtual seconds, trace ${report.digest}`);
  say(coverageTable(report.coverage, 1).replace(/ +at least.*$/gm, ""));
  for (const finding of findings.slice(0, MAX_SHOWN)) say(`  ${finding}`);
  say(findings.length === 0 ? "all checks hold" : `${findings.length} findings; ${commandOf(run)}`);
  return findings.length === 0 ? 0 : 1;
}

interface ManyRuns {
  readonly from: number;
  readonly count: number;
  readonly isEndless: boolean;
  readonly minutes: number;
}

async function runMany(
  { from, count, isEndless, minutes }: ManyRuns,
  nameRun: (seed: number) => RunName,
): Promise<number> {
  const startedMs = performance.now();
  let totals: Totals | undefined;
  let done = 0;
  let failed = 0;
  await runSeeds(runsOf(from, count, nameRun), (result) => {
    done++;
    const findings = findingsOf(result, minutes);
    if (!("failedRun" in result)) totals = addCoverage(totals, result);
    if (findings.length > 0) {
      failed++;
      tell("failedRun" in result ? result.failedRun : nameRun(result.seed), findings);
    }
    if (done % TOLD_EVERY === 0) console.log(`${done} seeds, ${failed} failed`);
    return !isEndless || failed === 0;
  });
  const seconds = Math.round((performance.now() - startedMs) / 1000);
  console.log(`${done} seeds in ${seconds} s, ${failed} failed`);
  const short = totals === undefined || isEndless || minutes < 1 ? [] : shortfalls(totals, done);
  if (totals !== undefined) console.log(coverageTable(totals, done));
  for (const shortfall of short) console.log(`  ${shortfall}`);
  return failed === 0 && short.length === 0 ? 0 : 1;
}

function* runsOf(from: number, count: number, nameRun: (seed: number) => RunName): Generator<RunName> {
  for (let seed = from; seed < from + count; seed++) yield nameRun(seed);
}

function findingsOf(result: SimulationReport | BrokenRun, minutes: number): readonly string[] {
  return "failedRun" in result ? [result.text] : [...result.findings, ...shortfallsOfRun(result, minutes)];
}

/** Shows what a run found, with the command that repeats it, and keeps it. */
function tell(run: RunName, findings: readonly string[]): void {
  console.log(`seed ${run.seed} fails: ${commandOf(run)}`);
  for (const finding of findings.slice(0, MAX_SHOWN)) console.log(`  ${finding}`);
  keepSeed({ ...run, found: (findings[0] ?? "").split("\n", 1)[0] ?? "" });
}
