import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import type { ServerProcess } from "@trellis/testkit";
import { ResourceService } from "@trellis/protos/trellis/resource/v1/resource_service_pb";

import { album, albumId, type BenchClient, fillStore, listAlbums } from "./albums.ts";
import { BenchError, type Load, measure } from "./measure.ts";
import { type Measurement, summarize, type Summary } from "./measurement.ts";
import { openWatchers } from "./watchers.ts";

/** HTTP/2 connections that the clients share. */
const CONNECTIONS = 8;
/** How long a call may take; then it has failed. */
const CALL_TIMEOUT_MS = 10_000;
/** A step between resources that is prime, so that reads touch all of them in no order that a cache would like. */
const STRIDE = 7_919;

/** How to run the scenarios. */
export interface BenchOptions {
  /** Clients of the concurrent scenarios. */
  readonly clients: number;
  /** How long each scenario is measured in each round. */
  readonly seconds: number;
  readonly watchers: number;
  readonly rounds: number;
  /** Distinct resources that the load writes and reads; also what a list returns. */
  readonly resources: number;
}

/** A scenario ready to be measured. */
interface Scenario extends Omit<Load, "seconds"> {
  readonly close?: () => Promise<void>;
}

/**
 * Runs every scenario in every round, one after the other, against one server: what disturbs the machine for a while disturbs all of
 * them, and the median over the rounds leaves it out. Tells each measurement as it comes.
 */
export async function runScenarios(
  server: ServerProcess,
  options: BenchOptions,
  tell: (measurement: Measurement, round: number) => void,
): Promise<readonly Summary[]> {
  const connections = Array.from({ length: CONNECTIONS }, () => connect(server.url));
  const client = (index: number) => connections[index % CONNECTIONS] as BenchClient;
  await fillStore(client, options.resources);
  const scenarios = createScenarios(client, options);
  const measured = scenarios.map((): Measurement[] => []);
  for (let round = 1; round <= options.rounds; round++) {
    for (const [index, open] of scenarios.entries()) {
      const scenario = await open();
      try {
        const measurement = await measure(server, { ...scenario, seconds: options.seconds });
        measured[index]?.push(measurement);
        tell(measurement, round);
      } finally {
        await scenario.close?.();
      }
    }
  }
  return measured.map(summarize);
}

function connect(url: string): BenchClient {
  const transport = createConnectTransport({
    baseUrl: url,
    httpVersion: "2",
    defaultTimeoutMs: CALL_TIMEOUT_MS,
  });
  return createClient(ResourceService, transport);
}

function createScenarios(
  client: (index: number) => BenchClient,
  { clients, resources, watchers }: BenchOptions,
): readonly (() => Promise<Scenario>)[] {
  let revision = 0;
  const write = async (index: number): Promise<number> => {
    revision += 1;
    await client(index).write({ resource: album(revision % resources, revision) });
    return 1;
  };
  let position = 0;
  const read = async (index: number): Promise<number> => {
    position += STRIDE;
    const id = albumId(position % resources);
    const { resource } = await client(index).read({ id });
    if (resource?.id?.name !== id.name) throw new BenchError(`read ${id.name}, found ${resource?.id?.name}`);
    return 1;
  };
  const list = async (index: number): Promise<number> => {
    await listAlbums(client(index), resources);
    return 1;
  };
  const plain = (scenario: string, count: number, call: Load["call"]) => async (): Promise<Scenario> => ({
    scenario,
    clients: count,
    call,
  });
  return [
    plain("write-1", 1, write),
    plain(`write-${clients}`, clients, write),
    plain("read-1", 1, read),
    plain(`read-${clients}`, clients, read),
    plain(`list-${resources}`, 1, list),
    () =>
      watchScenario(client, watchers, async () => {
        revision += 1;
        await client(0).write({ resource: album(0, revision) });
      }),
  ];
}

/** An operation is one change delivered to one watcher; the latency is from the start of a write until all watchers have it. */
async function watchScenario(
  client: (index: number) => BenchClient,
  count: number,
  change: () => Promise<void>,
): Promise<Scenario> {
  const watchers = await openWatchers(client, { count, name: albumId(0).name });
  return {
    scenario: `watch-${count}`,
    clients: 1,
    async call() {
      const delivered = watchers.next(1);
      await Promise.all([change(), delivered]);
      return count;
    },
    close: () => watchers.close(),
  };
}
