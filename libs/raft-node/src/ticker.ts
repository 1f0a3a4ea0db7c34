import type { NodeClock } from "./ports.ts";

/** A gap of so many ticks is a stall. */
const STALL_TICKS = 4;
/** Turns of the event loop that a stalled node gives its sockets before it counts time. */
const DRAIN_TURNS = 3;

/**
 * Counts time in ticks: at most one per turn, however long a turn took. After a stall the tick waits until what lay in the sockets meanwhile was
 * taken in: a leader's heartbeat may be among it.
 */
export class Ticker {
  readonly #clock: NodeClock;
  readonly #tickMs: number;
  readonly #onDue: () => void;
  #lastMs: number;
  #lastTickMs: number;
  #isDue = false;
  #drainTurns = 0;
  #cancel: (() => void) | undefined;

  constructor({
    clock,
    tickMs,
    onDue,
  }: {
    readonly clock: NodeClock;
    readonly tickMs: number;
    readonly onDue: () => void;
  }) {
    this.#clock = clock;
    this.#tickMs = tickMs;
    this.#onDue = onDue;
    this.#lastMs = clock.monotonic();
    this.#lastTickMs = this.#lastMs;
  }

  /** When the last tick was taken, in milliseconds of the clock. */
  get lastTickMs(): number {
    return this.#lastTickMs;
  }

  /** True while a tick waits to be taken. */
  get isDue(): boolean {
    return this.#isDue;
  }

  start(): void {
    this.#lastMs = this.#clock.monotonic();
    this.#lastTickMs = this.#lastMs;
    this.#arm();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  /** Takes the tick that is due; to be called once a turn. */
  take(): boolean {
    if (!this.#isDue) return false;
    if (this.#drainTurns > 0) {
      this.#drainTurns--;
      return false;
    }
    this.#isDue = false;
    this.#lastTickMs = this.#clock.monotonic();
    return true;
  }

  #arm(): void {
    this.#cancel = this.#clock.after(this.#tickMs, () => {
      const nowMs = this.#clock.monotonic();
      // A tick that waits already waits no longer: where each turn takes as long as a stall, none would ever be taken.
      if (!this.#isDue && nowMs - this.#lastMs >= STALL_TICKS * this.#tickMs) this.#drainTurns = DRAIN_TURNS;
      this.#lastMs = nowMs;
      this.#isDue = true;
      this.#arm();
      this.#onDue();
    });
  }
}
