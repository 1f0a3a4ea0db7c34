import { type Clock, Linked, LinkedItems } from "@trellis/resource";
import type { CallOptions, CallSignal, EndedBy } from "@trellis/storage";

import { type Timeout, Timeouts } from "./timeouts.ts";

/** How long a call is held that says nothing itself. */
export const HOLD_MS = 30_000;
/** How often callers are asked whether they still wait, who say it by no event. */
const LOOK_MS = 20;

type Wait = EndedBy<CallOptions>;

/** How long one call may take: until its caller says that it is over, by a signal or when it is asked, or a time where there is neither. One waits for it at a time. */
export class Patience extends Linked implements CallSignal {
  readonly #caller: Wait["caller"];
  readonly #signal: Wait["signal"];
  #isOver = false;
  #listener: (() => void) | undefined;
  /** The time of a call whose caller says nothing. */
  hold: Timeout | undefined = undefined;

  constructor(caller: Wait["caller"], signal: Wait["signal"]) {
    super();
    this.#caller = caller;
    this.#signal = signal;
  }

  get aborted(): boolean {
    return this.#isOver || this.#caller?.aborted === true || this.#signal?.aborted === true;
  }

  addEventListener(type: "abort", listener: () => void): void {
    if (this.#listener !== undefined)
      throw new Error("broken invariant of a call's patience: two wait for its end, expected one at a time");
    this.#listener = listener;
    this.#signal?.addEventListener(type, listener, { once: true });
  }

  removeEventListener(type: "abort", listener: () => void): void {
    if (this.#listener !== listener) return;
    this.#listener = undefined;
    this.#signal?.removeEventListener(type, listener);
  }

  /** It is over, and whoever waits for that is told. */
  pass(): void {
    this.#isOver = true;
    this.#listener?.();
  }
}

/** Begins and ends the patience of calls, without a timer and a signal of the platform for each. */
export class Patiences {
  readonly #clock: Clock;
  readonly #holds: Timeouts;
  /** Of callers who say by no event that it is over. */
  readonly #asked = new LinkedItems<Patience>();
  #isLooking = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#holds = new Timeouts(clock, HOLD_MS);
  }

  /** To be ended when the call is over. */
  begin(options: Wait): Patience {
    const { caller } = options;
    if (caller !== undefined) {
      const patience = new Patience(caller, undefined);
      this.#asked.add(patience);
      this.#look();
      return patience;
    }
    const { signal } = options;
    const patience = new Patience(undefined, signal);
    if (signal === undefined) patience.hold = this.#holds.add(() => patience.pass());
    return patience;
  }

  end(patience: Patience): void {
    this.#asked.remove(patience);
    if (patience.hold !== undefined) this.#holds.cancel(patience.hold);
  }

  #look(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.#clock.after(LOOK_MS, () => {
      this.#isLooking = false;
      for (const patience of this.#asked.all()) {
        if (!patience.isListed || !patience.aborted) continue;
        this.#asked.remove(patience);
        patience.pass();
      }
      if (this.#asked.size > 0) this.#look();
    });
  }
}
