import type { Clock, Random } from "@trellis/resource";

/** Time that moves only when a test says so. */
export interface VirtualClock extends Clock {
  /**
   * Moves time forward. What is due runs in order of its time, and everything that follows from it without further waiting is through before the next
   * is run, and before this resolves. Throws when callbacks set new ones without end.
   */
  advance(milliseconds: number): Promise<void>;
  /** Lets everything run that waits for no time. */
  flush(): Promise<void>;
  /** Callbacks that wait for their time. */
  pending(): number;
}

/** Where virtual time begins, unless a test says otherwise: 2026-01-01T00:00:00Z. */
const DEFAULT_START_MS = Date.UTC(2026, 0, 1);
/** Turns of the event loop after which what follows from a callback counts as through. */
const FLUSH_TURNS = 20;
/** Callbacks that one `advance` may run: more is a timer that sets itself again without end. */
const MAX_CALLBACKS = 100_000;

interface Timer {
  readonly atMs: number;
  readonly callback: () => void;
}

/** How a virtual clock is set up. */
export interface VirtualClockOptions {
  /** Where its time begins, in milliseconds since 1970: 2026-01-01T00:00:00Z when absent. */
  readonly startMs?: number;
  /** Decides which of the callbacks of one moment runs first: the one that was set first when absent. */
  readonly order?: Random | undefined;
}

/** Makes a virtual clock. */
export function createVirtualClock({
  startMs = DEFAULT_START_MS,
  order,
}: VirtualClockOptions = {}): VirtualClock {
  let elapsedMs = 0;
  const timers = new Set<Timer>();
  const next = (untilMs: number): Timer | undefined => {
    let first: Timer | undefined;
    for (const timer of timers)
      if (timer.atMs <= untilMs && (first === undefined || timer.atMs < first.atMs)) first = timer;
    if (first === undefined || order === undefined) return first;
    const { atMs } = first;
    const together = [...timers].filter((timer) => timer.atMs === atMs);
    return together[Math.floor(order() * together.length)];
  };
  const flush = async (): Promise<void> => {
    for (let turn = 0; turn < FLUSH_TURNS; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  return {
    // Whole milliseconds, as the machine's wall clock has them.
    now: () => Math.floor(startMs + elapsedMs),
    monotonic: () => elapsedMs,
    after(delayMs, callback) {
      const timer = { atMs: elapsedMs + Math.max(0, delayMs), callback };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    async advance(milliseconds) {
      if (!(milliseconds >= 0)) throw new RangeError(`time moves forward only, found ${milliseconds} ms`);
      const untilMs = elapsedMs + milliseconds;
      await flush();
      let callbacks = 0;
      for (let timer = next(untilMs); timer !== undefined; timer = next(untilMs)) {
        callbacks += 1;
        if (callbacks > MAX_CALLBACKS) {
          throw new Error(
            `advance(${milliseconds}) ran ${MAX_CALLBACKS} callbacks and is not through: a timer seems to set itself again at once`,
          );
        }
        timers.delete(timer);
        elapsedMs = timer.atMs;
        timer.callback();
        await flush();
      }
      elapsedMs = untilMs;
      await flush();
    },
    flush,
    pending: () => timers.size,
  };
}

/** Whether a clock's time moves only when a test says so. */
export function isVirtual(clock: Clock): clock is VirtualClock {
  return "advance" in clock;
}
