import { median } from "../bench-log/median.ts";

/** What one start of a manager gave. */
export interface RoundFigures {
  /** From its start until its cache is there and the first reconcile begins, in milliseconds. */
  readonly cachedMs: number;
  /** From its start until each resource was reconciled once, in milliseconds. */
  readonly startMs: number;
  /** Between the first reconcile and the last. */
  readonly reconcilesPerSecond: number;
  /** Heap and what hangs on it, for each resource: the cache and what the runtime keeps of each name. */
  readonly bytesPerResource: number;
}

/** The middle of the rounds, and their bounds. */
export interface Figure {
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
}

/** The figures over all rounds. */
export type ControllerFigures = Readonly<Record<keyof RoundFigures, Figure>>;

/** Sums rounds up. */
export function summarize(rounds: readonly RoundFigures[]): ControllerFigures {
  const of = (name: keyof RoundFigures): Figure => {
    const values = rounds.map((round) => round[name]);
    return { median: median(values), lowest: Math.min(...values), highest: Math.max(...values) };
  };
  return {
    cachedMs: of("cachedMs"),
    startMs: of("startMs"),
    reconcilesPerSecond: of("reconcilesPerSecond"),
    bytesPerResource: of("bytesPerResource"),
  };
}

/** The figures as a Markdown table, as `docs/BENCHMARKS.md` has them. */
export function figuresTable(figures: ControllerFigures, resources: number): string {
  const seconds = (ms: number): string => `${(ms / 1_000).toFixed(2)} s`;
  const row = (name: string, { median: middle, lowest, highest }: Figure, text: (value: number) => string) =>
    `| ${name} | ${text(middle)} | ${text(lowest)}–${text(highest)} |`;
  return [
    `| a no-op controller over ${whole(resources)} resources | median | rounds |`,
    "| --- | --- | --- |",
    row("reconciles a second", figures.reconcilesPerSecond, whole),
    row("memory for each cached resource", figures.bytesPerResource, (bytes) => `${whole(bytes)} bytes`),
    row("start, until the cache is there", figures.cachedMs, seconds),
    row("start, until each was reconciled", figures.startMs, seconds),
  ].join("\n");
}

function whole(value: number): string {
  return Math.round(value).toLocaleString("en");
}
