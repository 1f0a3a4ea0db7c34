import { setTimeout as sleep } from "node:timers/promises";

import { aWhile, type FaultContext, forSeconds } from "./fault.ts";

/** Writes of 700 KiB: more than all segments that a log has in reserve. */
const BULK_WRITES = 80;
const BULK_MS = 15_000;

/** Leaves a node no room on its disk while the log grows, and frees it later. */
export async function fillDisk(context: FaultContext): Promise<void> {
  const { chaos, dice, timeline, albums } = context;
  const names = [...chaos.disks.keys()].filter((name) => chaos.cluster.pid(name) !== undefined);
  if (names.length === 0) return;
  const leader = dice.chance(0.5) ? await chaos.operator.leader().catch(() => undefined) : undefined;
  const name = leader?.name ?? dice.pick(names);
  const disk = chaos.disks.get(name);
  const ms = aWhile(context);
  timeline.count("full disk");
  timeline.tell(name, `has no room on its disk ${forSeconds(ms)} and ${BULK_WRITES} large writes`);
  disk?.fill();
  try {
    await albums.bulk(BULK_WRITES, BULK_MS);
    const status = await chaos.operator.status().catch(() => undefined);
    const member = status?.members.find((each) => each.name === name);
    if (member?.hasSpace === false) {
      timeline.count("nodes that said that their disk is full");
      timeline.tell(name, "says that it has no space");
    }
    await sleep(ms);
  } finally {
    disk?.relieve();
  }
  timeline.tell(name, "has room again");
}
