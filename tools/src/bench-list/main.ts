/** `npm run bench:list`: a large list in pages during writes, and what it costs everybody else. See `--help`. */
import { describeMachine, thisMachine } from "../bench/machine.ts";
import { helpText, numberFlag, readFlags, runTool } from "../flags.ts";
import { compare, median, raisedMs } from "./compare.ts";
import type { RunFigures } from "./run.ts";

/** The promise: the delay of the event loop (99.9 %) stays within this of the same run without the list. */
const MAX_RAISED_MS = 20;

const flags = {
  resources: { value: "N", help: "resources that are listed", default: "100000" },
  seconds: { value: "N", help: "how long each run is measured", default: "5" },
  rounds: {
    value: "N",
    help: "rounds of a run without and one with the list; the figures are medians",
    default: "5",
  },
  "page-size": { value: "N", help: "resources of a page", default: "1000" },
} as const;

await runTool("bench:list", () => main(process.argv.slice(2)));

async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--help")) {
    process.stdout.write(helpText("npm run bench:list -- [flags]", flags));
    return 0;
  }
  const values = readFlags(args, flags);
  const comparison = {
    resources: numberFlag("resources", values.resources, { min: 1, max: 1_000_000 }),
    seconds: numberFlag("seconds", values.seconds, { min: 0.1, max: 600, fractions: true }),
    times: 1,
    rounds: numberFlag("rounds", values.rounds, { min: 1, max: 100 }),
    pageSize: numberFlag("page-size", values["page-size"], { min: 1, max: 10_000 }),
  };
  console.log(`${describeMachine(thisMachine())}, ${new Date().toISOString().slice(0, 10)}`);
  console.log(`${comparison.rounds} rounds of ${comparison.seconds} s; event-loop delay, 99.9 %\n`);
  const compared = await compare(comparison);
  console.log(rowOf("writers alone", compared.without));
  console.log(rowOf("with the list", compared.with));
  const [wall, cpu] = [raisedMs(compared, "wallMs"), raisedMs(compared, "cpuMs")];
  console.log(`\nraised by ${wall.toFixed(1)} ms by the clock, ${cpu.toFixed(1)} ms of processor time`);
  console.log(
    `${compared.with.reduce((sum, { lists }) => sum + lists, 0)} lists, each exactly the set of one version`,
  );
  const isKept = wall <= MAX_RAISED_MS;
  console.log(
    isKept ? `within ${MAX_RAISED_MS} ms` : `more than ${MAX_RAISED_MS} ms; repeat it on a quiet machine`,
  );
  return isKept ? 0 : 1;
}

function rowOf(name: string, runs: readonly RunFigures[]): string {
  const of = (figure: "wallMs" | "cpuMs"): string => median(runs.map((run) => run[figure])).toFixed(1);
  const writes = median(runs.map((run) => run.writes));
  return `${name}  ${of("wallMs").padStart(7)} ms by the clock  ${of("cpuMs").padStart(6)} ms of processor time  ${writes} writes`;
}
