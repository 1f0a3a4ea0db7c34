import { SnapshotStore } from "@trellis/raft-node";
import {
  type RestoredStore,
  restoreStore,
  type SnapshotSummary,
  verifySnapshot,
} from "@trellis/storage-raft";

import { type Cluster, memberOf } from "../cluster/cluster.ts";
import type { Machine } from "../cluster/machine.ts";
import { dataDirectory } from "../disk/process-disk.ts";
import type { Dice } from "../world/dice.ts";
import type { World } from "../world/world.ts";

/** What a restore is made with. */
export interface RestoreParts {
  readonly world: World;
  readonly cluster: Cluster;
  readonly dice: Dice;
}

/** The newest snapshot of a member whose cluster was given up. */
export interface SavedSnapshot {
  readonly pieces: readonly Uint8Array[];
  readonly summary: SnapshotSummary;
}

const PAUSE_MS = 200;
/** A restore writes and syncs for about so long: within it the power may go. */
const RESTORE_MS = 30;
const CUTS_AT_MOST = 3;

/** Reads what a machine kept that does not run. */
export async function saveSnapshot(machine: Machine): Promise<SavedSnapshot> {
  return await inProcess(machine, async (process) => {
    const snapshots = await SnapshotStore.open(dataDirectory(machine.volume, process).snapshots);
    const [newest] = snapshots.files;
    if (newest === undefined) throw new Error(`${machine.name} was a member and has no snapshot`);
    const pieces: Uint8Array[] = [];
    for await (const piece of snapshots.pieces(newest)) pieces.push(piece.slice());
    return { pieces, summary: await verifySnapshot(inTurn(pieces), machine.name) };
  });
}

/** Makes a machine the one member of a new cluster. The power goes meanwhile, a few times or never; then it is begun again. */
export async function restoreOn(
  { world, cluster, dice }: RestoreParts,
  machine: Machine,
  { pieces }: SavedSnapshot,
): Promise<RestoredStore> {
  let cuts = dice.below(CUTS_AT_MOST);
  for (;;) {
    const isCut = cuts-- > 0;
    const restored = await new Promise<RestoredStore | undefined>((resolve) => {
      machine.launch(async (process) => {
        process.onExit(() => resolve(undefined));
        const cutMs = dice.between(0, RESTORE_MS);
        if (isCut) world.in(cutMs, () => machine.process === process && machine.crash("power"));
        const data = dataDirectory(machine.volume, process);
        const source = { pieces: inTurn(pieces), source: "the saved snapshot" };
        const self = { name: machine.name, address: `${machine.name}:7511`, replace: true };
        const store = await restoreStore({ data, random: dice.next }, source, self);
        resolve(store);
      });
    });
    machine.crash("power");
    if (restored !== undefined) {
      cluster.beginAnew(restored.clusterId);
      cluster.start(machine);
      return restored;
    }
    await world.sleep(PAUSE_MS);
  }
}

/** Has a wiped machine join the restored cluster, as a voter in the end. */
export async function joinRestored({ world, cluster }: RestoreParts, machine: Machine): Promise<void> {
  const member = memberOf(machine, (await cluster.join(machine)).id);
  for (const change of [
    { kind: "add-learner", member },
    { kind: "promote", id: member.id },
  ] as const) {
    for (;;) {
      const { process, replica } = cluster.leader ?? {};
      const isDone = await new Promise<boolean>((resolve) => {
        if (process === undefined || replica === undefined) resolve(false);
        else
          process.input(0, () => {
            replica.node.changeMembership(change).then(
              () => resolve(true),
              () => resolve(isIn(replica.node.status().members, change)),
            );
          });
      });
      if (isDone) break;
      await world.sleep(PAUSE_MS);
    }
  }
}

function isIn(
  members: readonly { readonly id: number; readonly voter: boolean }[],
  change:
    | { readonly kind: "add-learner"; readonly member: { readonly id: number } }
    | { readonly kind: "promote"; readonly id: number },
): boolean {
  const id = change.kind === "promote" ? change.id : change.member.id;
  return members.some((one) => one.id === id && (change.kind === "add-learner" || one.voter));
}

async function inProcess<T>(
  machine: Machine,
  work: (process: NonNullable<Machine["process"]>) => Promise<T>,
): Promise<T> {
  const result = await new Promise<T>((resolve) => {
    machine.launch(async (process) => resolve(await work(process)));
  });
  machine.crash("process");
  return result;
}

async function* inTurn(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}
