/** `npm run endpoints-scale`: the catalog's endpoints under many changes a second. See `--help`. */
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";

import { seededRandom } from "@trellis/testing";

import { describeMachine, thisMachine } from "../bench/machine.ts";
import { helpText, numberFlag, readFlags, runTool, UsageError } from "../flags.ts";
import { tellWithTime } from "../tell-with-time.ts";
import { findingsOf, scaleTable } from "./judge.ts";
import { runScale } from "./scale.ts";

const flags = {
  workloads: { value: "N", help: "workloads, spread evenly over the services", default: "10000" },
  services: { value: "N", help: "services that select them", default: "100" },
  rate: {
    value: "N",
    help: "changes a second, one in five of a check, the others of addresses",
    default: "1000",
  },
  seconds: { value: "N", help: "how long each round lasts", default: "60" },
  rounds: {
    value: "N",
    help: "rounds; the heap after each is held against that after the first",
    default: "2",
  },
  seed: { value: "N", help: "what the changed workloads are drawn from", default: "1" },
  directory: {
    value: "DIR",
    help: "a directory for the server's data (default: the system's for temporary files)",
  },
  json: { value: "FILE", help: "also write the figures there" },
} as const;

await runTool("endpoints-scale", async () => {
  const args = process.argv.slice(2);
  if (args.includes("--help")) {
    process.stdout.write(helpText("npm run endpoints-scale -- [flags]", flags));
    return 0;
  }
  const values = readFlags(args, flags);
  const options = {
    workloads: numberFlag("workloads", values.workloads, { min: 2, max: 100_000 }),
    services: numberFlag("services", values.services, { min: 1, max: 1_000 }),
    ratePerSecond: numberFlag("rate", values.rate, { min: 1, max: 100_000 }),
    seconds: numberFlag("seconds", values.seconds, { min: 1, max: 3_600 }),
    rounds: numberFlag("rounds", values.rounds, { min: 1, max: 100 }),
    seed: numberFlag("seed", values.seed, { min: 0, max: 2 ** 32 - 1 }),
  };
  if (options.services > options.workloads)
    throw new UsageError(`--services: expected at most as many as --workloads; found ${options.services}`);
  const machine = thisMachine();
  const date = new Date().toISOString();
  console.log(`${describeMachine(machine)}, ${date.slice(0, 10)}`);
  console.log(
    `${options.workloads} workloads behind ${options.services} services, ${options.ratePerSecond} changes a second for ${options.seconds} s, seed ${options.seed}\n`,
  );
  const tell = tellWithTime();
  const random = seededRandom(options.seed);
  const rounds = await runScale({ ...options, random, directory: values.directory ?? tmpdir(), tell });
  const findings = findingsOf(rounds, options.ratePerSecond);
  console.log(scaleTable(rounds));
  console.log(`\n${findings.length} findings`);
  for (const finding of findings) console.log(`- ${finding}`);
  if (values.json !== undefined) {
    const report = { system: "trellis", date, machine, options, rounds, findings };
    writeFileSync(values.json, `${JSON.stringify(report, undefined, 2)}\n`);
  }
  return findings.length === 0 ? 0 : 1;
});
