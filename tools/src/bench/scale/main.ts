/** `npm run bench:scale`: what size does, through the API of servers in processes of their own: many resources, watchers, types. See `--help`. */
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";

import { helpText, runTool } from "../../flags.ts";
import { tellWithTime } from "../../tell-with-time.ts";
import { inDirectory } from "../in-directory.ts";
import { describeMachine, thisMachine } from "../machine.ts";
import { refuseUnwritable } from "../refuse-unwritable.ts";
import { whole } from "./figure.ts";
import { figuresTable } from "./figures-table.ts";
import { flags, readOptions, type ScaleOptions } from "./options.ts";
import { runParts } from "./run-parts.ts";

const NEEDS = `All parts take ten to fifteen minutes, a million resources 1.4 GiB of memory; their data is below ${tmpdir()}. --resources 2000 is a trial of a minute or two.`;

await runTool("bench:scale", async () => {
  const args = process.argv.slice(2);
  if (args.includes("--help")) {
    process.stdout.write(`${helpText("npm run bench:scale -- [flags]", flags)}\n${NEEDS}\n`);
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
  const results = await runParts({ parts, resources }, { directory, tell: tellWithTime() });
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
