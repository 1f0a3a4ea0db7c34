import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import type { Client } from "@trellis/client";
import type { ResourceType, TypedResource } from "@trellis/resource";

import type { Cache } from "./cache.ts";
import type { Request } from "./controller.ts";
import type { ControllerLog } from "./log.ts";

/** What `init` is given: there is no cache yet. */
export interface InitContext {
  readonly client: Client;
  /** Names the controller in every line. */
  readonly log: ControllerLog;
  /** Aborted when the controller stops. */
  readonly signal: AbortSignal;
}

/** What `onStart` and `onStop` are given: the caches are full. */
export interface StartContext extends InitContext {
  readonly cache: Cache;
}

/** What a run is given for a name of which there is no resource. */
export interface AbsentContext {
  readonly request: Request;
  /** The managed, owned and watched types, read only, at least as new as what triggered this run. */
  readonly cache: Cache;
  /** Its calls end with the run's timeout, and when the controller has stopped. */
  readonly client: Client;
  /**
   * Tells people of something that happened to this name, and is no error: shown with the resource for as long as the process keeps it. The same reason and message
   * again are counted, not told again.
   */
  readonly event: (reason: string, message: string) => void;
  /** Names the controller and the request in every line. */
  readonly log: ControllerLog;
  /** Aborted when the controller stops while the run is under way, or when the run has taken too long. What listens to it goes with the run. */
  readonly signal: AbortSignal;
}

/** What a run is given for a resource that is there. */
export interface ReconcileContext<
  Desc extends DescMessage = DescMessage,
  Owned extends ResourceType = ResourceType,
> extends AbsentContext {
  /** The managed resource as the cache has it. Frozen: change a copy. */
  readonly resource: TypedResource<Desc>;
  readonly status: StatusBuilder;
  /** What the resource has of a type that the controller `owns`. */
  readonly children: <T extends Owned>(type: T) => ChildSet<T["schema"]>;
}

/** Whether a condition holds; `unknown` when nobody can say. */
export type ConditionValue = boolean | "unknown";

/** What explains a condition. */
export interface ConditionDetails {
  /** In one word, for programs. */
  readonly reason?: string | undefined;
  /** For people. */
  readonly message?: string | undefined;
  /** What it is about. */
  readonly resource?: TypedResource["id"] | undefined;
}

/**
 * Says how the managed resource is doing, in conditions under the controller's `key`. What was set is written once, when the run has returned, and
 * only when it differs from what is stored. The conditions of one run replace those of the last. A run that sets nothing leaves the status as it is; so does one that
 * throws.
 */
export interface StatusBuilder {
  /** Sets a condition, named so that true is the healthy state. They are kept in the order in which their types were first set. */
  set(type: string, value: ConditionValue, details?: ConditionDetails): void;
  /** Removes the status, unless a condition is set after this. */
  clear(): void;
}

/** One child as it should be. */
export interface ChildInput<Desc extends DescMessage> {
  readonly name: string;
  /** The parent's tenancy when absent. */
  readonly partition?: string | undefined;
  readonly namespace?: string | undefined;
  /** The keys that this controller looks after. Those of others stay. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly data: MessageInitShape<Desc>;
}

/** The resources of one type that the managed resource owns. */
export interface ChildSet<Desc extends DescMessage> {
  /** Those that are there and that this controller made, as the cache has them. */
  list(): readonly TypedResource<Desc>[];
  /**
   * Makes the children what they should be, the whole set of them: writes those that differ, takes over those that others made under the parent, and deletes what this controller
   * made and the list no longer has. Returns them in the order of the list. Throws when a name is taken by what the parent does not own; nothing is written then,
   * and the parent runs again once what has the name changes. Throws, too, when the service refuses some: the others are written first, and none is deleted.
   */
  set(children: readonly ChildInput<Desc>[]): Promise<readonly TypedResource<Desc>[]>;
}
