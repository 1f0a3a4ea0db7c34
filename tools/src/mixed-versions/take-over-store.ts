import { join } from "node:path";

import { freePorts } from "@trellis/testkit";

import { Operator } from "../cluster/operator.ts";
import { addVoter, HEALTHY_MS, replicasAreEqual } from "./operator-work.ts";
import { AppPlace } from "./processes.ts";
import { missingAlbums, writeAlbum } from "./rest-client.ts";

/** What a scenario works with. */
export interface Scenario {
  /** The checkout of the earlier build. */
  readonly earlier: string;
  /** Where data goes. */
  readonly directory: string;
  readonly tell: (what: string) => void;
}

const ALBUMS = 200;
const DOMAIN = ["--domain", "@trellis/demo"];

/**
 * An earlier standalone server is killed under its store; this build's standalone opens it; then a storage node does, becomes a cluster of three with newcomers, and another
 * of them leads.
 */
export async function takeOverStore({ earlier, directory, tell }: Scenario): Promise<void> {
  const ports = await freePorts(5);
  const [alonePort = 0, firstPort = 0, secondPort = 0, thirdPort = 0, gatewayPort = 0] = ports;
  const store = join(directory, "first");
  const places: AppPlace[] = [];
  const place = (app: string, port: number, flags: readonly string[]): AppPlace => {
    const made = new AppPlace(app, port, flags);
    places.push(made);
    return made;
  };
  let operator: Operator | undefined;
  try {
    const expected = new Map<string, string>();
    const write = async (url: string, count: number, prefix: string): Promise<void> => {
      for (let at = 0; at < count; at++) {
        const [name, title] = [`${prefix}-${at}`, `title ${at} of ${prefix}`];
        await writeAlbum(url, name, title);
        expected.set(name, title);
      }
    };
    const alone = place("standalone", alonePort, ["--data-dir", store, ...DOMAIN]);
    alone.start(earlier);
    await alone.ready();
    await write(alone.url, ALBUMS, "earlier");
    await alone.stop("SIGKILL");
    alone.start();
    await alone.ready();
    await allThere(alone.url, expected);
    await write(alone.url, 10, "later");
    await alone.stop();
    tell(`  this build's standalone shows its ${ALBUMS} albums, written before a kill, and takes more`);

    const node = (name: string, port: number, more: readonly string[]): AppPlace =>
      place("storage-node", port, ["--name", name, "--data-dir", join(directory, name), ...more]);
    const first = node("first", firstPort, []);
    first.start();
    await first.ready();
    const gateway = place("gateway", gatewayPort, ["--backend", `trellis://${first.address}`, ...DOMAIN]);
    gateway.start();
    await gateway.ready();
    await allThere(gateway.url, expected);
    tell("  a storage node serves the same store");

    operator = new Operator([gateway.url]);
    for (const [name, port] of [
      ["second", secondPort],
      ["third", thirdPort],
    ] as const) {
      const newcomer = node(name, port, ["--join", first.address]);
      newcomer.start();
      await addVoter(operator, { name, address: newcomer.address });
      await write(gateway.url, 10, name);
    }
    await operator.healthy(3, HEALTHY_MS);
    await operator.ask((client, options) => client.transferLeadership({ to: 0n }, options));
    await write(gateway.url, 10, "led-by-another");
    await replicasAreEqual(operator);
    await allThere(gateway.url, expected);
    tell("  two newcomers have all of it, vote, and one of them leads");
    for (const running of places.toReversed()) await running.stop();
  } finally {
    operator?.close();
    for (const running of places) await running.stop("SIGKILL");
  }
}

/** Throws when something that was acknowledged is missing. */
export async function allThere(url: string, expected: ReadonlyMap<string, string>): Promise<void> {
  const missing = await missingAlbums(url, expected);
  if (missing.length > 0)
    throw new Error(
      `${missing.length} of ${expected.size} are missing at ${url}: ${missing.slice(0, 5).join(", ")}`,
    );
}
