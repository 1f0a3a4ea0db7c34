import type { Clock, Random, ResourceType } from "@trellis/resource";

import type { Cache } from "../cache.ts";
import type { Request } from "../controller.ts";
import type { ControllerLog } from "../log.ts";
import type { SourceDefinition } from "../source.ts";
import { MappingQueue } from "./mapping-queue.ts";
import { namedLog } from "./named-log.ts";
import { Supervisor } from "./supervisor.ts";
import type { Priority } from "./work-queue.ts";

/** What a feed runs on. */
export interface SourceFeedDeps {
  readonly managed: ResourceType;
  readonly cache: Cache;
  readonly clock: Clock;
  readonly random: Random;
  /** Names the controller. */
  readonly log: ControllerLog;
  readonly enqueue: (requests: readonly Request[], priority: Priority) => void;
  /** Reconciles everything: the way out when events had to be let go. */
  readonly enqueueAll: () => void;
  /** Told of each failure of the source and of its mapper. */
  readonly failed: (error: unknown) => void;
}

/** Keys of a source that wait for their mapper. Beyond, no more is taken from the source until some have been mapped. */
export const MAX_WAITING_KEYS = 1_024;

/**
 * Reads one source from outside: opened with the token of the last event that was taken, and opened again after an end of whatever kind, with growing waits. Events of one key
 * that wait are mapped together, in order; a mapper that fails is tried again.
 */
export class SourceFeed {
  readonly source: SourceDefinition;
  readonly #log: ControllerLog;
  readonly #queue: MappingQueue<{ readonly event: unknown }>;
  readonly #supervisor: Supervisor;
  #token: string | undefined;
  /** Events taken so far: the keys of those that have none. */
  #taken = 0;
  /** Lets the source go on once there is room again. */
  #roomAgain: (() => void) | undefined;

  constructor(source: SourceDefinition, deps: SourceFeedDeps) {
    this.source = source;
    this.#log = namedLog(deps.log, { source: source.name });
    const { cache, clock, random, managed, enqueue, enqueueAll } = deps;
    this.#queue = new MappingQueue({
      clock,
      random,
      map: ({ event }) => source.map({ event, cache, managed }),
      enqueue,
      enqueueAll,
      failed: (key, error) => {
        deps.failed(error);
        this.#log.warn({ key, err: error }, "a source's mapper failed; it is tried again");
      },
      mapped: () => this.#roomAgain?.(),
    });
    this.#supervisor = new Supervisor({
      clock,
      random,
      run: (signal) => this.#read(signal),
      onEnd: ({ error, waitMs }) => {
        if (error !== undefined) deps.failed(error);
        this.#log.warn({ waitMs, err: error }, "a source ended; it is opened again");
      },
    });
  }

  /** Keys of which not all events have been mapped. */
  get pending(): number {
    return this.#queue.pending;
  }

  start(): void {
    this.#supervisor.start();
  }

  /** Ends the source, without waiting for one that does not heed its signal, and the mapping. */
  async stop(): Promise<void> {
    this.#queue.stop();
    await this.#supervisor.stop();
  }

  async #read(signal: AbortSignal): Promise<void> {
    const opening = { token: this.#token, signal, log: this.#log };
    const events = this.source.open(opening)[Symbol.asyncIterator]();
    const aborted = whenAborted(signal);
    try {
      for (;;) {
        const item = await Promise.race([events.next(), aborted]);
        if (item === undefined || item.done === true) return;
        this.#take(item.value);
        if (this.#queue.pending >= MAX_WAITING_KEYS) await Promise.race([this.#room(), aborted]);
        if (signal.aborted) return;
      }
    } finally {
      // Not waited for: it may be in the midst of something that never ends.
      void Promise.resolve(events.return?.()).catch(() => undefined);
    }
  }

  #take(event: unknown): void {
    const { keyOf, tokenOf } = this.source;
    this.#taken += 1;
    // Boxed: events that are equal are still two, while a state of a resource that comes twice is one.
    this.#queue.add(keyOf?.(event) ?? String(this.#taken), [{ event }], "dependency");
    this.#token = tokenOf?.(event) ?? this.#token;
  }

  #room(): Promise<void> {
    return new Promise((resolve) => {
      this.#roomAgain = () => {
        if (this.#queue.pending >= MAX_WAITING_KEYS) return;
        this.#roomAgain = undefined;
        resolve();
      };
    });
  }
}

function whenAborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
}
