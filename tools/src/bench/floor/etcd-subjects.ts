import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { BenchError } from "../bench-error.ts";
import { Dataset } from "../dataset.ts";
import type { Deployment } from "../deployment.ts";
import { EtcdCalls } from "../etcd/etcd-calls.ts";
import { startEtcd } from "../etcd/start-etcd.ts";
import { fill } from "../fill.ts";
import { RawClient } from "../raw/raw-client.ts";
import { type Scenario, SCENARIOS } from "../scenarios.ts";
import { CONNECTIONS, RESOURCES } from "./messages.ts";
import type { Stop, Subject } from "./subject.ts";
import { withClient } from "./with-client.ts";

/** An etcd that runs and has all resources. */
interface Store {
  readonly deployment: Deployment;
  readonly data: Dataset;
}

/** How etcd is started. */
export interface EtcdOptions {
  readonly program: string;
  /** Where it keeps its data. */
  readonly directory: string;
  /** Given what ends each, as soon as it runs. */
  readonly onStarted: (stop: Stop) => void;
}

/** Starts etcd, filled, for scenarios of the bench: one that is written to and one that is read, as the bench has them, where there are such scenarios. */
export async function startEtcdSubjects(
  names: readonly string[],
  options: EtcdOptions,
): Promise<readonly Subject[]> {
  const stores = new Map<boolean, Store>();
  const subjects: Subject[] = [];
  for (const name of names) {
    const scenario = SCENARIOS.find((candidate) => candidate.name === name);
    if (scenario === undefined) throw new BenchError(`the bench has no scenario ${name}`);
    const { reading } = scenario;
    const store = stores.get(reading) ?? (await startStore(reading ? "etcd-read" : "etcd", options));
    stores.set(reading, store);
    subjects.push(subjectOf(scenario, store));
  }
  return subjects;
}

async function startStore(name: string, { program, directory, onStarted }: EtcdOptions): Promise<Store> {
  const below = join(directory, name);
  mkdirSync(below, { recursive: true });
  const deployment = await startEtcd(program, 1)(below);
  onStarted(() => deployment.stop());
  const data = new Dataset(RESOURCES);
  const client = await RawClient.open(deployment.url, CONNECTIONS);
  try {
    await fill(new EtcdCalls(client, data), RESOURCES);
  } finally {
    client.close();
  }
  await deployment.restart?.();
  return { deployment, data };
}

function subjectOf({ name, clients, connections, load }: Scenario, { deployment, data }: Store): Subject {
  const openLoad = load.etcd;
  if (openLoad === undefined) throw new BenchError(`${name} has no load for etcd`);
  return {
    name,
    processes: () => deployment.processes(),
    async open() {
      const client = await RawClient.open(deployment.url, connections);
      const calls = new EtcdCalls(client, data);
      return await withClient(client, () => openLoad({ calls, data, clients }));
    },
  };
}
