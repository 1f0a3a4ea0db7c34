import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";

import { type ConnectedClient, connectClient } from "@trellis/client/node";
import type { Random } from "@trellis/resource";
import { type ServerProcess, startStandalone } from "@trellis/testkit";

import { type HeapProbe, openHeapProbe } from "../fuzz/heap.ts";
import { busiest } from "./busiest.ts";
import { EndpointsWatch } from "./endpoints-watch.ts";
import { type LoadFigures, runLoad } from "./load.ts";
import { World, type WorldSize } from "./world.ts";

/** Connections that changes are spread over. */
const CLIENTS = 4;
/** How long the endpoints may take at all, before it counts as never: of a new world, and after a load. */
const FILL_SETTLE_MS = 300_000;
const GIVE_UP_MS = 60_000;

/** What is to be run. */
export interface ScaleOptions extends WorldSize {
  readonly ratePerSecond: number;
  /** How long each round lasts. */
  readonly seconds: number;
  /** Rounds of load on one server: what the first leaves on the heap (history up to its bound) no later one may add to. */
  readonly rounds: number;
  readonly random: Random;
  /** A directory for the server's data. */
  readonly directory: string;
  readonly tell: (what: string) => void;
}

/** What one round of load gave. */
export interface RoundFigures {
  readonly changes: number;
  readonly changesPerSecond: number;
  /** From the acknowledgement of the last change until all endpoints were right. */
  readonly settleMs: number;
  /** Writes of endpoints that were seen, of all services. */
  readonly endpointWrites: number;
  /** The most writes of one service's endpoints within {@link WINDOW_MS}. */
  readonly busiestService: number;
  /** CPU of the server, in parts of one core. */
  readonly serverCores: number | undefined;
  /** On the server's heap once it is at rest and garbage is collected. */
  readonly heapBytes: number;
  readonly residentBytes: number | undefined;
  readonly interruptions: number;
  readonly errors: readonly string[];
}

/** Writes of one service are counted over so long. */
export const WINDOW_MS = 10_000;

/** Runs the catalog in a standalone server with this world under this load, round after round. */
export async function runScale(options: ScaleOptions): Promise<readonly RoundFigures[]> {
  const directory = mkdtempSync(join(options.directory, "trellis-endpoints-scale-"));
  const flags = ["--data-dir", directory];
  const server = await startStandalone({ domains: ["@trellis/catalog"], flags, inspect: true });
  const clients = Array.from({ length: CLIENTS + 1 }, () => connectClient({ server: server.url }));
  const [watcher, ...writers] = clients;
  if (watcher === undefined) throw new Error("a run needs a client");
  const watch = new EndpointsWatch(watcher);
  try {
    const heap = await openHeapProbe(server.inspectorUrl ?? "");
    const world = await fill(options, { watch, client: watcher });
    const rounds: RoundFigures[] = [];
    for (let round = 1; round <= options.rounds; round++) {
      const figures = await runRound(options, { world, watch, writers, server, heap });
      options.tell(`round ${round}: ${JSON.stringify(figures)}`);
      rounds.push(figures);
    }
    heap.close();
    return rounds;
  } finally {
    await watch.close().catch(() => undefined);
    for (const client of clients) client.close();
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function fill(
  options: ScaleOptions,
  { watch, client }: { readonly watch: EndpointsWatch; readonly client: ConnectedClient },
): Promise<World> {
  const world = new World(options);
  const startedMs = performance.now();
  await world.create(client);
  watch.start();
  await watch.settled(world, FILL_SETTLE_MS);
  options.tell(
    `${options.workloads} workloads behind ${options.services} services after ${Math.round(performance.now() - startedMs)} ms`,
  );
  return world;
}

interface Running {
  readonly world: World;
  readonly watch: EndpointsWatch;
  readonly writers: readonly ConnectedClient[];
  readonly server: ServerProcess;
  readonly heap: HeapProbe;
}

async function runRound(
  options: ScaleOptions,
  { world, watch, writers, server, heap }: Running,
): Promise<RoundFigures> {
  watch.beginCounting();
  const cpuBefore = server.cpuMicroseconds();
  const load = await runLoad({ ...options, world, clients: writers });
  const settledMs = await watch.settled(world, GIVE_UP_MS);
  const cpuAfter = server.cpuMicroseconds();
  const writes = watch.writes();
  return {
    changes: load.changes,
    changesPerSecond: paceOf(load),
    // The last change may have been of an address that was right again by the time that it was acknowledged.
    settleMs: Math.max(0, settledMs - load.lastMs),
    endpointWrites: writes.reduce((sum, times) => sum + times.length, 0),
    busiestService: busiest(writes, WINDOW_MS),
    serverCores:
      cpuBefore === undefined || cpuAfter === undefined
        ? undefined
        : (cpuAfter - cpuBefore) / 1_000 / load.elapsedMs,
    heapBytes: await heap.usedAfterCollection(),
    residentBytes: server.residentBytes(),
    interruptions: watch.interruptions,
    errors: load.errors,
  };
}

function paceOf({ changes, elapsedMs }: LoadFigures): number {
  return (changes / elapsedMs) * 1_000;
}
