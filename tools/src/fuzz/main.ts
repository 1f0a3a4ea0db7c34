/**
 * `npm run fuzz`: ten thousand seeded random and mutated requests over each protocol to a gateway in a process of its own, with a reading
 * client beside them. Fails when the heap grows, the reader waits, sockets stay open, or the server blames itself.
 * `--requests`, `--seed`, `--protocol` change the run.
 */
import { parseArgs } from "node:util";

import { startGateway } from "@trellis/testkit";
import { protocols } from "./protocols.ts";
import { faultsOf, formatRow, HEADING } from "./verdict.ts";
import { fuzzProtocol } from "./run.ts";

const { values } = parseArgs({
  options: {
    requests: { type: "string", default: "10000" },
    seed: { type: "string", default: "1" },
    protocol: { type: "string" },
  },
});
const requests = Number(values.requests);
const seed = Number(values.seed);
const chosen = protocols.filter(({ name }) => values.protocol === undefined || name === values.protocol);
if (!(requests >= 100) || !Number.isInteger(seed) || chosen.length === 0) {
  console.error(
    `expected --requests N (100 or more), --seed N, --protocol ${protocols.map(({ name }) => name).join("|")}`,
  );
  process.exit(2);
}

const server = await startGateway({ domains: ["@trellis/demo"], inspect: true });
try {
  console.log(HEADING);
  for (const protocol of chosen) {
    const result = await fuzzProtocol(server, protocol, { requests, seed });
    console.log(formatRow(result));
    for (const fault of faultsOf(result)) {
      console.log(
        `  ${fault}; repeat with: npm run fuzz -- --seed ${seed} --requests ${requests} --protocol ${protocol.name}`,
      );
      process.exitCode = 1;
    }
  }
} finally {
  await server.stop();
}
