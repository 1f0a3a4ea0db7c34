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
  readonly #failed: SourceFeedDeps["failed"];
  readonly #queue: MappingQueue<{ readonly event: unknown }>;
  readonly #supervisor: Supervisor;
  #token: string | undefined;
  /** Events taken so far: the keys of those that have none. */
  #taken = 0;
  /** Lets the source go on once there is room again. */
  #roomAgain: (() => void) | undefined;

  constructor(source: SourceDefinition, deps: SourceFeedDeps) {
    this.source = source;
    this.#failed = deps.failed;
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
      slow: (key) =>
        this.#log.warn({ key }, "a source's mapper takes long; until it ends no other event is mapped"),
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
    try {
      for (;;) {
        const item = await unlessAborted(events.next(), signal);
        if (item === undefined || item.done === true) return;
        this.#take(item.value);
        if (this.#queue.pending >= MAX_WAITING_KEYS) await unlessAborted(this.#room(), signal);
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
    const key = this.#told(() => keyOf?.(event)) ?? String(this.#taken);
    // Boxed: events that are equal are still two, while a state of a resource that comes twice is one.
    this.#queue.add(key, [{ event }], "dependency");
    this.#token = this.#told(() => tokenOf?.(event)) ?? this.#token;
  }

  /** What a function tells of an event. One that fails does without: a source that ended for it would come to the same event again, and never past it. */
  #told(tell: () => string | undefined): string | undefined {
    try {
      return tell();
    } catch (error) {
      this.#failed(error);
      this.#log.warn(
        { err: error },
        "the key or the token of a source's event cannot be told; it goes on without",
      );
      return undefined;
    }
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

/**
 * What something comes to, or undefined as soon as the signal is aborted. Not a race with one promise for the whole life of the source: that would keep each event that it was
 * raced with.
 */
function unlessAborted<T>(coming: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const end = (): void => resolve(undefined);
    if (signal.aborted) end();
    signal.addEventListener("abort", end, { once: true });
    Promise.resolve(coming)
      .then(resolve, reject)
      .finally(() => signal.removeEventListener("abort", end));
  });
}
