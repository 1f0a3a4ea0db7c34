import type { Tell } from "../run-bench.ts";
import type { Figure } from "./figure.ts";
import type { LargeStore } from "./large-store.ts";
import type { Times } from "./times.ts";

/** What parts work with. */
export interface ScaleContext {
  /** Where servers keep their data. */
  readonly directory: string;
  readonly resources: number;
  readonly times: Times;
  readonly tell: Tell;
  /** The large store, which the parts share; it is started when it is asked for first. */
  readonly large: () => Promise<LargeStore>;
}

/** What a part gives. */
export interface Measured {
  readonly figures: readonly Figure[];
  readonly failures: readonly string[];
}

/** A part: measures, and resolves with what it found. */
export type MeasurePart = (context: ScaleContext) => Promise<Measured>;
