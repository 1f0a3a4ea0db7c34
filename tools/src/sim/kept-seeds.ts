import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { RunName } from "./run.ts";

/** A run that once failed, and what was found then. */
export interface KeptSeed extends RunName {
  readonly found: string;
}

/** Where runs that failed are kept; the tests repeat them. */
export const KEPT_SEEDS_FILE = join(import.meta.dirname, "kept-seeds.json");

export function readKeptSeeds(file: string = KEPT_SEEDS_FILE): readonly KeptSeed[] {
  return JSON.parse(readFileSync(file, "utf8")) as KeptSeed[];
}

/** Keeps a run that failed, once. */
export function keepSeed(seed: KeptSeed, file: string = KEPT_SEEDS_FILE): void {
  const kept = readKeptSeeds(file);
  const isKnown = kept.some(
    (one) => one.seed === seed.seed && one.nodes === seed.nodes && one.minutes === seed.minutes,
  );
  if (isKnown) return;
  writeFileSync(file, `${JSON.stringify([...kept, seed], undefined, 2)}\n`);
}
