const CLOCK_COLUMNS = 8;
const NAME_COLUMNS = 12;

/** What happened, line by line as it happens, and how often. */
export class Timeline {
  readonly #startedMs: number;
  readonly #now: () => number;
  readonly #write: (line: string) => void;
  readonly #counts = new Map<string, number>();

  /** `now` is in monotonic milliseconds. */
  constructor(now: () => number, write: (line: string) => void) {
    this.#now = now;
    this.#write = write;
    this.#startedMs = now();
  }

  /** Tells what happens to whom. */
  tell(who: string, what: string): void {
    const seconds = ((this.#now() - this.#startedMs) / 1_000).toFixed(1);
    this.#write(`${`${seconds} s`.padStart(CLOCK_COLUMNS)}  ${who.padEnd(NAME_COLUMNS)}  ${what}`);
  }

  /** Counts something of a kind. */
  count(kind: string, times = 1): void {
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + times);
  }

  /** What was counted, in the order in which it was first. */
  counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }
}
