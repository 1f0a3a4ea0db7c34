import type { DescMessage } from "@bufbuild/protobuf";
import type { ResourceType, TypedResource } from "@trellis/resource";

import type { Index } from "./cache.ts";
import type { ChangeFilter } from "./change.ts";
import type { AbsentContext, InitContext, ReconcileContext, StartContext } from "./context.ts";
import type { Mapper } from "./mapper.ts";
import type { Result } from "./result.ts";
import type { HotLoopLimits } from "./runtime/hot-loops.ts";
import type { GrowingInterval } from "./runtime/work-queue.ts";
import type { SourceDefinition } from "./source.ts";

export type { ControllerLog } from "./log.ts";

/** Names the managed resource to reconcile: it may exist or not. Level-triggered: nothing says what changed. */
export interface Request {
  readonly partition: string;
  readonly namespace: string;
  readonly name: string;
}

/** Stands where a mapper stands: a change concerns every name whose last run looked at what changed. Made by `byReader`. */
export interface ByReader {
  readonly kind: "byReader";
}

/** Reduces a resource to what its readers need of it, to save memory. Returns a new one with the same id, owner, version, generation and metadata. */
export type Transform<Desc extends DescMessage = DescMessage> = (
  resource: TypedResource<Desc>,
) => TypedResource<Desc>;

/** Another type whose changes cause reconciles; made by `watch`. */
export interface WatchDefinition<Desc extends DescMessage = DescMessage> {
  readonly type: ResourceType<Desc>;
  readonly map: Mapper<Desc> | ByReader;
  /** Which changes count: all when absent. */
  readonly when?: ChangeFilter<Desc> | undefined;
  /** Terms on metadata (`a=b,c!=d,e in (x,y),f,!g`): nothing else of the type is watched and cached. All of it when absent. */
  readonly selector?: string | undefined;
  /** What is cached of each resource: all of it when absent. */
  readonly transform?: Transform<Desc> | undefined;
}

/** Where a controller runs: in one process of many (`singleton`), in each (`everyMember`), or with its names spread over several (`sharded`). */
export type ControllerPlacement =
  | "singleton"
  | "everyMember"
  | {
      readonly kind: "everyMember";
      /** Whether it may write, though others like it do so at the same time. */
      readonly writes: boolean;
    }
  | { readonly kind: "sharded"; readonly shards: number };

/** Spreads the names of a controller over that many leases. */
export function sharded(shards: number): ControllerPlacement {
  return { kind: "sharded", shards };
}

/** Runs in each process, under no lease. It writes nothing unless `writes` says that it may. */
export function everyMember({ writes }: { readonly writes: boolean }): ControllerPlacement {
  return { kind: "everyMember", writes };
}

/** How a run ends: with nothing, which is `done`, or with what to do next. */
type Outcome = Promise<Result | void>;

/** A control loop as plain data; made by `defineController`. */
export interface ControllerDefinition<
  Desc extends DescMessage = DescMessage,
  Owned extends ResourceType = ResourceType,
> {
  /** For logs, metrics, and its lease; unique in a cluster. */
  readonly name: string;
  /** What it signs with, `domain/what`: its status, its finalizer, and the children that it made. The name when absent. */
  readonly key?: string | undefined;
  /** The managed type: the one whose names are reconciled. */
  readonly type: ResourceType<Desc>;
  /** Which changes of managed resources cause a run: all when absent. A change of nothing but its own status never does. */
  readonly when?: ChangeFilter<Desc> | undefined;
  /** Types of which the managed resource owns some: a change of one runs its owner, and `children` makes them. */
  readonly owns?: readonly Owned[] | undefined;
  /** Other types that it looks at. A bare type stands for `watch(type, byReader())`. */
  readonly watches?: readonly (WatchDefinition | ResourceType)[] | undefined;
  /** What it listens to outside of the store. */
  readonly sources?: readonly SourceDefinition[] | undefined;
  /** Indexes over the managed, owned and watched types, for mappers and runs. */
  readonly indexes?: readonly Index[] | undefined;
  /** Runs under way at once; one name never runs twice at a time. 1 by default. */
  readonly concurrency?: number | undefined;
  /** How long a run may take, in milliseconds: then its signal is aborted, its calls end, and it has failed. Any time when absent. */
  readonly timeoutMs?: number | undefined;
  /** Delay after the first failure and the longest one, in milliseconds: 5 and 1,000,000 by default. */
  readonly backoff?: { readonly baseMs: number; readonly maxMs: number } | undefined;
  /** How many runs may start in a second, on average, and at once after a pause. As many as can be when absent. */
  readonly rateLimit?: { readonly perSecond: number; readonly burst: number } | undefined;
  /** The time between the starts of two runs of one name, at least, in milliseconds; or one that grows while much changes. 0 by default. */
  readonly minIntervalMs?: number | GrowingInterval | undefined;
  /** How often a name may run within a window before it is slowed down: see `HOT_LOOP_LIMITS`. */
  readonly hotLoop?: Partial<HotLoopLimits> | undefined;
  /** How long after its last success a name runs again though nothing has changed, less 0 to 20 %, in milliseconds; `false` for never. 8 hours by default. */
  readonly resyncMs?: number | false | undefined;
  /** `singleton` by default. */
  readonly placement?: ControllerPlacement | undefined;
  /** Runs before anything else each time that the controller starts. When it fails, the controller starts again after a wait. */
  readonly init?: ((context: InitContext) => Promise<void>) | undefined;
  /** Runs once the caches are full, before the first run. When it fails, the controller starts again after a wait. */
  readonly onStart?: ((context: StartContext) => Promise<void>) | undefined;
  /** Runs after the last run, when `onStart` (if any) had succeeded. Its signal is aborted already. */
  readonly onStop?: ((context: StartContext) => Promise<void>) | undefined;
  /** Looks after a resource that is there and lives. */
  readonly reconcile: (context: ReconcileContext<Desc, Owned>) => Outcome;
  /**
   * Cleans up after a resource that is marked for deletion. With it the runtime adds the finalizer `key` before the first reconcile of each resource; once this returns `done`,
   * the finalizer is removed, which completes the deletion unless others hold it.
   */
  readonly finalize?: ((context: ReconcileContext<Desc, Owned>) => Outcome) | undefined;
  /** Runs for a name of which there is no resource: it was deleted, or a mapper named it. */
  readonly absent?: ((context: AbsentContext) => Outcome) | undefined;
  /** Whether `reconcile` also runs for resources that are marked for deletion and not for `finalize`. False by default. */
  readonly reconcileMarked?: boolean | undefined;
}
