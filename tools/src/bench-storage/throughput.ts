import { median } from "../bench-log/median.ts";
import { StorageCluster } from "../storage-cluster/storage-cluster.ts";
import { type CommitFigures, runCommits, timer } from "./commit-load.ts";

const NODES = [1, 3];
const OUTSTANDING = [1, 64];
/** Distinct resources that are written. */
const RESOURCES = 10_000;
const WARM_UP_SECONDS = 1;

/** How to measure. */
export interface ThroughputOptions {
  readonly seconds: number;
  readonly rounds: number;
  readonly directory: string;
}

/** Commits of single resources on a cluster of so many nodes, so many under way at once: medians of the rounds. */
export interface Throughput {
  readonly nodes: number;
  readonly outstanding: number;
  readonly commitsPerSecond: number;
  readonly slowestRoundPerSecond: number;
  readonly fastestRoundPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU time for a commit, in microseconds: of the leader, of all nodes, of the generator. */
  readonly leaderCpuUs: number;
  readonly nodesCpuUs: number;
  readonly generatorCpuUs: number;
}

/** Measures one node and three, which take turns. */
export async function measureThroughput(options: ThroughputOptions): Promise<readonly Throughput[]> {
  const clusters: StorageCluster[] = [];
  try {
    for (const nodes of NODES) {
      const directory = `${options.directory}/throughput-${nodes}`;
      clusters.push(await StorageCluster.start({ nodes, directory }));
    }
    const scenarios = clusters.flatMap((cluster) =>
      OUTSTANDING.map((outstanding) => ({ cluster, outstanding, rounds: [] as CommitFigures[] })),
    );
    for (let round = 0; round <= options.rounds; round++) {
      for (const { cluster, outstanding, rounds } of scenarios) {
        const leader = await cluster.leader();
        const isOver = timer(round === 0 ? WARM_UP_SECONDS : options.seconds);
        const load = { nodes: cluster.nodes, leader, outstanding, resources: RESOURCES, isOver };
        const figures = await runCommits(load);
        if (round > 0) rounds.push(figures);
      }
    }
    return scenarios.map(({ cluster, outstanding, rounds }) =>
      summarize(cluster.nodes.length, outstanding, rounds),
    );
  } finally {
    await Promise.all(clusters.map((cluster) => cluster.end()));
  }
}

/** The medians of the rounds. */
export function summarize(nodes: number, outstanding: number, rounds: readonly CommitFigures[]): Throughput {
  const rates = rounds.map(({ commits, elapsedMs }) => (commits / elapsedMs) * 1_000);
  const middle = (figure: (round: CommitFigures) => number): number => median(rounds.map(figure));
  return {
    nodes,
    outstanding,
    commitsPerSecond: median(rates),
    slowestRoundPerSecond: Math.min(...rates),
    fastestRoundPerSecond: Math.max(...rates),
    p50Ms: middle(({ p50Ms }) => p50Ms),
    p99Ms: middle(({ p99Ms }) => p99Ms),
    leaderCpuUs: middle(({ leaderCpuUs, commits }) => leaderCpuUs / commits),
    nodesCpuUs: middle(({ nodesCpuUs, commits }) => nodesCpuUs / commits),
    generatorCpuUs: middle(({ generatorCpuUs, commits }) => generatorCpuUs / commits),
  };
}
