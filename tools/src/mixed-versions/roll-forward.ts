import { join } from "node:path";

import { freePorts } from "../cluster/free-ports.ts";
import { Operator } from "../cluster/operator.ts";
import { HEALTHY_MS, replicasAreEqual } from "./operator-work.ts";
import { AppPlace } from "./processes.ts";
import { allThere, type Scenario } from "./take-over-store.ts";
import { Writers } from "./writers.ts";

const DOMAIN = ["--domain", "@trellis/demo"];
/** How long writes go on between two steps. */
const STEP_MS = 1_000;

/** A cluster of an earlier build is replaced by this one, process by process, while clients write through both gateways. */
export async function rollForward({ earlier, directory, tell }: Scenario): Promise<void> {
  const ports = await freePorts(6);
  const [forwarderPort = 0, gatewayPort = 0, directPort = 0, ...nodePorts] = ports;
  const addresses = nodePorts.map((port) => `127.0.0.1:${port}`);
  const list = addresses.map((address, at) => `node-${at + 1}=${address}`).join(",");
  const nodes = nodePorts.map(
    (port, at) =>
      new AppPlace("storage-node", port, [
        "--name",
        `node-${at + 1}`,
        "--data-dir",
        join(directory, `node-${at + 1}`),
        "--initial-cluster",
        list,
      ]),
  );
  const forwarder = new AppPlace(
    "forwarding",
    forwarderPort,
    addresses.flatMap((address) => ["--node", address]),
  );
  const [first, ...others] = addresses;
  const direct = `trellis://${first}?${others.map((address) => `node=${address}`).join("&")}`;
  const gateways = [
    new AppPlace("gateway", gatewayPort, ["--backend", `trellis://${forwarder.address}`, ...DOMAIN]),
    new AppPlace("gateway", directPort, ["--backend", direct, ...DOMAIN]),
  ];
  const all = [...nodes, forwarder, ...gateways];
  let operator: Operator | undefined;
  try {
    for (const place of all) place.start(earlier);
    for (const place of all) await place.ready();
    operator = new Operator(nodes.map(({ url }) => url));
    await operator.healthy(nodes.length, HEALTHY_MS);
    let writers = new Writers(
      "rolling",
      gateways.map(({ url }) => url),
    );
    await pause();
    for (const [at, place] of [...nodes, forwarder].entries()) {
      await place.stop();
      place.start();
      await place.ready();
      await operator.healthy(nodes.length, HEALTHY_MS);
      await replicasAreEqual(operator);
      await pause();
      const who = at < nodes.length ? `node-${at + 1}` : "the forwarder";
      tell(
        `  ${who} is of this build; ${writers.written.size} written, the longest took ${writers.takeLongestMs()} ms`,
      );
    }
    await writers.end();
    failed(writers);
    const expected = new Map(writers.written);
    // Whoever stops a gateway has its clients go to another first: each is replaced while the other one serves.
    for (const [at, gateway] of gateways.entries()) {
      const other = gateways[1 - at] as AppPlace;
      writers = new Writers(`gateway-${at}`, [other.url]);
      await gateway.stop();
      gateway.start();
      await gateway.ready();
      await writers.end();
      failed(writers);
      for (const [name, title] of writers.written) expected.set(name, title);
    }
    for (const { url } of gateways) await allThere(url, expected);
    await replicasAreEqual(operator);
    tell(`  the gateways are of this build; all ${expected.size} are there, through both`);
    for (const place of all.toReversed()) await place.stop();
  } finally {
    operator?.close();
    for (const place of all) await place.stop("SIGKILL");
  }
}

function failed({ failures }: Writers): void {
  if (failures.length > 0) throw new Error(`${failures.length} writes failed; the first: ${failures[0]}`);
}

async function pause(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, STEP_MS));
}
