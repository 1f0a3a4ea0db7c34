/** `npm run bench:log`: durable appends of our log beside other stores, on one disk. See `--help`. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { helpText, numberFlag, readFlags, runTool } from "../flags.ts";
import { describeMachine, thisMachine } from "../bench/machine.ts";
import { compareLogs } from "./compare.ts";
import { lmdb } from "./stores/lmdb.ts";
import { ownLog } from "./stores/own-log.ts";
import { sqlite } from "./stores/sqlite.ts";
import { formatFigures } from "./table.ts";

const flags = {
  seconds: { value: "N", help: "how long each log appends in each round and batch size", default: "2" },
  rounds: { value: "N", help: "rounds over all logs and batch sizes; the figures are medians", default: "5" },
  payload: { value: "N", help: "bytes of an entry", default: "600" },
  directory: {
    value: "DIR",
    help: "a directory on the disk to measure (default: the system's for temporary files)",
  },
} as const;

const BATCHES = [1, 16, 128];

await runTool("bench:log", async () => await main(process.argv.slice(2)));

async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--help")) {
    process.stdout.write(helpText("npm run bench:log -- [flags]", flags));
    return 0;
  }
  const values = readFlags(args, flags);
  const seconds = numberFlag("seconds", values.seconds, { min: 0.001, max: 600, fractions: true });
  const rounds = numberFlag("rounds", values.rounds, { min: 1, max: 100 });
  const entryBytes = numberFlag("payload", values.payload, { min: 1, max: 32_768 });
  const directory = mkdtempSync(join(values.directory ?? tmpdir(), "trellis-bench-log-"));
  try {
    console.log(`${describeMachine(thisMachine())}, ${new Date().toISOString().slice(0, 10)}`);
    console.log(`${rounds} rounds of ${seconds} s, entries of ${entryBytes} bytes, in ${directory}\n`);
    const loads = BATCHES.map((batch) => ({ batch, entryBytes }));
    const options = { directory, loads, rounds, roundMs: seconds * 1_000 };
    console.log(formatFigures(await compareLogs([ownLog, sqlite, lmdb], options)));
    return 0;
  } finally {
    rmSync(directory, { recursive: true });
  }
}
