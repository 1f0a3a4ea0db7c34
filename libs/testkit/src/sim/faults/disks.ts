import { LONG_STALL_MS } from "../checks/stalls.ts";
import { crash } from "./crashes.ts";
import { anyUp, type Fault, oftenLeader } from "./fault.ts";

/** No call is answered for a while. */
export const stalledDisk: Fault = (context) => {
  const machine = oftenLeader(context);
  if (machine === undefined) return;
  const { counts, cluster, dice, world } = context;
  counts.stalls++;
  const stallMs = dice.pick([300, 1_000, 3_000, 3_000]);
  const untilMs = world.nowMs + stallMs;
  machine.volume.trouble.stalledUntilMs = untilMs;
  if (machine.id !== undefined) cluster.stalls.diskFreed(machine.id);
  const status = machine.replica?.node.status();
  if (status?.role !== "leader" || stallMs <= LONG_STALL_MS) return;
  cluster.coverage.leadersStalled++;
  const { term, lastIndex } = status;
  cluster.stalls.diskStalled(status.id, { term, lastIndex, untilMs });
};

export const slowDisk: Fault = (context) => {
  const { world, dice } = context;
  const { volume } = anyUp(context) ?? {};
  if (volume === undefined) return;
  volume.trouble.slowness = dice.between(5, 100);
  world.in(dice.between(1_000, 6_000), () => {
    volume.trouble.slowness = 1;
  });
};

/** Something else fills the disk, and goes again. */
export const fullDisk: Fault = (context) => {
  const { world, dice } = context;
  const machine = oftenLeader(context);
  if (machine === undefined) return;
  const { volume } = machine;
  // A start without space is refused; that is no finding.
  machine.mayFail = true;
  volume.capacityBytes = volume.usedBytes + dice.pick([0, 100, 5_000, 50_000, 500_000]);
  world.in(dice.between(1_000, 8_000), () => {
    volume.capacityBytes = Number.POSITIVE_INFINITY;
  });
};

/** The next write or sync fails: the node has to stop, and is started again. If it did not stop, the power failure after it would tell. */
export const failingDisk: Fault = (context) => {
  const machine = oftenLeader(context);
  if (machine === undefined) return;
  machine.mayFail = true;
  const { world, dice } = context;
  const { volume } = machine;
  volume.trouble.failNext = dice.pick(["write", "sync", "sync"] as const);
  world.in(dice.between(20, 2_000), () => {
    if (machine.volume === volume && dice.chance(0.5)) crash(context, machine, "power");
  });
};
