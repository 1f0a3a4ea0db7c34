import { setTimeout as sleep } from "node:timers/promises";

import { signalProcess } from "../process-family.ts";
import type { ChaosCluster } from "./chaos-cluster.ts";

/** How long each has its turn. */
const TURN_MS = 2_000;
/** After how long a process that does not stir has lost its work for certain, and somebody else has taken it: leases, and the calls and watches of others. */
const HANDED_OVER_MS = 6_000;

/**
 * Lets each process do what only one of its kind does at a time: each member leads for a while, and each manager, gateway and forwarder does the work of all. What a process holds at
 * rest depends on what it has ever done; so that two looks at it can be compared, it has done everything before each.
 */
export async function takeTurns({ cluster, operator }: ChaosCluster): Promise<void> {
  const { members } = await operator.status();
  for (const { id } of members) {
    await operator
      .ask((client, options) => client.transferLeadership({ to: id }, options))
      .catch(() => undefined);
    await sleep(TURN_MS);
  }
  for (const kind of ["forwarder", "gateway", "manager"]) {
    const processes = cluster.processes.filter((process) => process.kind === kind);
    for (const { name } of processes) {
      const pids = processes.flatMap((other) => (other.name === name ? [] : (cluster.pid(other.name) ?? [])));
      for (const pid of pids) signalProcess(pid, "SIGSTOP");
      await sleep(HANDED_OVER_MS + TURN_MS);
      for (const pid of pids) signalProcess(pid, "SIGCONT");
      await sleep(TURN_MS);
    }
  }
}
