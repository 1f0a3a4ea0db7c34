import { RaftNodeError } from "@trellis/raft-node";
import type { TypeQuery } from "@trellis/storage";

import type { History } from "../history/history.ts";
import { RoutedClient } from "./clients/routed-client.ts";
import { SDK_QUERY } from "./clients/sdk-watcher.ts";
import type { SdkUsers } from "./clients/sdk-users.ts";
import type { SimulatedClient } from "./clients/simulated-client.ts";
import type { SimulatedWatcher } from "./clients/simulated-watcher.ts";
import type { Cluster } from "./cluster/cluster.ts";
import type { Machine } from "./cluster/machine.ts";
import { CALM } from "./network/links.ts";
import type { Routers } from "./routers/routers.ts";
import type { Trace } from "./world/trace.ts";
import type { World } from "./world/world.ts";

/** What is to be well again. */
export interface RecoveryParts {
  readonly world: World;
  readonly trace: Trace;
  readonly cluster: Cluster;
  readonly history: History;
  readonly client: SimulatedClient;
  /** Everybody; through each of them the store is read at last. */
  readonly clients: readonly (SimulatedClient | RoutedClient)[];
  readonly watchers: readonly SimulatedWatcher[];
  readonly routers: Routers | undefined;
  readonly sdk: SdkUsers | undefined;
  /** Resolves when all clients have done their work. */
  readonly worked: Promise<unknown>;
}

const PAUSE_MS = 200;
const UNLISTED_MS = 10_000;

/** Nothing fails any more. Resolves when everybody has what was committed: members, readers, watchers; all of it is read once more for the judges. */
export async function recover(parts: RecoveryParts): Promise<void> {
  const { world, cluster, client, trace } = parts;
  putRight(parts);
  let isWell = false;
  const startMachines = (): void => {
    if (isWell) return;
    for (const machine of cluster.machines)
      if (machine.id !== undefined && machine.id > 0) cluster.start(machine);
    parts.routers?.start();
    world.in(PAUSE_MS, startMachines);
  };
  startMachines();
  const wait = async (what: string, holds: () => boolean): Promise<void> => {
    while (!holds()) {
      await world.sleep(PAUSE_MS);
    }
    trace.note("recovery", what);
  };
  await wait("a leader leads", () => cluster.leader !== undefined);
  await parts.worked;
  for (const kind of ["k", "l"]) await lastWrite(parts, kind);
  const last = client.newest;
  settleMembers(parts, () => isWell);
  await wait("members are even", () => areEven(cluster, last));
  await wait("watchers have seen it all", () =>
    parts.watchers.every(({ reached }) => reached !== undefined && reached >= last),
  );
  for (const kind of ["k", "l"]) {
    const query = { group: "g", kind, partition: "*", namespace: "*" };
    while ((await client.list(query, { consistency: "strong" }, cluster.leader)) === undefined)
      await world.sleep(PAUSE_MS);
    await readThroughGateways(parts, query);
  }
  while (!(await hasSdkSeenItAll(parts))) await world.sleep(PAUSE_MS);
  isWell = true;
  trace.note("recovery", "done");
}

/** Each gateway that runs shows what is there, and not less near by than at the leader. */
async function readThroughGateways({ clients, world }: RecoveryParts, query: TypeQuery): Promise<void> {
  for (const client of clients) {
    if (!(client instanceof RoutedClient)) continue;
    for (const gateway of client.gateways)
      for (const consistency of ["strong", "eventual"] as const)
        while (
          gateway.process?.isAlive === true &&
          (await client.list(query, { consistency }, gateway)) === undefined
        )
          await world.sleep(PAUSE_MS);
  }
}

/** What the SDK's watchers show is what is stored. */
async function hasSdkSeenItAll({ cluster, sdk }: RecoveryParts): Promise<boolean> {
  if (sdk === undefined) return true;
  const { replica } = cluster.leader ?? {};
  const stored = await replica?.backend.list(SDK_QUERY).catch(() => undefined);
  return stored !== undefined && sdk.watchers.every((watcher) => watcher.equals(stored.records));
}

function putRight({ world, cluster, routers }: RecoveryParts): void {
  cluster.links.healAll();
  Object.assign(cluster.links.weather, CALM);
  cluster.peers.breakRate = 0;
  cluster.onSent = undefined;
  for (const { volume, process, id } of cluster.machines) {
    if (id !== undefined) cluster.stalls.diskFreed(id);
    volume.capacityBytes = Number.POSITIVE_INFINITY;
    volume.onUnsynced = undefined;
    Object.assign(volume.trouble, { slowness: 1, failNext: undefined });
    volume.trouble.stalledUntilMs = Math.min(volume.trouble.stalledUntilMs, world.nowMs);
    process?.slowDown(0);
  }
  for (const { process } of routers?.all ?? []) process?.slowDown(0);
}

/** A write that all watchers of a kind must see. */
async function lastWrite({ client, world }: RecoveryParts, kind: string): Promise<void> {
  const key = { group: "g", kind, partition: "p", namespace: "x", name: "az" };
  const bytes = new TextEncoder().encode(`the last of ${kind}`);
  const record = {
    uid: `last-${kind}`,
    groupVersion: "v1",
    generation: `last-${kind}`,
    marked: false,
    bytes,
  };
  for (;;) {
    const result = await client.commit([{ kind: "put", key, record, preconditions: [] }]);
    if (result?.outcome === "applied") return;
    await world.sleep(PAUSE_MS);
  }
}

/**
 * What operators do about changes whose outcome they never learned. A machine that was to join in vain, as far as its
 * operator could tell, is wiped and may become a member after that: whoever is listed and has no machine is removed.
 * A member that was to be removed in vain may be gone after that, and nobody tells it: a machine that the cluster has
 * not listed for UNLISTED_MS is wiped. (A leader that is none any more knows it by then.)
 */
function settleMembers(parts: RecoveryParts, isOver: () => boolean): void {
  const { world, cluster } = parts;
  const listedAtMs = new Map<Machine, number>();
  const look = (): void => {
    if (isOver()) return;
    removeLost(cluster);
    for (const machine of cluster.machines) {
      const seenMs = listedAtMs.get(machine);
      if (seenMs === undefined || machine.id === undefined || isListed(cluster, machine.id))
        listedAtMs.set(machine, world.nowMs);
      else if (world.nowMs - seenMs > UNLISTED_MS) {
        parts.trace.note("operator", `wipes ${machine.name}, which is no member`);
        machine.crash("power");
        machine.wipe();
      }
    }
    world.in(PAUSE_MS, look);
  };
  look();
}

/** Also when no leader could tell. */
function isListed({ leader }: Cluster, id: number): boolean {
  const members = leader?.replica?.node.status().members;
  return members === undefined || members.some((member) => member.id === id);
}

function removeLost(cluster: Cluster): void {
  const { process, replica } = cluster.leader ?? {};
  const lost = replica?.node.status().members.find(({ id }) => cluster.machineOf(id) === undefined);
  if (lost !== undefined)
    process?.input(0, () => {
      replica?.node.changeMembership({ kind: "remove", id: lost.id }).catch((error: unknown) => {
        if (!RaftNodeError.is(error)) cluster.safety.report(`an operator is told: ${String(error)}`);
      });
    });
}

/** Every member that the leader knows runs, and has applied everything. */
function areEven(cluster: Cluster, version: number): boolean {
  const status = cluster.leader?.replica?.node.status();
  if (status === undefined) return false;
  return status.members.every(({ id }) => {
    const { replica } = cluster.machineOf(id) ?? {};
    return replica !== undefined && replica.node.status().applied >= version;
  });
}
