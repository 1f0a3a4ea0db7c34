import type { NodeClock } from "../ports.ts";

/** Turns of the real event loop without anything planned, after which nothing more is going to be. */
const IDLE_TURNS = 20;

interface Planned {
  readonly atMs: number;
  readonly order: number;
  run: (() => void) | undefined;
}

/** Time that passes only when it is told to: one event after the other, each with all the promise reactions that it sets off. */
export class VirtualTime {
  #nowMs = 0;
  #planned = 0;
  #events: Planned[] = [];

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Plans something; the answer calls it off. */
  in(delayMs: number, run: () => void): () => void {
    const event: Planned = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#planned++, run };
    let at = this.#events.length;
    while (at > 0 && isBefore(event, this.#events[at - 1])) at--;
    this.#events.splice(at, 0, event);
    return () => {
      event.run = undefined;
    };
  }

  /** Lets so much time pass. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await this.#run(untilMs, () => false);
    this.#nowMs = untilMs;
  }

  /** Lets time pass until something holds. Fails when it does not within a limit. */
  async until(what: string, holds: () => boolean, limitMs = 60_000): Promise<void> {
    await reactions();
    if (await this.#run(this.#nowMs + limitMs, holds)) return;
    throw new Error(`expected within ${limitMs} virtual ms: ${what}`);
  }

  /** Lets time pass until a promise is settled, and answers as it does. */
  async settle<T>(promise: Promise<T>, limitMs = 60_000): Promise<T> {
    let isSettled = false;
    const done = (): void => {
      isSettled = true;
    };
    promise.then(done, done);
    await this.until("the promise is settled", () => isSettled, limitMs);
    return await promise;
  }

  async #run(untilMs: number, isOver: () => boolean): Promise<boolean> {
    for (let idleTurns = 0; ;) {
      if (isOver()) return true;
      const event = this.#events[0];
      if (event === undefined || event.atMs > untilMs) {
        // What works without this time, as a transport in memory does, takes some turns of the real event loop.
        if (idleTurns++ >= IDLE_TURNS) return false;
        await reactions();
        continue;
      }
      idleTurns = 0;
      this.#events.shift();
      if (event.run === undefined) continue;
      this.#nowMs = Math.max(this.#nowMs, event.atMs);
      event.run();
      await reactions();
    }
  }
}

function isBefore(one: Planned, other: Planned | undefined): boolean {
  return other !== undefined && one.atMs < other.atMs;
}

/** Resolves when all promise reactions so far have run. */
export function reactions(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

const PHASES = ["timer", "input", "turn"] as const;
type Phase = (typeof PHASES)[number];

/** A process and its event loop, which can stall and be killed. After a stall timers go first, then what came in, then what waits for its turn. */
export class VirtualProcess implements NodeClock {
  readonly #time: VirtualTime;
  readonly #waiting: { readonly phase: Phase; readonly run: () => void }[] = [];
  #stalledUntilMs = 0;
  #isAlive = true;

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  monotonic(): number {
    return this.#time.nowMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    return this.#post("timer", delayMs, callback);
  }

  nextTurn(callback: () => void): void {
    this.#post("turn", 0, callback);
  }

  /** Something comes in from a socket or a disk. */
  input(delayMs: number, take: () => void): void {
    this.#post("input", delayMs, take);
  }

  stall(ms: number): void {
    this.#stalledUntilMs = this.#time.nowMs + ms;
    this.#time.in(ms, () => this.#goOn());
  }

  kill(): void {
    this.#isAlive = false;
  }

  #post(phase: Phase, delayMs: number, run: () => void): () => void {
    let isCancelled = false;
    const take = (): void => {
      if (this.#isAlive && !isCancelled) run();
    };
    this.#time.in(delayMs, () => {
      if (this.#time.nowMs < this.#stalledUntilMs) this.#waiting.push({ phase, run: take });
      else take();
    });
    return () => {
      isCancelled = true;
    };
  }

  #goOn(): void {
    const waiting = this.#waiting.splice(0);
    for (const phase of PHASES)
      for (const task of waiting) if (task.phase === phase) this.#time.in(0, task.run);
  }
}
