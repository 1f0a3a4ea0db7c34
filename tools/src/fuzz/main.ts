/**
 * `npm run fuzz`: ten thousand seeded random and mutated requests over each protocol to a gateway in a process of its own, with a reading
 * client beside them. Fails when an answer blames the server or does not come, the heap grows, the reader waits, or sockets stay open.
 */
import { startGateway } from "@trellis/testkit";

import { helpText, numberFlag, readFlags, runTool, UsageError } from "../flags.ts";
import { protocols } from "./protocols.ts";
import { fuzzProtocol } from "./run.ts";
import { faultsOf, formatRow, HEADING, MEASURED_FROM_REQUESTS } from "./verdict.ts";

const names = protocols.map(({ name }) => name).join("|");
const flags = {
  requests: { value: "N", help: "requests over each protocol", default: "10000" },
  seed: { value: "N", help: "what the requests are made from", default: "1" },
  protocol: { value: "NAME", help: `one protocol only: ${names}` },
} as const;

await runTool("fuzz", async () => {
  const args = process.argv.slice(2);
  if (args.includes("--help")) {
    process.stdout.write(helpText("npm run fuzz -- [flags]", flags));
    return 0;
  }
  const values = readFlags(args, flags);
  const requests = numberFlag("requests", values.requests, { min: 10, max: 10_000_000 });
  const seed = numberFlag("seed", values.seed, { min: 0, max: 2 ** 32 - 1 });
  const chosen = protocols.filter(({ name }) => values.protocol === undefined || name === values.protocol);
  if (chosen.length === 0) throw new UsageError(`--protocol: expected ${names}; found "${values.protocol}"`);
  return await fuzz(chosen, { requests, seed });
});

async function fuzz(
  chosen: typeof protocols,
  options: { readonly requests: number; readonly seed: number },
): Promise<number> {
  const { requests, seed } = options;
  console.log(`seed ${seed}`);
  if (requests < MEASURED_FROM_REQUESTS)
    console.log(`heap and latency are not judged below ${MEASURED_FROM_REQUESTS} requests`);
  console.log(HEADING);
  let failed = 0;
  for (const protocol of chosen) {
    // A server of its own, so that each protocol's figures are its own.
    const server = await startGateway({ domains: ["@trellis/demo"], inspect: true });
    try {
      const result = await fuzzProtocol(server, protocol, options);
      console.log(formatRow(result));
      const faults = faultsOf(result);
      for (const fault of faults) console.log(`  ${fault}`);
      if (faults.length === 0) continue;
      failed += 1;
      console.log(
        `  repeat with: npm run fuzz -- --seed ${seed} --requests ${requests} --protocol ${protocol.name}`,
      );
    } finally {
      await server.stop();
    }
  }
  console.log(failed === 0 ? "nothing found" : `${failed} of ${chosen.length} protocols failed`);
  return failed === 0 ? 0 : 1;
}
