/** `npm run bench`: Trellis and, with `--peer etcd`, etcd under the same loads, from one generator beside them. See `--help`. */
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";

import { helpText, numberFlag, readFlags, runTool, UsageError } from "../flags.ts";
import { tellWithTime } from "../tell-with-time.ts";
import { findEtcd, startEtcd } from "./etcd/start-etcd.ts";
import { inDirectory } from "./in-directory.ts";
import { describeMachine, thisMachine } from "./machine.ts";
import { picture } from "./picture.ts";
import { refuseUnwritable } from "./refuse-unwritable.ts";
import { comparisonTable, resultTable, warnings } from "./report.ts";
import { type BenchOptions, runBench } from "./run-bench.ts";
import { chooseScenarios, scenarioFamilies, SCENARIOS } from "./scenarios.ts";
import { compare, QUICK_SCENARIOS } from "./targets.ts";
import { startTrellis } from "./trellis/start-trellis.ts";

/** What `--quick` takes for each measurement, and for all of them: with stopping, less than three minutes. */
const QUICK_SECONDS = "0.6";
const QUICK_WARM_UP_SECONDS = "4";
const QUICK_MS = 165_000;
/** A list is of a thousand resources. */
const LEAST_KEYS = 1_000;

const flags = {
  peer: { value: "etcd", help: "measure etcd too, in turns: $ETCD_BIN, or the etcd in the path" },
  only: { value: "NAMES", help: "only these scenarios, by name or by how names begin, with commas between" },
  seconds: { value: "N", help: "how long each scenario is measured in each round", default: "5" },
  "warm-up": {
    value: "N",
    help: "how long each scenario may run before the first round, up to three times as long with several servers: until it gets no cheaper, since V8 compiles what runs",
    default: "12",
  },
  rounds: { value: "N", help: "rounds over all scenarios; the figures are medians", default: "5" },
  keys: { value: "N", help: "distinct resources of 600 bytes in each store", default: "100000" },
  directory: {
    value: "DIR",
    help: "keep the stores' data below it: the disk that is measured",
    default: tmpdir(),
  },
  json: { value: "FILE", help: "also write the figures there" },
  svg: { value: "FILE", help: "also draw Trellis beside etcd there" },
  quick: {
    value: "",
    help: `only what has a target: ${QUICK_SCENARIOS.join(", ")}; ${QUICK_SECONDS} s each, and as many rounds as fit into three minutes`,
  },
} as const;

const DURATION =
  "All scenarios beside etcd take more than an hour, those with a target eleven minutes, --quick three.";

await runTool("bench", async () => {
  const args = process.argv.slice(2);
  if (args.includes("--help")) {
    const text = helpText("npm run bench -- [flags]", flags);
    const names = scenarioFamilies().map(([, members]) => `  ${members.join(" ")}\n`);
    process.stdout.write(
      `${text}\n${DURATION}\n\nScenarios, each with its number of clients:\n${names.join("")}`,
    );
    return 0;
  }
  const given = readFlags(args, flags);
  const isQuick = given.quick;
  /** What is given, or else what is quick. */
  const orQuick = (name: "seconds" | "warm-up", quick: string): string =>
    isQuick && !args.some((arg) => arg.startsWith(`--${name}`)) ? quick : given[name];
  if (isQuick && given.only !== undefined)
    throw new UsageError("--quick and --only exclude each other: give one");
  const chosen = isQuick ? QUICK_SCENARIOS : given.only?.split(",");
  const settings = {
    scenarios: chosen === undefined ? SCENARIOS : chooseScenarios(chosen),
    seconds: numberFlag("seconds", orQuick("seconds", QUICK_SECONDS), {
      min: 0.05,
      max: 600,
      fractions: true,
    }),
    warmUpSeconds: numberFlag("warm-up", orQuick("warm-up", QUICK_WARM_UP_SECONDS), {
      min: 0,
      max: 600,
      fractions: true,
    }),
    rounds: numberFlag("rounds", given.rounds, { min: 1, max: 100 }),
    limitMs: isQuick ? QUICK_MS : undefined,
    keys: numberFlag("keys", given.keys, { min: LEAST_KEYS, max: 10_000_000 }),
  };
  if (given.peer !== undefined && given.peer !== "etcd")
    throw new UsageError(`--peer: expected etcd; found "${given.peer}"`);
  if (given.svg !== undefined && given.peer === undefined)
    throw new UsageError("--svg: expected --peer etcd with it: the picture shows one beside the other");
  for (const [name, file] of Object.entries({ json: given.json, svg: given.svg }))
    refuseUnwritable(name, file);
  const etcd = given.peer === undefined ? undefined : findEtcd();
  const peer = etcd && {
    standalone: startEtcd(etcd.program, 1),
    cluster: startEtcd(etcd.program, 3),
  };
  const systems = { trellis: startTrellis, ...(peer && { etcd: peer }) };
  return await inDirectory(given.directory, (directory) =>
    bench(
      { ...settings, directory, systems },
      { etcdVersion: etcd?.version, json: given.json, svg: given.svg },
    ),
  );
});

interface Outputs {
  readonly etcdVersion: string | undefined;
  readonly json: string | undefined;
  readonly svg: string | undefined;
}

async function bench(options: BenchOptions, { etcdVersion, json, svg }: Outputs): Promise<number> {
  const machine = thisMachine();
  const date = new Date().toISOString();
  const { rounds, seconds, keys, warmUpSeconds } = options;
  const etcd = etcdVersion === undefined ? "" : `, etcd ${etcdVersion}`;
  const where = `${describeMachine(machine)}${etcd}, ${date.slice(0, 10)}`;
  const warmUp = `up to ${warmUpSeconds} s to warm up`;
  console.log(
    `${where}\n${rounds} rounds of ${seconds} s a scenario, ${warmUp}, ${keys} resources in each store\n`,
  );
  const results = await runBench(options, tellWithTime());
  const comparisons = compare(results);
  console.log(resultTable(results));
  if (comparisons.length > 0) console.log(`\n${comparisonTable(comparisons)}`);
  for (const warning of warnings(results, rounds)) console.error(warning);
  if (svg !== undefined) writeFileSync(svg, picture(comparisons, where));
  if (json !== undefined) {
    const settings = { rounds, seconds, warmUpSeconds, keys };
    const text = JSON.stringify({ machine, date, etcdVersion, settings, results, comparisons }, undefined, 2);
    writeFileSync(json, `${text}\n`);
  }
  return results.every(({ errors }) => Object.keys(errors).length === 0) ? 0 : 1;
}
