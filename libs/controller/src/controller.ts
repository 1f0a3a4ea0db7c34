import type { DescMessage } from "@bufbuild/protobuf";
import type { Client } from "@trellis/client";
import type { ResourceType, TypedResource } from "@trellis/resource";

import type { Cache, Index } from "./cache.ts";
import type { Mapper } from "./mapper.ts";

/** Names the managed resource to reconcile: it may exist or not. Level-triggered: nothing says what changed. */
export interface Request {
  readonly partition: string;
  readonly namespace: string;
  readonly name: string;
}

/** Where a controller logs. The message is constant; what varies goes into the fields. */
export interface ControllerLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What a reconcile is given. */
export interface ReconcileContext<Desc extends DescMessage> {
  readonly request: Request;
  /** The managed resource as the cache has it; undefined when there is none. */
  readonly resource: TypedResource<Desc> | undefined;
  /** The managed and watched types, read only, at least as new as what triggered this run. */
  readonly cache: Cache;
  readonly client: Client;
  readonly log: ControllerLog;
  /** Aborted when the controller stops. */
  readonly signal: AbortSignal;
}

/**
 * What to do next. Nothing (or `done`): wait for the next change. `after`: run again then, without counting a failure. A throw, or
 * `retry`: run again with backoff. `terminal`: do not run again until something changes.
 */
export type Result =
  | { readonly kind: "done" }
  | { readonly kind: "after"; readonly delayMs: number }
  | { readonly kind: "retry"; readonly error: unknown }
  | { readonly kind: "terminal"; readonly error: unknown };

/** The results by name. */
export const done: Result = { kind: "done" };
/** Runs again after `delayMs`. */
export function after(delayMs: number): Result {
  return { kind: "after", delayMs };
}
/** Runs again with backoff. */
export function retry(error: unknown): Result {
  return { kind: "retry", error };
}
/** Does not run again until something changes. */
export function terminal(error: unknown): Result {
  return { kind: "terminal", error };
}

/** Another type whose changes cause reconciles; made by `watch`. */
export interface WatchDefinition<Desc extends DescMessage = DescMessage> {
  readonly type: ResourceType<Desc>;
  readonly map: Mapper<Desc>;
}

/** A control loop as plain data; made by `defineController`. */
export interface ControllerDefinition<Desc extends DescMessage = DescMessage> {
  /** For logs, metrics, and its lease; unique in a cluster. */
  readonly name: string;
  /** The managed type: the one whose names are reconciled. */
  readonly type: ResourceType<Desc>;
  readonly watches?: readonly WatchDefinition[];
  /** Indexes over the managed and watched types, for mappers and reconcile. */
  readonly indexes?: readonly Index[];
  /** Reconciles under way at once; one name never runs twice at a time. 1 by default. */
  readonly concurrency?: number;
  /** Delay after the first failure and the longest one, in milliseconds: 5 and 1,000,000 by default. */
  readonly backoff?: { readonly baseMs: number; readonly maxMs: number };
  readonly reconcile: (context: ReconcileContext<Desc>) => Promise<Result | void>;
}
