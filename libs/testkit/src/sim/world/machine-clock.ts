import type { World } from "./world.ts";

/** A machine's clocks, which are as wrong as clocks are: they go too fast or too slow, and the wall clock jumps. */
export class MachineClock {
  readonly #world: World;
  #rate: number;
  #wallOffsetMs: number;
  /** Local and virtual time when the rate was set. */
  #localMs: number;
  #sinceMs: number;

  constructor(
    world: World,
    start: { readonly rate: number; readonly bootMs: number; readonly wallMs: number },
  ) {
    this.#world = world;
    this.#rate = start.rate;
    this.#localMs = start.bootMs;
    this.#sinceMs = world.nowMs;
    this.#wallOffsetMs = start.wallMs - start.bootMs;
  }

  /** Milliseconds since the machine came up, so much virtual time from now. */
  monotonic(laterMs = 0): number {
    return this.#localMs + (this.#world.nowMs + laterMs - this.#sinceMs) * this.#rate;
  }

  /** Milliseconds since 1970, as the machine believes. */
  wall(): number {
    return Math.floor(this.monotonic() + this.#wallOffsetMs);
  }

  /** How long a time of this machine is in virtual time, as long as the rate stays. */
  toVirtual(localMs: number): number {
    return localMs / this.#rate;
  }

  /** From now on it goes at another rate. */
  drift(rate: number): void {
    this.#localMs = this.monotonic();
    this.#sinceMs = this.#world.nowMs;
    this.#rate = rate;
  }

  /** Somebody sets the wall clock. */
  setWall(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }
}
