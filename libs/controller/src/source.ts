import type { ResourceType } from "@trellis/resource";

import type { Cache } from "./cache.ts";
import type { Request } from "./controller.ts";
import type { ControllerLog } from "./log.ts";

/** How a source is opened. */
export interface SourceOpening {
  /** The token of the last event that was taken; undefined at the first opening since the controller started in this process, as after a lease was lost. Go on after it. */
  readonly token: string | undefined;
  /** Aborted when nobody listens any more: end the iteration then. */
  readonly signal: AbortSignal;
  readonly log: ControllerLog;
}

/** An event of a source, as its mapper sees it. */
export interface SourceInput<Event> {
  readonly event: Event;
  readonly cache: Cache;
  /** The type that the controller manages. */
  readonly managed: ResourceType;
}

/**
 * Something outside of the store whose events cause reconciles; made by `source`. It is opened when the controller starts and again, with growing waits, when it ends or fails.
 */
export interface SourceDefinition<Event = unknown> {
  /** For logs; unique in its controller. */
  readonly name: string;
  readonly open: (opening: SourceOpening) => AsyncIterable<Event>;
  /** Says which managed resources an event concerns. May be async; an error is retried. */
  readonly map: (input: SourceInput<Event>) => readonly Request[] | Promise<readonly Request[]>;
  /**
   * What an event is about: events of one key that wait are mapped together, in order; one on which `map` failed comes again
   * behind those. Each is on its own when absent, or when this fails.
   */
  readonly keyOf?: ((event: Event) => string) | undefined;
  /** Where to go on after an event; after the one before it when this fails. A source without tokens begins anew each time. */
  readonly tokenOf?: ((event: Event) => string | undefined) | undefined;
}

/** Checks a source at its definition. Throws TypeError for one that could not run. */
export function source<Event>(definition: SourceDefinition<Event>): SourceDefinition {
  const { name, open, map, keyOf, tokenOf } = definition;
  if (typeof name !== "string" || name.trim() === "") throw new TypeError("a source needs a name: add name");
  for (const [part, value] of Object.entries({ open, map, keyOf, tokenOf }))
    if (typeof value !== "function" && !(part.endsWith("Of") && value === undefined))
      throw new TypeError(`source "${name}": ${part} must be a function, found ${typeof value}`);
  return definition as unknown as SourceDefinition;
}
