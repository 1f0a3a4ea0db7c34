import { type MinimumPosition, StorageError, type TypeQuery } from "@trellis/storage";
import type { Sleeper, WatchGroup } from "@trellis/storage/watching";

import type { RoutingDeps } from "../deps.ts";
import type { ClusterView } from "../servers/cluster-view.ts";
import type { RingBounds } from "./commit-ring.ts";
import { ResumingWatch } from "./resuming-watch.ts";
import { SharedWatch } from "./shared-watch.ts";

/** How long a shared watch is kept that nobody reads. */
const LINGER_MS = 5_000;
/** Shared watches at once. */
const MAX_SHARED = 1_024;

/** The watches at replicas: one for each type and tenancy scope, whoever reads it. */
export class SharedWatches {
  readonly #deps: RoutingDeps;
  readonly #view: ClusterView;
  readonly #bounds: RingBounds;
  readonly #shared = new Map<string, SharedWatch>();
  readonly #lingering = new Map<SharedWatch, () => void>();

  constructor(deps: RoutingDeps, view: ClusterView, bounds: RingBounds) {
    this.#deps = deps;
    this.#view = view;
    this.#bounds = bounds;
  }

  /** A watch of a scope from a version on, of one reader alone. */
  alone(query: TypeQuery, since: MinimumPosition): ResumingWatch {
    return new ResumingWatch(this.#deps, this.#view, { query: scopeOf(query), since });
  }

  /** The shared watch of a scope, when it has everything after a version. */
  find(query: TypeQuery, since: MinimumPosition): SharedWatch | undefined {
    const shared = this.#shared.get(scopeText(query));
    return shared?.covers(since) === true ? shared : undefined;
  }

  /** Shares a watch from now on, unless its scope has one; who does enters it at once. Throws `resource-exhausted` beyond the bound. */
  share(query: TypeQuery, upstream: ResumingWatch): SharedWatch | undefined {
    const scope = scopeText(query);
    const known = this.#shared.get(scope);
    if (known !== undefined && known.failure === undefined) return undefined;
    if (this.#shared.size >= MAX_SHARED) {
      upstream.close();
      throw new StorageError(
        "resource-exhausted",
        `at most ${MAX_SHARED} types and tenancies are watched at once; close some, or watch all tenancies of a type`,
      );
    }
    const options = { type: query, bounds: this.#bounds, clock: this.#deps.clock };
    const shared = new SharedWatch(upstream, options, () => {
      if (this.#shared.get(scope) === shared) this.#shared.delete(scope);
    });
    this.#shared.set(scope, shared);
    return shared;
  }

  /** Begins to read a shared watch. Returns those who are told of the same. */
  enter(shared: SharedWatch, query: TypeQuery, reader: Sleeper): WatchGroup {
    this.#lingering.get(shared)?.();
    this.#lingering.delete(shared);
    return shared.readers.join(query, reader, shared.ring.next - 1);
  }

  /** Ends reading. */
  leave(shared: SharedWatch, query: TypeQuery, reader: Sleeper): void {
    shared.readers.leave(query, reader);
    if (shared.readers.size > 0 || shared.failure !== undefined || this.#lingering.has(shared)) return;
    const cancel = this.#deps.clock.after(LINGER_MS, () => {
      this.#lingering.delete(shared);
      shared.close();
    });
    this.#lingering.set(shared, cancel);
  }

  close(): void {
    for (const cancel of this.#lingering.values()) cancel();
    this.#lingering.clear();
    for (const shared of this.#shared.values()) shared.close();
  }
}

function scopeOf({ group, kind, partition, namespace }: TypeQuery): TypeQuery {
  return { group, kind, partition, namespace };
}

function scopeText({ group, kind, partition, namespace }: TypeQuery): string {
  return [group, kind, partition, namespace].join("\0");
}
