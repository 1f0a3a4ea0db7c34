import type { System } from "./deployment.ts";
import type { Result } from "./measurement.ts";

/** What Trellis has to reach, as a multiple of what etcd does in the same run. */
export interface Target {
  readonly what: string;
  /** Each of them has to reach it. */
  readonly scenarios: readonly string[];
  /** Of operations for each second of the servers' CPU. */
  readonly perCpuSecond: number;
  /** Of operations a second. */
  readonly throughput?: number;
  /** Whether the 99th percentile must not be worse. */
  readonly p99?: boolean;
}

/** The first six rows of what Trellis has to reach; the others are of other commands. */
export const TARGETS: readonly Target[] = [
  {
    what: "standalone, durable writes, 64 clients",
    scenarios: ["write-64"],
    perCpuSecond: 1.2,
    throughput: 1.2,
    p99: true,
  },
  {
    what: "three nodes, durable writes, 64 clients entering at a follower",
    scenarios: ["cluster-write-64"],
    perCpuSecond: 1,
  },
  {
    what: "strong reads and eventual reads, 64 clients",
    scenarios: ["strong-read-64", "eventual-read-64"],
    perCpuSecond: 2,
  },
  { what: "16 readers and 16 writers together", scenarios: ["mixed-32"], perCpuSecond: 1.5 },
  { what: "events delivered to 1,000 watchers", scenarios: ["watch-1000"], perCpuSecond: 5 },
  {
    what: "resources in batches of 100, against single puts",
    scenarios: ["batch100-64"],
    perCpuSecond: 3,
    throughput: 3,
  },
];

/** The names of what `--quick` measures. */
export const QUICK_SCENARIOS: readonly string[] = TARGETS.flatMap(({ scenarios }) => scenarios);

/** Trellis beside etcd in one scenario. */
export interface Comparison {
  readonly target: Target;
  readonly scenario: string;
  /** Trellis's figure divided by etcd's: of operations for a CPU second, and a second; of the 99th percentile, where less is better. */
  readonly perCpuSecond: number;
  readonly throughput: number;
  readonly p99: number;
  readonly met: boolean;
}

/** Compares what was measured with both systems, for each target in order; one without both is left out. */
export function compare(results: readonly Result[]): readonly Comparison[] {
  const find = (scenario: string, system: System): Result | undefined =>
    results.find((result) => result.scenario === scenario && result.system === system);
  return TARGETS.flatMap((target) =>
    target.scenarios.flatMap((scenario) => {
      const ours = find(scenario, "trellis");
      const theirs = find(scenario, "etcd");
      if (ours === undefined || theirs === undefined) return [];
      const ratios = {
        perCpuSecond: (theirs.serverCpuUsPerOp ?? Number.NaN) / (ours.serverCpuUsPerOp ?? Number.NaN),
        throughput: ours.opsPerSecond / theirs.opsPerSecond,
        p99: ours.p99Ms / theirs.p99Ms,
      };
      return [{ target, scenario, ...ratios, met: isMet(target, ratios) }];
    }),
  );
}

function isMet(target: Target, found: Pick<Comparison, "perCpuSecond" | "throughput" | "p99">): boolean {
  return (
    found.perCpuSecond >= target.perCpuSecond &&
    (target.throughput === undefined || found.throughput >= target.throughput) &&
    (target.p99 !== true || found.p99 <= 1)
  );
}
