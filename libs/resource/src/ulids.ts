import { isValid, monotonicFactory } from "ulid";

import type { Clock, Random } from "./clock.ts";

/** Makes ULIDs that only grow, from the clock and randomness that it is given. */
export function createUlids({
  clock,
  random,
}: {
  readonly clock: Clock;
  readonly random: Random;
}): () => string {
  const next = monotonicFactory(random);
  return () => next(clock.now());
}

/** Whether a text is a ULID: 26 characters of Crockford's base 32. */
export function isUlid(text: string): boolean {
  return isValid(text);
}
