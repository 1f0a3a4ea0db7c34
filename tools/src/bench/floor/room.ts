import { BenchError } from "../bench-error.ts";
import { TARGETS } from "../targets.ts";
import type { Figures } from "./figures.ts";
import type { Row } from "./rows.ts";

/** What a target leaves of an operation, in microseconds of CPU. */
export interface Room {
  /** The scenario of the bench that has the target. */
  readonly scenario: string;
  /** The rows whose mean is its floor. */
  readonly rows: readonly Row[];
  /** The target, as a multiple of etcd's operations for each second of CPU. */
  readonly times: number;
  readonly etcdUs: number;
  /** What an operation may take. */
  readonly targetUs: number;
  /** What it takes where next to nothing is done. */
  readonly floorUs: number;
  /** What is left for everything else; below zero where the floor is above the target. */
  readonly leftUs: number;
}

/** Which rows are the floor of which scenario, each as much as the others. */
const FLOORS: readonly Pick<Room, "scenario" | "rows">[] = [
  { scenario: "write-64", rows: ["ordered"] },
  { scenario: "strong-read-64", rows: ["echo"] },
  { scenario: "mixed-32", rows: ["echo", "ordered"] },
  { scenario: "watch-1000", rows: ["fan-out-4"] },
  { scenario: "batch100-64", rows: ["batch100"] },
];

/** The scenarios whose floor is known once those rows are measured. */
export function scenariosAbove(measured: readonly Row[]): readonly string[] {
  return FLOORS.filter(({ rows }) => rows.every((row) => measured.includes(row))).map(
    ({ scenario }) => scenario,
  );
}

/** What each target leaves, of those whose scenario was measured with etcd and whose rows were, by their names. */
export function roomOf(figures: readonly Figures[]): readonly Room[] {
  const cpuUs = new Map(figures.map((figure) => [figure.name, figure.cpuUs]));
  return FLOORS.flatMap(({ scenario, rows }) => {
    const etcdUs = cpuUs.get(scenario);
    const floorsUs = rows.map((row) => cpuUs.get(row)).filter((us) => us !== undefined);
    if (etcdUs === undefined || floorsUs.length < rows.length) return [];
    const times = targetOf(scenario);
    const targetUs = etcdUs / times;
    const floorUs = floorsUs.reduce((sum, us) => sum + us, 0) / rows.length;
    return [{ scenario, rows, times, etcdUs, targetUs, floorUs, leftUs: targetUs - floorUs }];
  });
}

function targetOf(scenario: string): number {
  const target = TARGETS.find(({ scenarios }) => scenarios.includes(scenario));
  if (target === undefined) throw new BenchError(`${scenario} has no target`);
  return target.perCpuSecond;
}
