import { type MembershipChange, RaftNodeError } from "@trellis/raft-node";

import type { Machine } from "../cluster/machine.ts";
import { anyUp, type Fault, type FaultContext } from "./fault.ts";

/** How long an operator tries a change. */
const PATIENCE_MS = 15_000;
const PAUSE_MS = 300;
/** Members that are left at least. */
const FEWEST_MEMBERS = 2;

export const leadershipTransfer: Fault = ({ cluster, dice }) => {
  const { process, replica } = cluster.leader ?? {};
  if (process === undefined || replica === undefined) return;
  process.input(0, () => {
    const { node } = replica;
    const voters = node.status().members.filter(({ voter, id }) => voter && id !== node.id);
    const to = dice.chance(0.5) && voters.length > 0 ? dice.pick(voters).id : undefined;
    node.transferLeadership(to).then(
      () => cluster.coverage.transfers++,
      (error: unknown) => expectRefusal(cluster, error),
    );
  });
};

export const snapshotNow: Fault = (context) => {
  const { process, replica } = anyUp(context) ?? {};
  if (process === undefined || replica === undefined) return;
  process.input(0, () => {
    replica.node.takeSnapshot().catch((error: unknown) => {
      // Without space there is no snapshot.
      const { code } = error as { code?: unknown };
      if (code !== "ENOSPC" && code !== "EIO" && !/Wal|RaftNode/.test((error as Error).name))
        context.cluster.safety.report(`a snapshot fails: ${String(error)}`);
    });
  });
};

/** A machine joins as a learner and is promoted; a member is removed; or one takes the place of another. */
export const membershipChange: Fault = async (context) => {
  const { cluster, dice } = context;
  const status = cluster.leader?.replica?.node.status();
  if (status === undefined) return;
  const spare = cluster.machines.find((machine) => machine.id === undefined && !machine.isUp);
  const isLarge = status.members.length > FEWEST_MEMBERS + 1;
  if (spare !== undefined && (!isLarge || dice.chance(0.5))) await grow(context, spare);
  else if (isLarge) await shrink(context, dice.pick(status.members).id);
};

async function grow(context: FaultContext, machine: Machine): Promise<void> {
  const { cluster, trace } = context;
  machine.id = -1;
  const member = await cluster.join(machine);
  const isAdded = await change(context, { kind: "add-learner", member });
  const isPromoted = isAdded && (await change(context, { kind: "promote", id: member.id }));
  trace.note(
    "operator",
    `adds ${member.name}: ${isPromoted ? "a voter now" : isAdded ? "a learner" : "in vain"}`,
  );
  if (!isAdded && !isMember(context, member.id)) retire(context, machine, member.id);
}

async function shrink(context: FaultContext, id: number): Promise<void> {
  const { cluster, trace } = context;
  const machine = cluster.machineOf(id);
  const isRemoved = await change(context, { kind: "remove", id });
  trace.note("operator", `removes ${id}: ${isRemoved ? "done" : "in vain"}`);
  if (isRemoved && machine !== undefined) retire(context, machine, id);
}

/** A former member's machine is wiped: what comes up on it next is somebody else. */
function retire({ world, dice }: FaultContext, machine: Machine, id: number): void {
  world.in(dice.pick([0, 3_000, 15_000]), () => {
    if (machine.id !== id) return;
    machine.crash("power");
    machine.wipe();
  });
}

function isMember({ cluster }: FaultContext, id: number): boolean {
  return cluster.machines.some(({ replica }) =>
    replica?.node.status().members.some((member) => member.id === id),
  );
}

/** Asks one leader after the other for a change. False when it did not come about, as far as can be told. */
async function change(context: FaultContext, wanted: MembershipChange): Promise<boolean> {
  const { world, cluster, isOver } = context;
  const untilMs = world.nowMs + PATIENCE_MS;
  while (world.nowMs < untilMs && !isOver()) {
    const { process, replica } = cluster.leader ?? {};
    if (process === undefined || replica === undefined) {
      await world.sleep(PAUSE_MS);
      continue;
    }
    const isDone = await new Promise<boolean>((resolve) => {
      process.onExit(() => resolve(false));
      process.input(0, () => {
        replica.node.changeMembership(wanted).then(
          () => resolve(true),
          (error: unknown) => {
            expectRefusal(cluster, error);
            resolve(isInForce(wanted, replica.node.status().members));
          },
        );
      });
    });
    if (isDone) {
      cluster.coverage.membershipChanges++;
      return true;
    }
    await world.sleep(PAUSE_MS);
  }
  return false;
}

function isInForce(
  wanted: MembershipChange,
  members: readonly { readonly id: number; readonly voter: boolean }[],
): boolean {
  switch (wanted.kind) {
    case "add-learner":
      return members.some(({ id }) => id === wanted.member.id);
    case "promote":
      return members.some(({ id, voter }) => id === wanted.id && voter);
    case "remove":
      return members.every(({ id }) => id !== wanted.id);
    case "update":
      return true;
  }
}

function expectRefusal(cluster: FaultContext["cluster"], error: unknown): void {
  if (!RaftNodeError.is(error)) cluster.safety.report(`an operator is told: ${String(error)}`);
}
