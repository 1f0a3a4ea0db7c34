/**
 * `npm run bench`: measures a gateway on the memory backend from another process, over Connect on HTTP/2. Prints a table; `--json FILE` writes the
 * figures too. `--seconds`, `--clients`, `--watchers` change the load.
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";

import { describeMachine, formatTable, type Measurement } from "./report.ts";
import { runScenarios } from "./scenarios.ts";
import { startGateway } from "@trellis/testkit";

const { values } = parseArgs({
  options: {
    json: { type: "string" },
    seconds: { type: "string", default: "5" },
    clients: { type: "string", default: "64" },
    watchers: { type: "string", default: "100" },
  },
});

/** A flag's value as a positive number; ends the process with a message otherwise. */
function positive(flag: "seconds" | "clients" | "watchers"): number {
  const value = Number(values[flag]);
  if (Number.isFinite(value) && value > 0) return value;
  console.error(`--${flag} takes a positive number, found "${values[flag]}"`);
  process.exit(2);
}

const options = {
  seconds: positive("seconds"),
  clients: positive("clients"),
  watchers: positive("watchers"),
};
const server = await startGateway({ domains: ["@trellis/demo"] });
const measured: Measurement[] = [];
try {
  console.log(
    `${describeMachine()}; ${options.seconds} s a scenario, server and generator in processes of their own\n`,
  );
  await runScenarios(server, options, (measurement) => {
    measured.push(measurement);
    if (process.stderr.isTTY) process.stderr.write(`${measurement.scenario} done\n`);
  });
  console.log(formatTable(measured));
} finally {
  await server.stop();
}
if (values.json !== undefined) {
  const results = measured.map((row) => ({ ...row, system: "trellis", rssBytes: row.serverRssBytes }));
  writeFileSync(values.json, `${JSON.stringify({ machine: describeMachine(), results }, undefined, 2)}\n`);
}
