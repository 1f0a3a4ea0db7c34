import { Latencies } from "../bench/latencies.ts";
import type { StorageNode } from "../storage-cluster/storage-node.ts";
import { putResource } from "./resources.ts";

/** What a load of commits did. */
export interface CommitFigures {
  readonly commits: number;
  readonly elapsedMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** CPU time of all nodes together. */
  readonly nodesCpuUs: number;
  readonly leaderCpuUs: number;
  /** Of this process. */
  readonly generatorCpuUs: number;
}

/** Commits of one resource each, so many under way at once, until told to stop. */
export interface CommitLoad {
  readonly nodes: readonly StorageNode[];
  readonly leader: StorageNode;
  readonly outstanding: number;
  /** Resources that are changed by turns. */
  readonly resources: number;
  readonly isOver: () => boolean;
}

let revision = 0;

/** Runs a load in a closed loop, and measures it. */
export async function runCommits(load: CommitLoad): Promise<CommitFigures> {
  const { nodes, leader, outstanding, resources, isOver } = load;
  const cpuOf = async (): Promise<readonly number[]> =>
    await Promise.all(nodes.map(async (node) => (await node.call("figures", undefined)).cpuUs));
  const before = await cpuOf();
  const ownBefore = process.cpuUsage();
  const startedMs = performance.now();
  const latencies = new Latencies();
  await Promise.all(
    Array.from({ length: outstanding }, async () => {
      while (!isOver()) {
        const askedMs = performance.now();
        revision++;
        await leader.call("commit", [putResource(revision % resources, revision)]);
        latencies.record(performance.now() - askedMs);
      }
    }),
  );
  const elapsedMs = performance.now() - startedMs;
  const own = process.cpuUsage(ownBefore);
  const used = (await cpuOf()).map((cpuUs, node) => cpuUs - (before[node] ?? 0));
  return {
    commits: latencies.count,
    elapsedMs,
    p50Ms: latencies.percentile(0.5),
    p99Ms: latencies.percentile(0.99),
    maxMs: latencies.percentile(1),
    nodesCpuUs: used.reduce((sum, cpuUs) => sum + cpuUs, 0),
    leaderCpuUs: used[nodes.indexOf(leader)] ?? 0,
    generatorCpuUs: own.user + own.system,
  };
}

/** Says when so many seconds are over. */
export function timer(seconds: number): () => boolean {
  const untilMs = performance.now() + seconds * 1_000;
  return () => performance.now() >= untilMs;
}
