import type { Backend, Key, Operation, Watch, WatchBatch } from "@trellis/storage";
import { seededRandom } from "@trellis/testing";

import type { RoutingEvent } from "../deps.ts";
import { createForwarder, type Forwarder } from "../forwarder.ts";
import { createRoutedBackend, type RoutedBackend, type RoutingConfig } from "../routed-backend.ts";
import { TestCluster } from "./test-cluster.ts";

/** A cluster, and a backend that is routed to it. */
export interface RoutedCluster {
  readonly cluster: TestCluster;
  readonly backend: RoutedBackend;
  readonly forwarder: Forwarder | undefined;
  readonly events: readonly RoutingEvent[];
  /** Calls of a method that went out, as `address method`. */
  readonly calls: (method: string) => readonly string[];
}

/** Where the forwarder of the tests is. */
export const FORWARDER = "forwarder:7520";
/** All that the tests store. */
export const ALL = { group: "g", kind: "k", partition: "*", namespace: "*" };

/** Opens a cluster and a backend on it. */
export async function openRouted({
  isForwarded = false,
  isMember = false,
  limits,
  servers,
  ...config
}: Partial<RoutingConfig> & {
  readonly isForwarded?: boolean;
  /** Whether the second node, a follower, is in the backend's process, which is then told of no other. */
  readonly isMember?: boolean;
  readonly limits?: { readonly historyCommits?: number };
} = {}): Promise<RoutedCluster> {
  const cluster = await TestCluster.form(limits === undefined ? {} : { limits });
  const events: RoutingEvent[] = [];
  const { network, clock } = cluster;
  const onEvent = (event: RoutingEvent): void => void events.push(event);
  const own = cluster.node(2).address;
  const openLink = isMember ? network.linksWithin(own) : network.openLink;
  const deps = { openLink, clock, random: seededRandom(7), onEvent };
  const nodes = servers ?? (isMember ? [own] : cluster.addresses);
  let forwarder: Forwarder | undefined;
  if (isForwarded) {
    forwarder = createForwarder({ ...deps, onEvent: undefined }, { name: "forwarder", servers: nodes });
    network.serve(FORWARDER, forwarder);
    await clock.advance(0);
  }
  const backend = createRoutedBackend(deps, { ...config, servers: isForwarded ? [FORWARDER] : nodes });
  await clock.advance(0);
  const calls = (method: string) => network.calls.filter((call) => call.includes(` ${method}`));
  return { cluster, backend, forwarder, events, calls };
}

export function keyOf(name: string): Key {
  return { group: "g", kind: "k", partition: "p", namespace: "n", name };
}

export function put(name: string, text = name): Operation {
  const bytes = new TextEncoder().encode(text);
  const record = { uid: `uid-${name}`, groupVersion: "v1", generation: "g", marked: false, bytes };
  return { kind: "put", key: keyOf(name), record, preconditions: [] };
}

/** Creates: refused when it was done before. */
export function create(name: string): Operation {
  return { ...put(name), preconditions: [{ kind: "absent" }] };
}

/** Commits one after another; their versions. */
export async function putAll(backend: Backend, names: readonly string[]): Promise<number[]> {
  const versions: number[] = [];
  for (const name of names) versions.push((await backend.commit([put(name)])).version);
  return versions;
}

/** The batches of a watch up to the end of its snapshot. */
export async function snapshotOf(watch: Watch): Promise<string[]> {
  const names: string[] = [];
  for (let batch = await watch.next(); batch?.kind === "snapshot"; batch = await watch.next())
    names.push(...batch.records.map(({ key }) => key.name));
  return names;
}

/** Batches of a watch, as many as asked for, in words. */
export async function take(watch: Watch, count: number): Promise<string[]> {
  const found: string[] = [];
  while (found.length < count) {
    const batch = await watch.next();
    if (batch === undefined) return [...found, "closed"];
    found.push(textOf(batch));
  }
  return found;
}

function textOf(batch: WatchBatch): string {
  if (batch.kind !== "commit") return batch.kind;
  return batch.events.map(({ kind, record }) => `${kind} ${record.key.name}`).join(", ");
}

/** What becomes of a promise, without waiting for it. */
export function outcomeOf(promise: Promise<unknown>): { state: string } {
  const seen = { state: "pending" };
  promise.then(
    () => (seen.state = "done"),
    (error: { code?: string }) => (seen.state = error.code ?? "failed"),
  );
  return seen;
}
