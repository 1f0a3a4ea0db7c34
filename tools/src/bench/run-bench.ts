import { mkdirSync } from "node:fs";
import { join } from "node:path";

import type { Deployment, Shape, Start, System } from "./deployment.ts";
import { Dataset } from "./dataset.ts";
import { EtcdCalls } from "./etcd/etcd-calls.ts";
import { fill } from "./fill.ts";
import { measure, type MeasureOptions } from "./measure.ts";
import { type Measurement, type Result, type ResultOf, serverCpuUsOf, summarize } from "./measurement.ts";
import { GRPC } from "./raw/forms.ts";
import { RawClient } from "./raw/raw-client.ts";
import type { Scenario } from "./scenarios.ts";
import type { StoreCalls } from "./store-calls.ts";
import { TrellisCalls } from "./trellis/trellis-calls.ts";
import { Warmth } from "./warmth.ts";

/** How to measure. */
export interface BenchOptions {
  readonly scenarios: readonly Scenario[];
  readonly seconds: number;
  /** How long each scenario of one server may run with each system before the first round, in seconds, and one of several as many times as long: until it gets no cheaper. */
  readonly warmUpSeconds: number;
  readonly rounds: number;
  /** No round is begun that would not end by then, after the first; in milliseconds from the start. */
  readonly limitMs?: number | undefined;
  /** Distinct resources in each store. */
  readonly keys: number;
  /** Where the stores keep their data, all on one disk. */
  readonly directory: string;
  /** How each system is started in each shape; what has no entry is not measured. */
  readonly systems: Readonly<Partial<Record<System, Readonly<Partial<Record<Shape, Start>>>>>>;
}

/** Told how it goes on. */
export type Tell = (what: string) => void;

/** A system that runs and has all resources. */
interface Store {
  readonly deployment: Deployment;
  readonly data: Dataset;
}

/** A scenario with one system, and what its rounds gave. */
interface Pairing {
  readonly scenario: Scenario;
  readonly system: System;
  readonly store: Store;
  readonly rounds: Measurement[];
}

const FILL_CONNECTIONS = 8;
/** A warm-up is in so many slices at most. */
const SLICES = 6;
/** How many times as long it takes with several processes, which share the operations between them, until V8 has compiled what they run. */
const WARM_UPS: Readonly<Record<Shape, number>> = { standalone: 1, gateway: 2, cluster: 3, split: 3 };
/** Of a round's seconds. */
const WARM_UP_SHARE = 0.2;

/**
 * Measures every scenario in every round with one system right after the other, each time the other first: what disturbs the machine for a while disturbs all, and the medians
 * leave it out. All systems stay up, and are idle while another is measured.
 */
export async function runBench(options: BenchOptions, tell: Tell): Promise<readonly Result[]> {
  const startedMs = performance.now();
  const stores = new Map<string, Store>();
  try {
    const pairings: Pairing[] = [];
    for (const scenario of options.scenarios) {
      for (const system of Object.keys(scenario.load) as System[]) {
        const start = options.systems[system]?.[scenario.shape];
        if (start === undefined) continue;
        // Once a burst of writes has made its read buffer grow, etcd 3.4 reads slower for good: it is read where there was none.
        const isApart = system === "etcd" && scenario.reading;
        const name = `${system}-${scenario.shape}${isApart ? "-read" : ""}`;
        const store = stores.get(name) ?? (await startStore({ name, system, start }, options, tell));
        stores.set(name, store);
        pairings.push({ scenario, system, store, rounds: [] });
      }
    }
    if (options.warmUpSeconds > 0) await warmUp(pairings, options.warmUpSeconds, tell);
    let roundMs = 0;
    for (let round = 1; round <= options.rounds; round++) {
      const beganMs = performance.now();
      if (round > 1 && beganMs - startedMs + roundMs > (options.limitMs ?? Infinity)) break;
      for (const scenario of options.scenarios) {
        const ofScenario = pairings.filter((pairing) => pairing.scenario === scenario);
        for (const pairing of round % 2 === 1 ? ofScenario : ofScenario.toReversed())
          await measureRound(pairing, round, { options, tell });
      }
      roundMs = performance.now() - beganMs;
    }
    return pairings.map(({ scenario, system, rounds }) => summarize(resultOf(scenario, system), rounds));
  } finally {
    await Promise.all([...stores.values()].map(({ deployment }) => deployment.stop()));
  }
}

async function startStore(
  { name, system, start }: { readonly name: string; readonly system: System; readonly start: Start },
  { directory, keys }: BenchOptions,
  tell: Tell,
): Promise<Store> {
  tell(`starting ${name}`);
  const below = join(directory, name);
  mkdirSync(below, { recursive: true });
  const deployment = await start(below);
  try {
    tell(`writing ${keys} resources to ${name}`);
    const data = new Dataset(keys);
    const client = await RawClient.open(deployment.url, FILL_CONNECTIONS);
    const calls = system === "etcd" ? new EtcdCalls(client, data) : new TrellisCalls(client, data, GRPC);
    await fill(calls, keys);
    client.close();
    await deployment.restart?.();
    return { deployment, data };
  } catch (error) {
    await deployment.stop();
    throw error;
  }
}

/**
 * Runs all scenarios by turns, as the rounds do, each until it gets no cheaper: what V8 has compiled for one alone, it has to compile again when others run the same
 * code in another way.
 */
async function warmUp(pairings: readonly Pairing[], mostSeconds: number, tell: Tell): Promise<void> {
  const cold = new Map(pairings.map((pairing) => [pairing, new Warmth()]));
  for (let slice = 1; slice <= SLICES && cold.size > 0; slice++)
    for (const [pairing, warmth] of cold) {
      const { scenario, system } = pairing;
      const seconds = (mostSeconds * WARM_UPS[scenario.shape]) / SLICES;
      const measured = await run(pairing, { seconds, warmUpSeconds: 0 });
      tell(`warming up: ${scenario.name} ${system} ${measured.opsPerSecond.toFixed(0)}/s`);
      warmth.note(serverCpuUsOf(measured) ?? 1 / measured.opsPerSecond);
      if (warmth.isWarm) cold.delete(pairing);
    }
}

async function measureRound(
  pairing: Pairing,
  round: number,
  { options, tell }: { readonly options: BenchOptions; readonly tell: Tell },
): Promise<void> {
  const { seconds } = options;
  const measured = await run(pairing, { seconds, warmUpSeconds: seconds * WARM_UP_SHARE });
  pairing.rounds.push(measured);
  const { scenario, system } = pairing;
  tell(`round ${round}: ${scenario.name} ${system} ${measured.opsPerSecond.toFixed(0)}/s`);
}

/** Runs a scenario with connections of its own. */
async function run(
  { scenario, system, store }: Pairing,
  times: Pick<MeasureOptions, "seconds" | "warmUpSeconds">,
): Promise<Measurement> {
  const { deployment, data } = store;
  const open = scenario.load[system];
  if (open === undefined) throw new Error(`${scenario.name} has no load for ${system}`);
  const client = await RawClient.open(deployment.url, scenario.connections);
  const calls: StoreCalls =
    system === "etcd" ? new EtcdCalls(client, data) : new TrellisCalls(client, data, scenario.form);
  try {
    const load = await open({ calls, data, clients: scenario.clients });
    const processes = deployment.processes();
    const measured = await measure(load, { scenario: scenario.name, processes, ...times });
    load.close?.();
    return measured;
  } finally {
    client.close();
  }
}

function resultOf({ name, clients }: Scenario, system: System): ResultOf {
  return { scenario: name, system, clients };
}
