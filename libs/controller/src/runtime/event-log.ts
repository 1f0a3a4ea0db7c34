import type { Clock } from "@trellis/resource";

import type { Request } from "../controller.ts";
import { requestFrom } from "./request-key.ts";

/** Resources of which events are kept; beyond, what was silent the longest is forgotten. */
export const MAX_RESOURCES = 1_000;
/** Different events of one resource that are kept; beyond, the one that was silent the longest is forgotten. */
export const MAX_EVENTS = 16;
/** The longest texts that are kept, in UTF-16 code units. */
const MAX_REASON = 64;
const MAX_MESSAGE = 1_024;

/** Something that controllers told of a resource, however often. */
export interface ResourceEvent {
  readonly controller: string;
  /** `group.version.Kind`. */
  readonly type: string;
  readonly request: Request;
  readonly reason: string;
  readonly message: string;
  readonly count: number;
  /** When it was told for the first and the last time, in milliseconds since 1970. */
  readonly firstMs: number;
  readonly lastMs: number;
}

/** Which events somebody wants to see: all when it is empty. */
export type EventFilter = Partial<Request> & {
  /** `group.version.Kind`. */
  readonly type?: string | undefined;
};

/** What is told. */
export interface ToldEvent {
  readonly controller: string;
  readonly type: string;
  /** The request's key. */
  readonly key: string;
  readonly reason: string;
  readonly message: string;
}

interface Kept {
  readonly told: ToldEvent;
  count: number;
  readonly firstMs: number;
  lastMs: number;
}

/** The events of resources, in this process's memory: bounded, the newest kept. */
export class EventLog {
  readonly #clock: Clock;
  /** By resource, then by what was told; both with what was told last at the end. */
  readonly #resources = new Map<string, Map<string, Kept>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Keeps or counts an event; whether it is a new one. */
  tell({ controller, type, key, reason, message }: ToldEvent): boolean {
    const told = {
      controller,
      type,
      key,
      reason: reason.slice(0, MAX_REASON),
      message: message.slice(0, MAX_MESSAGE),
    };
    const events = this.#eventsOf(`${type}\0${key}`);
    const what = `${controller}\0${told.reason}\0${told.message}`;
    const nowMs = this.#clock.now();
    const known = events.get(what);
    events.delete(what);
    events.set(what, {
      told,
      count: (known?.count ?? 0) + 1,
      firstMs: known?.firstMs ?? nowMs,
      lastMs: nowMs,
    });
    dropOldest(events, MAX_EVENTS);
    return known === undefined;
  }

  /** The events that a filter lets through, the last told first. */
  list({ type, partition, namespace, name }: EventFilter = {}): readonly ResourceEvent[] {
    const all = [...this.#resources.values()].flatMap((events) => [...events.values()].map(resourceEvent));
    return all
      .filter(
        (event) =>
          (type === undefined || event.type === type) &&
          (partition === undefined || event.request.partition === partition) &&
          (namespace === undefined || event.request.namespace === namespace) &&
          (name === undefined || event.request.name === name),
      )
      .sort((a, b) => b.lastMs - a.lastMs);
  }

  #eventsOf(resource: string): Map<string, Kept> {
    const events = this.#resources.get(resource) ?? new Map<string, Kept>();
    this.#resources.delete(resource);
    this.#resources.set(resource, events);
    dropOldest(this.#resources, MAX_RESOURCES);
    return events;
  }
}

function resourceEvent({ told, count, firstMs, lastMs }: Kept): ResourceEvent {
  const { key, ...rest } = told;
  return { ...rest, request: requestFrom(key), count, firstMs, lastMs };
}

function dropOldest(map: Map<string, unknown>, most: number): void {
  for (const [key] of map) {
    if (map.size <= most) return;
    map.delete(key);
  }
}
