import { EventQueue, type SimEvent } from "./event-queue.ts";

/** Events between two real turns of the event loop, in which signals and messages of the real process are looked at. */
const EVENTS_PER_REAL_TURN = 4096;

/**
 * Virtual time: one event after the other, each with all that it sets off. Nothing in it is of real time, so two runs of one seed are the same run.
 */
export class World {
  readonly #queue = new EventQueue();
  #nowMs = 0;
  #planned = 0;
  #happened = 0;
  #isRunning = false;

  /** Virtual milliseconds since the beginning. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Events that have happened. */
  get happened(): number {
    return this.#happened;
  }

  /** Plans something; what happens in it must not throw. The answer calls it off. */
  in(delayMs: number, run: () => void): () => void {
    const event: SimEvent = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#planned++, run };
    this.#queue.add(event);
    return () => {
      event.run = undefined;
    };
  }

  /** Resolves after a time. */
  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.in(delayMs, resolve));
  }

  /**
   * Lets events happen until the answer is true or a moment is reached. Rejects with what an event throws.
   *
   * Each event is followed by all its promise reactions, however long their chain is: the next one is taken from the queue of `process.nextTick`, which
   * Node looks at when there is no reaction left. It gets there by way of a reaction, since ticks that a tick asks for come before reactions.
   */
  async run(until: { readonly ms: number; readonly isOver?: () => boolean }): Promise<void> {
    if (this.#isRunning) throw new Error("the world is running already; await the run before");
    this.#isRunning = true;
    try {
      await new Promise<void>((resolve, reject) => {
        const step = (): void => {
          try {
            if (until.isOver?.() === true || !this.#happen(until.ms)) {
              resolve();
              return;
            }
          } catch (error) {
            reject(error as Error);
            return;
          }
          queueMicrotask(goOn);
        };
        const goOn = (): void => {
          if (this.#happened % EVENTS_PER_REAL_TURN === 0) setImmediate(step);
          else process.nextTick(step);
        };
        step();
      });
    } finally {
      this.#isRunning = false;
    }
  }

  /** The next event happens, unless it is later than that. */
  #happen(untilMs: number): boolean {
    for (;;) {
      const nextMs = this.#queue.nextMs;
      if (nextMs === undefined || nextMs > untilMs) {
        this.#nowMs = Math.max(this.#nowMs, untilMs);
        return false;
      }
      const event = this.#queue.take();
      if (event?.run === undefined) continue;
      this.#nowMs = event.atMs;
      this.#happened++;
      event.run();
      return true;
    }
  }
}
