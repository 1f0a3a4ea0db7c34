import { join } from "node:path";

import { freePorts } from "@trellis/testkit";

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
  const { nodes, forwarder, gateways } = await layOut(directory);
  const all = [...nodes, forwarder, ...gateways];
  const operator = new Operator(nodes.map(({ url }) => url));
  try {
    for (const place of all) place.start(earlier);
    for (const place of all) await place.ready();
    await operator.healthy(nodes.length, HEALTHY_MS);
    const writers = new Writers(
      "rolling",
      gateways.map(({ url }) => url),
    );
    await pause();
    for (const [at, place] of [...nodes, forwarder].entries()) {
      await replace(place);
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
    const expected = new Map([...writers.written, ...(await replaceGateways(gateways))]);
    for (const { url } of gateways) await allThere(url, expected);
    await replicasAreEqual(operator);
    tell(`  the gateways are of this build; all ${expected.size} are there, through both`);
    for (const place of all.toReversed()) await place.stop();
  } finally {
    operator.close();
    for (const place of all) await place.stop("SIGKILL");
  }
}

/** Three nodes, a forwarder, a gateway behind it and another that goes to the nodes. */
async function layOut(directory: string) {
  const [forwarderPort = 0, gatewayPort = 0, directPort = 0, ...nodePorts] = await freePorts(6);
  const addresses = nodePorts.map((port) => `127.0.0.1:${port}`);
  const list = addresses.map((address, at) => `node-${at + 1}=${address}`).join(",");
  const nodes = nodePorts.map((port, at) => {
    const name = `node-${at + 1}`;
    const flags = ["--name", name, "--data-dir", join(directory, name), "--initial-cluster", list];
    return new AppPlace("storage-node", port, flags);
  });
  const forwarder = new AppPlace(
    "forwarding",
    forwarderPort,
    addresses.flatMap((address) => ["--node", address]),
  );
  const [first, ...others] = addresses;
  const direct = `trellis://${first}?${others.map((address) => `node=${address}`).join("&")}`;
  const gateways: readonly [AppPlace, AppPlace] = [
    new AppPlace("gateway", gatewayPort, ["--backend", `trellis://${forwarder.address}`, ...DOMAIN]),
    new AppPlace("gateway", directPort, ["--backend", direct, ...DOMAIN]),
  ];
  return { nodes, forwarder, gateways };
}

/** Ends what runs at a place in good order, and has this build take over. */
async function replace(place: AppPlace): Promise<void> {
  await place.stop();
  place.start();
  await place.ready();
}

/** Replaces each gateway while the other one serves, as clients go to another whose gateway is stopped. Answers what was written meanwhile. */
async function replaceGateways(
  gateways: readonly [AppPlace, AppPlace],
): Promise<ReadonlyMap<string, string>> {
  const written = new Map<string, string>();
  for (const [gateway, other] of [gateways, gateways.toReversed() as [AppPlace, AppPlace]]) {
    const writers = new Writers(`beside-${gateway.address.replace(/\D/g, "-")}`, [other.url]);
    await replace(gateway);
    await writers.end();
    failed(writers);
    for (const [name, title] of writers.written) written.set(name, title);
  }
  return written;
}

function failed({ failures }: Writers): void {
  if (failures.length > 0) throw new Error(`${failures.length} writes failed; the first: ${failures[0]}`);
}

async function pause(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, STEP_MS));
}
