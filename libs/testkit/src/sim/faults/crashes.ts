import { LONG_STALL_MS } from "../checks/stalls.ts";
import type { Machine } from "../cluster/machine.ts";
import { anyUp, type Fault, type FaultContext, oftenLeader } from "./fault.ts";

/** How long a machine that crashed stays down, at most. */
const DOWN_MS = 4_000;

/** Starts a machine again after a while, unless it is no member any more. */
export function comeBack({ cluster, dice }: FaultContext, machine: Machine, withinMs = DOWN_MS): void {
  cluster.startAgain(machine, dice.between(50, withinMs));
}

/** A machine that runs does not any more, and comes back. */
export function crash(context: FaultContext, machine: Machine, kind: "power" | "process"): void {
  if (!machine.isUp) return;
  context.counts.crashes++;
  machine.crash(kind);
  comeBack(context, machine);
}

export const powerFailure: Fault = (context) => {
  const machine = oftenLeader(context);
  if (machine !== undefined) crash(context, machine, "power");
};

export const killedProcess: Fault = (context) => {
  const machine = oftenLeader(context);
  if (machine !== undefined) crash(context, machine, "process");
};

/** The power goes in the middle of a write to the log, or to the snapshots; maybe once more in what is written when it is back. */
export const powerFailureAtWrite: Fault = (context) => {
  const machine = oftenLeader(context);
  if (machine === undefined) return;
  const { world, dice } = context;
  const wanted = dice.pick(["wal", "wal", "wal", "snapshots"]);
  const { volume } = machine;
  let failures = dice.pick([1, 1, 2, 3]);
  let spared = dice.below(4);
  let isPlanned = false;
  volume.onUnsynced = (folder) => {
    if (folder !== wanted || isPlanned || spared-- > 0) return;
    isPlanned = true;
    // Within the time that the sync needs.
    world.in(dice.between(0, 0.6), () => {
      isPlanned = false;
      spared = dice.below(4);
      if (--failures === 0) volume.onUnsynced = undefined;
      if (machine.volume === volume) crash(context, machine, "power");
    });
  };
};

/** Everything is dark at once. */
export const blackout: Fault = (context) => {
  for (const machine of context.cluster.machines) if (machine.isUp) crash(context, machine, "power");
};

/** Stopped in good order, and started again. */
export const restart: Fault = async (context) => {
  const machine = oftenLeader(context);
  if (machine?.replica === undefined) return;
  await machine.stop();
  comeBack(context, machine, 1_000);
};

/** Its event loop stands still: a collection of garbage, a machine that is moved. */
export const stalledLoop: Fault = (context) => {
  const { process, replica } = oftenLeader(context) ?? {};
  if (process === undefined) return;
  const { counts, cluster, dice } = context;
  counts.stalls++;
  const stallMs = dice.pick([300, 1_000, 3_000, 3_000]);
  process.stall(stallMs);
  const status = replica?.node.status();
  if (status?.role !== "leader" || stallMs < LONG_STALL_MS) return;
  cluster.coverage.leadersStalled++;
  cluster.stalls.loopStalled(status.id, status.term);
};

/** Each look at the clock takes long: work in slices is cut short. */
export const slowProcessor: Fault = ({ world, dice, ...context }) => {
  const { process } = anyUp({ world, dice, ...context }) ?? {};
  if (process === undefined) return;
  process.slowDown(dice.between(0.1, 3));
  world.in(dice.between(500, 5_000), () => process.slowDown(0));
};

/** Clocks go too fast or too slow, and wall clocks jump. */
export const wrongClock: Fault = (context) => {
  const machine = anyUp(context);
  machine?.clock.drift(context.dice.between(0.8, 1.25));
  machine?.clock.setWall(context.dice.between(-3_600_000, 3_600_000));
};
