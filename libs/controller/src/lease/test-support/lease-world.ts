import { type Client, createClient } from "@trellis/client";
import demo from "@trellis/demo";
import type { Clock, Random } from "@trellis/resource";
import {
  createFaultyTransport,
  createTestServer,
  createVirtualClock,
  seededRandom,
  type TestServer,
} from "@trellis/testing";
import { systemDomain } from "@trellis/system";

import type { LogLine } from "../../test-support/run.ts";
import type { ControllerLog } from "../../log.ts";
import { CONTROLLER_LEASES, Lease } from "../lease.ts";
import { LeaseKeeper, type LeaseKeeperOptions } from "../lease-keeper.ts";
import type { LeaseTerm } from "../lease-term.ts";
import type { WantedLease } from "../wanted-lease.ts";
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

  const createProcess = (name: string, rate = 1): Process => processIn({ clock, random, server }, name, rate);

  function keep(
    name: string,
    leases: readonly (string | WantedLease)[] = ["a"],
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
      holder: { id: `id-of-${name}`, name },
      prefix: CONTROLLER_LEASES,
      leases: leases.map((lease) =>
        typeof lease === "string" ? { name: CONTROLLER_LEASES + lease } : lease,
      ),
      ...options,
      taken(term) {
        terms.push(term);
        tell("taken", term);
        options.taken?.(term);
      },
      async lost(term, how) {
        tell(how === "at once" ? "lost" : "leaves", term);
        await options.lost?.(term, how);
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
    /** The leases of members, by their holders' names. */
    async members() {
      const leases = await allOf(server.client.list(Lease, { namePrefix: `${CONTROLLER_LEASES}member-` }));
      return new Map(leases.map((lease) => [lease.data.holderName, lease]));
    },
    close: () => server.close(),
  };
}

function processIn(
  {
    clock,
    random,
    server,
  }: { readonly clock: Clock; readonly random: Random; readonly server: Pick<TestServer, "transport"> },
  name: string,
  rate: number,
): Process {
  const own = new PausableClock(clock, rate);
  const network = new Network();
  const transport = createFaultyTransport(server.transport, network.faults(clock, own));
  const lines: LogLine[] = [];
  const line = (level: string) => (fields: object, message: string) =>
    void lines.push({ level, fields: fields as Record<string, unknown>, message });
  const log = { debug: line("debug"), info: line("info"), warn: line("warn"), error: line("error") };
  const client = createClient({ transport, clock: own, random });
  return { name, clock: own, network, client, lines, log };
}

/** All that a list gives. */
export async function allOf<T>(list: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = [];
  for await (const one of list) all.push(one);
  return all;
}

export type LeaseWorld = ReturnType<typeof createLeaseWorld>;
