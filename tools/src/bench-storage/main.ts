/** `npm run bench:storage`: what replicated storage does, in nodes that are processes, driven from another. See `--help`. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describeMachine, thisMachine } from "../bench/machine.ts";
import { helpText, numberFlag, readFlags, runTool } from "../flags.ts";
import { tellWithTime } from "../tell-with-time.ts";
import { measureLargeStore } from "./large-store.ts";
import { largeStoreTable, throughputTable } from "./tables.ts";
import { measureThroughput } from "./throughput.ts";

const flags = {
  seconds: { value: "N", help: "how long commits are measured in each round", default: "5" },
  rounds: { value: "N", help: "rounds over one node and three; the figures are medians", default: "3" },
  resources: { value: "N", help: "resources of the large store; 0 to leave it out", default: "1000000" },
  directory: {
    value: "DIR",
    help: "a directory on the disk to measure (default: the system's for temporary files)",
  },
  json: { value: "FILE", help: "also write the figures there" },
} as const;

await runTool("bench:storage", async () => {
  const args = process.argv.slice(2);
  if (args.includes("--help")) {
    process.stdout.write(helpText("npm run bench:storage -- [flags]", flags));
    return 0;
  }
  const values = readFlags(args, flags);
  const seconds = numberFlag("seconds", values.seconds, { min: 0.01, max: 600, fractions: true });
  const rounds = numberFlag("rounds", values.rounds, { min: 1, max: 100 });
  const resources = numberFlag("resources", values.resources, { min: 0, max: 10_000_000 });
  const directory = mkdtempSync(join(values.directory ?? tmpdir(), "trellis-bench-storage-"));
  try {
    const machine = thisMachine();
    const date = new Date().toISOString();
    console.log(`${describeMachine(machine)}, ${date.slice(0, 10)}`);
    const throughput = await measureThroughput({ seconds, rounds, directory });
    console.log(`\n${throughputTable(throughput)}`);
    const tell = tellWithTime();
    const largeStore = resources === 0 ? undefined : await measureLargeStore({ resources, directory, tell });
    if (largeStore !== undefined) console.log(`\n${largeStoreTable(largeStore)}`);
    if (values.json !== undefined) {
      const figures = {
        system: "trellis",
        date,
        machine,
        options: { seconds, rounds, resources },
        throughput,
        largeStore,
      };
      writeFileSync(values.json, `${JSON.stringify(figures, undefined, 2)}\n`);
    }
    return 0;
  } finally {
    rmSync(directory, { recursive: true });
  }
});
