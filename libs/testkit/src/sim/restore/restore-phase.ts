import { StorageError } from "@trellis/storage";
import type { Replica } from "@trellis/storage-raft";

import type { Host } from "../clients/host.ts";
import type { Machine } from "../cluster/machine.ts";
import type { Gateway } from "../routers/gateway.ts";
import type { Trace } from "../world/trace.ts";
import { StraddlingGateways } from "./gateways.ts";
import { joinRestored, restoreOn, type RestoreParts, saveSnapshot } from "./restore-members.ts";
import { askWithFormerPosition, type Holdings, putOf, writeWithFormerVersion } from "./straddlers.ts";

/** Of a kind that nobody else writes or watches: what happens to it is in no history. */
const KEY = { group: "g", kind: "r", partition: "p", namespace: "x", name: "straddled" };
/** Writes before the snapshot, and after it: those are lost, unless the store takes another snapshot by itself. */
const WRITES = 4;
const PAUSE_MS = 100;
/** Members of the restored cluster. */
const MEMBERS = 3;

/**
 * The cluster is given up: all machines lose their power at once, one snapshot is restored as a new cluster of one, and others join it with
 * empty disks. Whoever goes on with what it had of the store before is refused or told, on every member, however far that member is.
 */
export async function restorePhase(
  parts: RestoreParts & { readonly trace: Trace; readonly gateways: readonly Host<Gateway>[] },
): Promise<void> {
  const { world, cluster, dice, trace, gateways } = parts;
  const { safety } = cluster;
  const report = (finding: string): void => safety.report(`after a restore: ${finding}`);
  const holdings = await gather(parts);
  const straddling = new StraddlingGateways({ world, gateways, holdings, report });
  // Not one that was removed: its machine is about to be wiped.
  const listed = await onLeader(parts, async ({ node }) => node.status().members);
  const members = cluster.machines.filter(
    ({ isUp, replica, id }) => isUp && replica !== undefined && listed.some((member) => member.id === id),
  );
  const source = dice.pick(members);
  for (const machine of cluster.machines) {
    machine.crash("power");
    // Nobody is to start it as who it was, or to wipe it for having been that.
    machine.id = undefined;
    if (machine !== source) machine.wipe();
  }
  trace.note("operator", "gives the cluster up");
  const saved = await saveSnapshot(source);
  // On the directory of a former member, or on an empty one.
  if (dice.chance(0.5)) source.wipe();
  const [first, ...rest] = [source, ...cluster.machines.filter((machine) => machine !== source)];
  const restored = await restoreOn(parts, first as Machine, saved);
  trace.note("operator", `restored version ${saved.summary.version} as ${restored.version}`);
  if (restored.storeId === holdings.position.storeId) report(`the store is called ${restored.storeId} still`);
  if (restored.version <= holdings.position.version)
    report(`its version ${restored.version} was reached before, up to ${holdings.position.version}`);
  let isOver = false;
  const asked = ask(
    parts,
    () => isOver,
    (machine, replica) => askWithFormerPosition(machine, replica, holdings, report),
  );
  const writes = { restored, snapshotVersion: saved.summary.version };
  const written = writeWithFormerVersion((work) => onLeader(parts, work), holdings, writes, report);
  for (const machine of rest.slice(0, MEMBERS - 1)) await joinRestored(parts, machine);
  await written;
  const last = await onLeader(parts, ({ backend }) => backend.commit([putOf(KEY, "the last")]));
  const minimum = { storeId: restored.storeId, version: last.version };
  for (const machine of [first as Machine, ...rest.slice(0, MEMBERS - 1)]) {
    for (;;) {
      const generation = await inside(
        machine,
        async ({ backend }) => (await backend.read(KEY, { minimum })).record?.generation,
      );
      if (generation === "the last") break;
      if (generation !== undefined) report(`${machine.name} shows ${generation} at version ${last.version}`);
      await world.sleep(PAUSE_MS);
    }
  }
  isOver = true;
  await asked;
  await straddling.arrive(restored, last.version);
  cluster.coverage.restores++;
  trace.note("operator", "the restored cluster is well");
}

/** What clients hold when the store is restored: records, a position, a session. */
async function gather(parts: RestoreParts): Promise<Holdings> {
  const written: Holdings["written"][number][] = [];
  const write = async (content: string): Promise<void> => {
    await onLeader(parts, ({ backend }) => backend.commit([putOf(KEY, content)]));
    const { record } = await onLeader(parts, ({ backend }) => backend.read(KEY, { consistency: "strong" }));
    if (record !== undefined) written.push(record);
  };
  for (let number = 0; number < WRITES; number++) await write(`before ${number}`);
  const session = await onLeader(parts, ({ backend }) =>
    backend.openSession(`straddler-${parts.dice.below(2 ** 32)}`),
  );
  for (const { process, replica } of parts.cluster.machines) {
    if (process?.isAlive !== true || replica === undefined) continue;
    await new Promise<void>((resolve) => {
      process.onExit(resolve);
      process.input(0, () => {
        replica.node.takeSnapshot().then(
          () => resolve(),
          () => resolve(),
        );
      });
    });
  }
  for (let number = 0; number < WRITES; number++) await write(`after ${number}`);
  const position = await onLeader(parts, async ({ backend }) => backend.position());
  return { key: KEY, written, position, session };
}

/** Asks every member that runs, again and again, until it is over. */
async function ask(
  { world, cluster }: RestoreParts,
  isOver: () => boolean,
  question: (machine: Machine, replica: Replica) => Promise<void>,
): Promise<void> {
  do {
    for (const machine of cluster.machines) await inside(machine, (replica) => question(machine, replica));
    await world.sleep(PAUSE_MS);
  } while (!isOver());
}

/** Has the leader do something, as soon as one does it. */
async function onLeader<T>(
  { world, cluster }: RestoreParts,
  work: (replica: Replica) => Promise<T>,
): Promise<T> {
  for (;;) {
    const { leader } = cluster;
    const result = leader === undefined ? undefined : await inside(leader, work);
    if (result !== undefined) return result;
    await world.sleep(PAUSE_MS);
  }
}

/** Does something in the process of a machine; undefined when that does not run, or refuses. */
async function inside<T>(
  { process, replica }: Machine,
  work: (replica: Replica) => Promise<T>,
): Promise<T | undefined> {
  if (process?.isAlive !== true || replica === undefined) return undefined;
  return await new Promise<T | undefined>((resolve, reject) => {
    process.onExit(() => resolve(undefined));
    process.input(0, () => {
      work(replica).then(resolve, (error: unknown) => {
        if (StorageError.is(error)) resolve(undefined);
        else reject(error as Error);
      });
    });
  });
}
