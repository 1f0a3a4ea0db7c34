import { measure } from "../measure.ts";
import type { Measurement } from "../measurement.ts";
import { type Figures, figuresOfRounds } from "./figures.ts";
import type { Subject } from "./subject.ts";

/** How long to measure. */
export interface RoundOptions {
  readonly rounds: number;
  /** Of each subject in each round. */
  readonly seconds: number;
  /** How long each subject runs in the first round before it is measured: what is compiled as it runs is compiled then, as in the bench. */
  readonly warmUpSeconds: number;
}

/** In later rounds, of their seconds. */
const WARM_UP_SHARE = 0.2;

/** Measures every subject in every round, the last one first by turns: what disturbs the machine for a while disturbs all, and the medians leave it out. */
export async function runRounds(
  subjects: readonly Subject[],
  { rounds, seconds, warmUpSeconds: firstSeconds }: RoundOptions,
  tell: (what: string) => void,
): Promise<readonly Figures[]> {
  const measured = new Map<Subject, Measurement[]>(subjects.map((subject) => [subject, []]));
  for (let round = 1; round <= rounds; round++) {
    const warmUpSeconds = round === 1 ? firstSeconds : seconds * WARM_UP_SHARE;
    for (const subject of round % 2 === 1 ? subjects : subjects.toReversed()) {
      const measurement = await measureOnce(subject, { seconds, warmUpSeconds });
      measured.get(subject)?.push(measurement);
      tell(`round ${round}: ${subject.name} ${measurement.opsPerSecond.toFixed(0)}/s`);
    }
  }
  return subjects.map((subject) => figuresOfRounds(subject.name, measured.get(subject) ?? []));
}

async function measureOnce(
  subject: Subject,
  durations: { readonly seconds: number; readonly warmUpSeconds: number },
): Promise<Measurement> {
  const load = await subject.open();
  try {
    return await measure(load, { scenario: subject.name, processes: subject.processes(), ...durations });
  } finally {
    load.close?.();
  }
}
