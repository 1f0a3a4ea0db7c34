import { type MinimumPosition, StorageError, type TypeQuery } from "@trellis/storage";

import type { RoutingDeps } from "../deps.ts";
import type { ClusterView } from "../servers/cluster-view.ts";
import type { RingBounds } from "./commit-ring.ts";
import { ResumingWatch } from "./resuming-watch.ts";
import { type Reader, SharedWatch } from "./shared-watch.ts";

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

  /** Begins to read the shared watch of a scope, when it has everything after a version. */
  join(query: TypeQuery, since: MinimumPosition, reader: Reader): SharedWatch | undefined {
    const shared = this.#shared.get(scopeText(query));
    if (shared?.covers(since) !== true) return undefined;
    this.#enter(shared, reader);
    return shared;
  }

  /** Shares a watch from now on, unless its scope has one. Throws `resource-exhausted` beyond the bound. */
  share(query: TypeQuery, upstream: ResumingWatch, reader: Reader): SharedWatch | undefined {
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
    const shared = new SharedWatch(upstream, { bounds: this.#bounds, clock: this.#deps.clock }, () => {
      if (this.#shared.get(scope) === shared) this.#shared.delete(scope);
    });
    this.#shared.set(scope, shared);
    this.#enter(shared, reader);
    return shared;
  }

  /** Ends reading. */
  leave(shared: SharedWatch, reader: Reader): void {
    if (!shared.readers.delete(reader) || shared.readers.size > 0 || shared.failure !== undefined) return;
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

  #enter(shared: SharedWatch, reader: Reader): void {
    shared.readers.add(reader);
    this.#lingering.get(shared)?.();
    this.#lingering.delete(shared);
  }
}

function scopeOf({ group, kind, partition, namespace }: TypeQuery): TypeQuery {
  return { group, kind, partition, namespace };
}

function scopeText({ group, kind, partition, namespace }: TypeQuery): string {
  return [group, kind, partition, namespace].join("\0");
}
