import { setTimeout as sleep } from "node:timers/promises";

import { operatorOf } from "../cluster/operator.ts";
import { RunningCluster } from "../cluster/running-cluster.ts";
import { Ledger } from "../kill/ledger.ts";
import { WritingClients } from "./clients.ts";
import { type KillFigures, Meter } from "./meter.ts";
import { Watchers } from "./watchers.ts";

/** How long the cluster may take to be well again after a kill. */
const RECOVERY_MS = 60_000;
/** Until the first kill, and between being well again and the next. */
const PAUSE_MS = 500;
const MAX_MORE_MS = 500;
/** How long it is waited for a first success: all clients' calls have failed by then. */
const PATIENCE_MS = 30_000;
const VOTERS = 3;

/** What is to be done. */
export interface FailoverOptions {
  readonly directory: string;
  readonly times: number;
  readonly clients: number;
  /** Uniform in [0, 1): when the leader is killed. */
  readonly random: () => number;
  /** Told after each kill. */
  readonly tell: (kill: KillFigures, number: number) => void;
}

/** What became of it. */
export interface FailoverOutcome {
  readonly kills: readonly KillFigures[];
  readonly acknowledged: number;
  readonly seconds: number;
  /** Errors that clients saw. */
  readonly errors: readonly string[];
  /** What was lost, done twice, or shown wrongly. */
  readonly findings: readonly string[];
  readonly restartedWatches: number;
}

/** Kills the leader of a cluster under load, again and again: each time the process that leads then. */
export async function failOver(options: FailoverOptions): Promise<FailoverOutcome> {
  // Managers have no part in a write, and the cores are few.
  const cluster = await RunningCluster.start({ directory: options.directory, without: "manager" });
  const operator = operatorOf(cluster);
  const watchers = new Watchers(cluster.gateways);
  const ledger = new Ledger();
  const meter = new Meter(() => performance.now());
  const errors: string[] = [];
  const startedMs = performance.now();
  const parts = { ledger, meter, failed: (error: string) => void errors.push(error) };
  const clients = new WritingClients(parts, cluster.gateways, options.clients);
  try {
    const kills: KillFigures[] = [];
    for (let number = 1; number <= options.times; number++) {
      await sleep(PAUSE_MS + options.random() * MAX_MORE_MS);
      const kill = await killLeader(cluster, operator, meter);
      kills.push(kill);
      options.tell(kill, number);
    }
    await clients.end();
    const seconds = (performance.now() - startedMs) / 1_000;
    const findings = [...(await watchers.judge(ledger))];
    const { equal } = await operator.ask((client, call) => client.checkReplicas({}, call), RECOVERY_MS);
    if (!equal) findings.push("the replicas differ");
    const { acknowledged } = ledger;
    return { kills, acknowledged, seconds, errors, findings, restartedWatches: watchers.restarts };
  } finally {
    await clients.end();
    await watchers.close();
    operator.close();
    await cluster.stop();
  }
}

async function killLeader(
  cluster: RunningCluster,
  operator: ReturnType<typeof operatorOf>,
  meter: Meter,
): Promise<KillFigures> {
  const { members, leaderId } = await operator.healthy(VOTERS, RECOVERY_MS);
  const leader = members.find(({ id }) => id === leaderId)?.name ?? "";
  const succeeded = meter.kill();
  cluster.kill(leader);
  const tooLate = sleep(PATIENCE_MS).then(() => Number.POSITIVE_INFINITY);
  const firstSuccessMs = await Promise.race([succeeded, tooLate]);
  await operator.healthy(VOTERS, RECOVERY_MS);
  return { leader, firstSuccessMs, longestStallMs: meter.longestStallMs() };
}
