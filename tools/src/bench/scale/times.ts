/** How long things are looked at. */
export interface Times {
  /** A round of two servers; and what comes before the first, when a server may not yet have seen such calls. */
  readonly roundSeconds: number;
  readonly firstWarmUpSeconds: number;
  /** Between the last that a server had to do and the look at its memory. */
  readonly settleMs: number;
  /** A load alone, before something happens beside it, and after. */
  readonly baseMs: number;
  /** Events and writes, while there are watches. */
  readonly watchSeconds: number;
}

const FULL: Times = {
  roundSeconds: 1.5,
  firstWarmUpSeconds: 1.5,
  settleMs: 4_000,
  baseMs: 5_000,
  watchSeconds: 5,
};

/** Of who wants to see that it works: the figures tell nothing. */
const TRIAL: Times = {
  roundSeconds: 0.2,
  firstWarmUpSeconds: 0.4,
  settleMs: 400,
  baseMs: 500,
  watchSeconds: 0.5,
};

/** With fewer resources it is a trial. */
const LEAST_OF_FULL = 10_000;

/** The times for so many resources. */
export function timesFor(resources: number): Times {
  return resources < LEAST_OF_FULL ? TRIAL : FULL;
}
