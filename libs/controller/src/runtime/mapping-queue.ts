import type { Clock, Random } from "@trellis/resource";

import type { Request } from "../controller.ts";
import { moreUrgent, type Priority, WorkQueue } from "./work-queue.ts";

/** What a queue of states for a mapper runs on. */
export interface MappingQueueDeps<State> {
  readonly clock: Clock;
  readonly random?: Random | undefined;
  /** The mapper, or what it stands behind: it may return anything, and throw. */
  readonly map: (state: State) => unknown;
  readonly enqueue: (requests: readonly Request[], priority: Priority) => void;
  /** Reconciles everything: the way out when states had to be let go. */
  readonly enqueueAll: () => void;
  /** Told of each failure of the mapper; it is tried again. */
  readonly failed: (key: string, error: unknown) => void;
  /** Told once of a mapping of a key that takes longer than {@link LONG_MAPPING_MS}: no other begins until it ends. */
  readonly slow: (key: string) => void;
  /** Told when the states of a key have been mapped. */
  readonly mapped?: (() => void) | undefined;
}

/** Waits between tries of a mapper that failed. */
const MAPPING_BACKOFF = { baseMs: 5, maxMs: 60_000 };
/** States of one key that wait for their mapper. Beyond, the oldest are let go, and everything is reconciled instead. */
export const MAX_STATES = 64;

/** A mapping that takes longer is told: it holds up all others. */
export const LONG_MAPPING_MS = 60_000;

/** What a key stands for since its mapper last succeeded. */
interface Waiting<State> {
  readonly states: readonly State[];
  readonly priority: Priority;
  readonly overflowed: boolean;
}

/**
 * Maps states to names to reconcile, those of one key together and in order, on one worker. Each state is seen, not the newest alone. A mapper that fails is tried again on
 * the states on which it failed; what the others concern does not wait for that.
 */
export class MappingQueue<State> {
  readonly #deps: MappingQueueDeps<State>;
  readonly #queue: WorkQueue;
  readonly #waiting = new Map<string, Waiting<State>>();
  #mapping = false;
  #stopped = false;

  constructor(deps: MappingQueueDeps<State>) {
    this.#deps = deps;
    const { clock, random } = deps;
    this.#queue = new WorkQueue(clock, MAPPING_BACKOFF, () => void this.#drain(), { random });
  }

  /** Keys of which not all has been mapped. */
  get pending(): number {
    return this.#queue.waiting + this.#queue.processing + this.#queue.retrying;
  }

  add(key: string, states: readonly State[], priority: Priority): void {
    if (this.#stopped) return;
    this.#wait(key, { states, priority, overflowed: false });
    this.#queue.add(key, priority);
  }

  stop(): void {
    this.#stopped = true;
    this.#queue.stop();
    this.#waiting.clear();
  }

  /** Lets states wait behind those that wait already. */
  #wait(key: string, added: Waiting<State>): void {
    const former = this.#waiting.get(key);
    const states = [...(former?.states ?? []), ...added.states].filter(
      (state, place, all) => place === 0 || state !== all[place - 1],
    );
    const kept = states.slice(-MAX_STATES);
    const overflowed = added.overflowed || former?.overflowed === true || kept.length < states.length;
    const priority = moreUrgent(former?.priority ?? added.priority, added.priority);
    this.#waiting.set(key, { states: kept, priority, overflowed });
  }

  async #drain(): Promise<void> {
    if (this.#mapping) return;
    this.#mapping = true;
    try {
      for (let key = this.#queue.take(); key !== undefined; key = this.#queue.take()) {
        await this.#map(key);
        this.#queue.finish(key);
        this.#deps.mapped?.();
      }
    } finally {
      this.#mapping = false;
    }
  }

  async #map(key: string): Promise<void> {
    const taken = this.#waiting.get(key);
    if (taken === undefined) return;
    this.#waiting.delete(key);
    const { enqueue, enqueueAll, failed } = this.#deps;
    const { requests, failures } = await this.#mapEach(key, taken.states);
    if (this.#stopped) return;
    const [first] = failures;
    const allFailed = failures.length > 0 && failures.length === taken.states.length;
    if (!allFailed) {
      enqueue(requests, taken.priority);
      if (taken.overflowed) enqueueAll();
    }
    if (first === undefined) {
      this.#queue.forget(key);
      return;
    }
    const overflowed = allFailed && taken.overflowed;
    this.#waitAgain(key, { ...taken, states: failures.map(({ state }) => state), overflowed });
    failed(key, first.error);
  }

  /** What the states are mapped to, and those that the mapper fails on: these keep no other from being heard. */
  async #mapEach(key: string, states: readonly State[]) {
    const requests: Request[] = [];
    const failures: { readonly state: State; readonly error: unknown }[] = [];
    for (const state of states) {
      try {
        const mapping = this.#deps.map(state);
        const mapped: unknown = Array.isArray(mapping) ? mapping : await this.#timed(key, mapping);
        if (!Array.isArray(mapped)) throw new TypeError("a mapper must return a list of requests");
        for (const request of mapped as readonly Request[]) requests.push(request);
      } catch (error) {
        failures.push({ state, error });
      }
    }
    return { requests, failures };
  }

  async #timed(key: string, mapping: unknown): Promise<unknown> {
    const cancel = this.#deps.clock.after(LONG_MAPPING_MS, () => {
      if (!this.#stopped) this.#deps.slow(key);
    });
    try {
      return await mapping;
    } finally {
      cancel();
    }
  }

  /** Behind what failed waits what came meanwhile. */
  #waitAgain(key: string, taken: Waiting<State>): void {
    const newer = this.#waiting.get(key);
    this.#waiting.set(key, taken);
    if (newer !== undefined) this.#wait(key, newer);
    this.#queue.addAfterFailure(key);
  }
}
