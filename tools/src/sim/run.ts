/** One run of the simulator, as the command line names it. */
export interface RunName {
  readonly seed: number;
  readonly nodes: number;
  readonly minutes: number;
}

/** Clusters of three and of five, half of the seeds each. */
export function nodesOf(seed: number): number {
  return seed % 2 === 0 ? 3 : 5;
}

/** The command that repeats a run. */
export function commandOf({ seed, nodes, minutes }: RunName): string {
  return `npm run sim -- --seed ${seed} --nodes ${nodes} --minutes ${minutes}`;
}
