import { runProgram } from "@trellis/testkit";

import { inRepository } from "../repository.ts";
import type { RunFigures } from "./run.ts";

/** What is compared. */
export interface Comparison {
  readonly resources: number;
  readonly seconds: number;
  /** How often a run is measured for so long. Its figures are those of the quietest time: what else the machine does only adds to what the program does. */
  readonly times: number;
  readonly rounds: number;
  readonly pageSize: number;
}

/** The runs of a comparison, round by round. */
export interface Compared {
  readonly without: readonly RunFigures[];
  readonly with: readonly RunFigures[];
}

/** What a run may take beyond its measured seconds: setting up, and the last list. */
const ROOM_MS = 120_000;

/** Runs writers alone and writers beside a list in turns, so that a slow moment of the machine does not fall on one of them alone. */
export async function compare(comparison: Comparison): Promise<Compared> {
  const [alone, beside]: [RunFigures[], RunFigures[]] = [[], []];
  for (let round = 0; round < comparison.rounds; round++) {
    alone.push(await run(comparison, 0));
    beside.push(await run(comparison, comparison.pageSize));
  }
  return { without: alone, with: beside };
}

/** By how many milliseconds a list raises the delay of the event loop: the difference of the medians. */
export function raisedMs(compared: Compared, figure: "wallMs" | "cpuMs"): number {
  return median(compared.with.map((one) => one[figure])) - median(compared.without.map((one) => one[figure]));
}

/** The middle one of some figures; of an even number, the lower of the two in the middle. */
export function median(figures: readonly number[]): number {
  const sorted = figures.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
}

async function run({ resources, seconds, times }: Comparison, pageSize: number): Promise<RunFigures> {
  const args = ["--no-warnings", inRepository("tools/src/bench-list/run.ts")];
  args.push("--resources", `${resources}`, "--seconds", `${seconds}`, "--times", `${times}`);
  args.push("--page-size", `${pageSize}`);
  const { exitCode, stdout, stderr } = await runProgram("node", args, {
    timeoutMs: times * seconds * 1_000 + ROOM_MS,
  });
  if (exitCode !== 0)
    throw new Error(`expected a run to end well, found exit code ${exitCode}: ${stderr.trim()}`);
  return JSON.parse(stdout) as RunFigures;
}
