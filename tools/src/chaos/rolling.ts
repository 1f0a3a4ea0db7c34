import { KINDS } from "../cluster/cluster-shape.ts";
import { WritingClients } from "../failover/clients.ts";
import { Meter } from "../failover/meter.ts";
import { Watchers } from "../failover/watchers.ts";
import { Ledger } from "../kill/ledger.ts";
import { type ChaosCluster, VOTERS } from "./chaos-cluster.ts";
import type { Timeline } from "./timeline.ts";

/** What restarting every process in good order did to clients. */
export interface RollingVerdict {
  readonly steps: readonly RollingStep[];
  readonly acknowledged: number;
  readonly errors: readonly string[];
  readonly findings: readonly string[];
}

/** The restart of one process. */
export interface RollingStep {
  readonly name: string;
  /** The longest that a write took meanwhile. */
  readonly longestMs: number;
  /** When it began, after the process was told to end. */
  readonly beganAfterMs: number;
}

const CLIENTS = 8;
/** The longest pause that a client may have. */
export const MAX_PAUSE_MS = 500;
const SETTLE_MS = 1_000;
const RECOVERY_MS = 60_000;

/** Which processes are restarted in good order. */
export type Restarts = "all" | "one-of-each";

/** Restarts processes, one after the other, by SIGTERM, while clients write through a balancer that knows which gateways are ready. */
export async function restartInOrder(
  chaos: ChaosCluster,
  timeline: Timeline,
  restarts: Restarts,
): Promise<RollingVerdict> {
  const stopBalancing = await chaos.balance();
  const balancer = `http://127.0.0.1:${chaos.balancer}`;
  const ledger = new Ledger();
  const meter = new Meter(() => performance.now());
  const errors: string[] = [];
  const watchers = new Watchers([balancer]);
  const failed = (error: string): void => {
    timeline.tell("a client", `saw an error: ${error}`);
    errors.push(error);
  };
  const clients = new WritingClients({ ledger, meter, failed }, [balancer], CLIENTS);
  try {
    const steps: RollingStep[] = [];
    const { processes } = chaos.cluster;
    const firsts = KINDS.flatMap((kind) => processes.find((process) => process.kind === kind) ?? []);
    for (const { name } of restarts === "all" ? [...processes] : firsts) {
      await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
      const leader = await chaos.operator.leader().catch(() => undefined);
      const step = await restart(chaos, name, meter);
      steps.push(step);
      const [tookMs, afterMs] = [Math.round(step.longestMs), Math.round(step.beganAfterMs)];
      timeline.tell(
        name,
        `${leader?.name === name ? "led, and was" : "was"} restarted; the longest write took ${tookMs} ms, from ${afterMs} ms after the signal on`,
      );
    }
    await clients.end();
    const findings = await watchers.judge(ledger);
    return { steps, acknowledged: ledger.acknowledged, errors, findings };
  } finally {
    await clients.end();
    await watchers.close();
    stopBalancing();
  }
}

async function restart(chaos: ChaosCluster, name: string, meter: Meter): Promise<RollingStep> {
  const { cluster, operator } = chaos;
  void meter.kill();
  const former = cluster.pid(name);
  cluster.terminate(name);
  for (const untilMs = performance.now() + RECOVERY_MS; ;) {
    const pid = cluster.pid(name);
    if (pid !== undefined && pid !== former) break;
    if (performance.now() > untilMs)
      throw new Error(`${name} was not started again within ${RECOVERY_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await cluster.ready([name]);
  await operator.healthy(VOTERS, RECOVERY_MS);
  return { name, longestMs: meter.longestStallMs(), beganAfterMs: meter.longestBeganAfterMs() };
}
