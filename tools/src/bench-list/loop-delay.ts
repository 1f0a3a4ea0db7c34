import { createHistogram, monitorEventLoopDelay } from "node:perf_hooks";

/** How long the event loop kept others waiting, in milliseconds: 99.9 % of the times are no longer. */
export interface LoopDelay {
  /** By the clock: what a timer is late, with everything that the machine does meanwhile. */
  readonly wallMs: number;
  /** By the processor time of one turn of the loop: what this program itself does, however busy the machine is. */
  readonly cpuMs: number;
}

const RESOLUTION_MS = 1;
const PERCENTILE = 99.9;
const NANOSECONDS_PER_MS = 1e6;
const NANOSECONDS_PER_MICROSECOND = 1_000;

/** Measures the delay of this thread's event loop until it is ended. */
export class LoopDelayMeter {
  readonly #wall = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  readonly #turns = createHistogram();
  #isEnded = false;

  start(): void {
    this.#wall.enable();
    let before = threadCpuMicroseconds();
    const turn = (): void => {
      if (this.#isEnded) return;
      const now = threadCpuMicroseconds();
      this.#turns.record(Math.max(1, Math.round((now - before) * NANOSECONDS_PER_MICROSECOND)));
      before = now;
      setImmediate(turn);
    };
    setImmediate(turn);
  }

  end(): LoopDelay {
    this.#isEnded = true;
    this.#wall.disable();
    return {
      wallMs: this.#wall.percentile(PERCENTILE) / NANOSECONDS_PER_MS,
      cpuMs: this.#turns.percentile(PERCENTILE) / NANOSECONDS_PER_MS,
    };
  }
}

function threadCpuMicroseconds(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}
