/** `npm run bench:scale`: what size does, through the API of servers in processes of their own: many resources, watchers, types. See `--help`. */
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";

import { helpText, runTool } from "../../flags.ts";
import { inDirectory } from "../in-directory.ts";
import { describeMachine, thisMachine } from "../machine.ts";
import { refuseUnwritable } from "../refuse-unwritable.ts";
import { whole } from "./figure.ts";
import { figuresTable } from "./figures-table.ts";
import { flags, readOptions, type ScaleOptions } from "./options.ts";
import { runParts } from "./run-parts.ts";

await runTool("bench:scale", async () => {
  const args = process.argv.slice(2);
  if (args.includes("--help")) {
    process.stdout.write(helpText("npm run bench:scale -- [flags]", flags));
    return 0;
  }
  const options = readOptions(args);
  refuseUnwritable("json", options.json);
  return await inDirectory(tmpdir(), (directory) => bench(options, directory));
});

async function bench({ resources, parts, json }: ScaleOptions, directory: string): Promise<number> {
  const machine = thisMachine();
  const date = new Date().toISOString();
  console.log(`${describeMachine(machine)}, ${date.slice(0, 10)}`);
  console.log(`${whole(resources)} resources of 600 bytes in the large store\n`);
  const startedMs = performance.now();
  const tell = (what: string): void => {
    const seconds = Math.round((performance.now() - startedMs) / 1_000);
    process.stderr.write(`${String(seconds).padStart(5)} s  ${what}\n`);
  };
  const results = await runParts({ parts, resources }, { directory, tell });
  const failures = results.flatMap((result) =>
    result.failures.map((failure) => `${result.part}: ${failure}`),
  );
  console.log(figuresTable(results));
  for (const failure of failures) console.error(failure);
  if (json !== undefined) {
    const text = JSON.stringify({ machine, date, options: { resources, parts }, results }, undefined, 2);
    writeFileSync(json, `${text}\n`);
  }
  return failures.length === 0 ? 0 : 1;
}
