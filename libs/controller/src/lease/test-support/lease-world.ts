import { type Client, createClient } from "@trellis/client";
import demo from "@trellis/demo";
import { createFaultyTransport, createTestServer, createVirtualClock, seededRandom } from "@trellis/testing";
import { systemDomain } from "@trellis/system";

import type { LogLine } from "../../test-support/run.ts";
import type { ControllerLog } from "../../controller.ts";
import { CONTROLLER_LEASES, Lease } from "../lease.ts";
import { LeaseKeeper, type LeaseKeeperOptions } from "../lease-keeper.ts";
import type { LeaseTerm } from "../lease-term.ts";
import { Network } from "./network.ts";
import { PausableClock } from "./pausable-clock.ts";

/** One process that holds leases. */
export interface Process {
  readonly name: string;
  readonly clock: PausableClock;
  readonly network: Network;
  readonly client: Client;
  readonly lines: LogLine[];
  readonly log: ControllerLog;
}

/** A keeper, and what it told. */
export interface KeptLeases extends Process {
  readonly keeper: LeaseKeeper;
  /** In words, with the virtual time in milliseconds: `3500 lost a`. */
  readonly told: string[];
  /** All terms that it was told of. */
  readonly terms: LeaseTerm[];
}

/** A server with the type Lease, in memory and on virtual time, and processes around it. */
export function createLeaseWorld(seed = 1) {
  const clock = createVirtualClock();
  const random = seededRandom(seed);
  const server = createTestServer({ domains: [systemDomain, demo], controllers: [], clock, random });

  function createProcess(name: string, rate = 1): Process {
    const own = new PausableClock(clock, rate);
    const network = new Network();
    const transport = createFaultyTransport(server.transport, network.faults(clock, own));
    const lines: LogLine[] = [];
    const line = (level: string) => (fields: object, message: string) =>
      void lines.push({ level, fields: fields as Record<string, unknown>, message });
    const log = { debug: line("debug"), info: line("info"), warn: line("warn"), error: line("error") };
    return {
      name,
      clock: own,
      network,
      client: createClient({ transport, clock: own, random }),
      lines,
      log,
    };
  }

  function keep(
    name: string,
    leases: readonly string[] = ["a"],
    options: Partial<LeaseKeeperOptions> & { readonly rate?: number } = {},
  ): KeptLeases {
    const process = createProcess(name, options.rate);
    const told: string[] = [];
    const terms: LeaseTerm[] = [];
    const short = (term: LeaseTerm): string => term.name.slice(CONTROLLER_LEASES.length);
    const tell = (what: string, term: LeaseTerm): void =>
      void told.push(`${clock.monotonic()} ${what} ${short(term)}`);
    const keeper = new LeaseKeeper({
      client: process.client,
      clock: process.clock,
      random,
      log: process.log,
      holder: { id: `id of ${name}`, name },
      prefix: CONTROLLER_LEASES,
      names: leases.map((lease) => CONTROLLER_LEASES + lease),
      ...options,
      taken(term) {
        terms.push(term);
        tell("taken", term);
        options.taken?.(term);
      },
      async lost(term) {
        tell("lost", term);
        await options.lost?.(term);
      },
    });
    keeper.start();
    return { ...process, keeper, told, terms };
  }

  return {
    clock,
    random,
    server,
    client: server.client,
    createProcess,
    keep,
    lease: async (name: string) => await server.client.read(Lease, { name: CONTROLLER_LEASES + name }),
    close: () => server.close(),
  };
}

export type LeaseWorld = ReturnType<typeof createLeaseWorld>;
