/** `npm run bench:raft`: the consensus core alone, a group in one process without disk and network. See `--help`. */
import { helpText, numberFlag, readFlags, runTool } from "../flags.ts";
import { describeMachine, thisMachine } from "../bench/machine.ts";
import { measureRound, summarizeRounds, type Round } from "./measure.ts";
import { raftScenarios } from "./scenarios.ts";
import { formatFigures } from "./table.ts";

const flags = {
  seconds: { value: "N", help: "how long each scenario is measured in each round", default: "2" },
  rounds: { value: "N", help: "rounds over all scenarios; the figures are medians", default: "3" },
  payload: { value: "N", help: "bytes of a proposal", default: "256" },
  batch: { value: "N", help: "proposals under way at once in the concurrent scenarios", default: "64" },
} as const;

await runTool("bench:raft", () => Promise.resolve(main(process.argv.slice(2))));

function main(args: readonly string[]): number {
  if (args.includes("--help")) {
    process.stdout.write(helpText("npm run bench:raft -- [flags]", flags));
    return 0;
  }
  const values = readFlags(args, flags);
  const seconds = numberFlag("seconds", values.seconds, { min: 0.01, max: 600, fractions: true });
  const rounds = numberFlag("rounds", values.rounds, { min: 1, max: 100 });
  const scenarios = raftScenarios({
    payload: numberFlag("payload", values.payload, { min: 0, max: 1_048_576 }),
    batch: numberFlag("batch", values.batch, { min: 2, max: 10_000 }),
  });
  console.log(`${describeMachine(thisMachine())}, ${new Date().toISOString().slice(0, 10)}`);
  console.log(`${rounds} rounds of ${seconds} s a scenario, proposals of ${values.payload} bytes\n`);
  const results = scenarios.map((scenario) => ({ scenario, rounds: [] as Round[] }));
  // The scenarios take turns, so that a slow moment of the machine does not fall on one of them alone.
  for (let round = 0; round < rounds; round++) {
    for (const result of results) result.rounds.push(measureRound(result.scenario, seconds * 1_000));
  }
  console.log(formatFigures(results.map((result) => summarizeRounds(result.scenario, result.rounds))));
  return 0;
}
