import { StorageError, type TypeQuery, type Watch, type WatchOptions } from "@trellis/storage";

import type { Marks } from "../calls/mark.ts";
import type { Reads } from "../calls/reads.ts";
import type { RoutingDeps } from "../deps.ts";
import { closed } from "../errors.ts";
import type { ClusterView } from "../servers/cluster-view.ts";
import { RoutedWatch } from "./routed-watch.ts";
import { SharedWatches } from "./shared-watches.ts";

/** The bounds of watches, where they differ from the usual ones. */
export interface WatchBounds {
  readonly watchCommits?: number | undefined;
  readonly watchBytes?: number | undefined;
  readonly watches?: number | undefined;
}

const WATCH_COMMITS = 16_384;
const WATCH_BYTES = 32 * 1024 * 1024;
const WATCHES = 16_384;

/** The open watches of a router. */
export class RoutedWatches {
  readonly #deps: RoutingDeps;
  readonly #view: ClusterView;
  readonly #reads: Reads;
  readonly #mark: Marks;
  readonly #shared: SharedWatches;
  readonly #limit: number;
  readonly #open = new Set<RoutedWatch>();

  constructor(
    deps: RoutingDeps,
    { view, reads, mark }: { readonly view: ClusterView; readonly reads: Reads; readonly mark: Marks },
    { watchCommits = WATCH_COMMITS, watchBytes = WATCH_BYTES, watches = WATCHES }: WatchBounds,
  ) {
    this.#deps = deps;
    this.#view = view;
    this.#reads = reads;
    this.#mark = mark;
    this.#limit = watches;
    this.#shared = new SharedWatches(deps, view, { commits: watchCommits, bytes: watchBytes });
  }

  /** Opens a watch. Throws `unavailable` when closed, `resource-exhausted` beyond the bound. */
  open(query: TypeQuery, options: WatchOptions = {}): Watch {
    if (this.#view.isStopped) throw closed();
    if (this.#open.size >= this.#limit) {
      throw new StorageError(
        "resource-exhausted",
        `at most ${this.#limit} watches are open at once, found as many; close some, or share one among readers`,
      );
    }
    const { clock } = this.#deps;
    const parts = { clock, reads: this.#reads, shared: this.#shared, mark: this.#mark };
    const watch = new RoutedWatch({ ...parts, onEnd: (ended) => this.#open.delete(ended) }, query, options);
    if (options.signal?.aborted !== true) this.#open.add(watch);
    return watch;
  }

  close(): void {
    for (const watch of this.#open)
      watch.fail(new StorageError("watch-closed", "the backend was closed; watch again when it is back"));
    this.#shared.close();
  }
}
