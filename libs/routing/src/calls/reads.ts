import {
  type Key,
  type ListOptions,
  type ListResult,
  type OwnerQuery,
  type Position,
  type ReadOptions,
  type ReadResult,
  StorageError,
  type TypeQuery,
  type Version,
  type WithoutWaiting,
} from "@trellis/storage";
import type { StorageLink } from "@trellis/storage/wire";

import { hasCode } from "../errors.ts";
import type { ClusterView } from "../servers/cluster-view.ts";
import type { LeaderCalls } from "./leader-calls.ts";
import type { Marks } from "./mark.ts";
import type { NearCalls } from "./near-calls.ts";

/** What reads go through. */
export interface ReadsDeps {
  readonly view: ClusterView;
  readonly leader: LeaderCalls;
  readonly near: NearCalls;
  readonly mark: Marks;
}

/** Versions of which it is remembered who served the first page. */
const MAX_PAGE_SERVERS = 256;

/** A replica answers a read in a millisecond, and a list of many records in a few hundred; whoever takes so long is held up. */
const SLOW_READ_MS = 1_000;
const SLOW_LIST_MS = 5_000;

/** Reads and lists: strong ones at the leader, others near by and never older than what was shown before. */
export class Reads {
  readonly #deps: ReadsDeps;
  /** Addresses of who served a list that goes on, by its version, from the oldest on. */
  readonly #pageServers = new Map<Version, string>();

  constructor(deps: ReadsDeps) {
    this.#deps = deps;
  }

  /** A read at once, where whoever is to be asked is in this process and need not wait for anything; undefined otherwise. */
  readNow(key: Key, { consistency, minimum }: WithoutWaiting = {}): ReadResult | undefined {
    const { view, mark } = this.#deps;
    const isStrong = consistency === "strong";
    const link = (isStrong ? view.leader : view.near())?.link;
    const options = { consistency, minimum: isStrong ? minimum : mark.atLeast(minimum) };
    const result = link === undefined ? undefined : grantedNow(link, key, options);
    if (result === undefined || view.store.isOther(result.position)) return undefined;
    mark.shows(result.position);
    return result;
  }

  read(key: Key, options: ReadOptions = {}): Promise<ReadResult> {
    const { leader, near, mark } = this.#deps;
    const { minimum } = options;
    const what = "the read";
    const shown = (result: ReadResult): ReadResult => {
      mark.shows(result.position);
      return result;
    };
    if (options.consistency === "strong") {
      return leader
        .call({
          what,
          isRepeatable: true,
          wait: options,
          run: (link, signal) => link.read(key, { consistency: "strong", minimum, signal }),
        })
        .then(shown);
    }
    return near
      .call({
        what,
        wait: options,
        slowAfterMs: SLOW_READ_MS,
        run: (link, signal) =>
          link.read(key, { signal, minimum: mark.atLeast(minimum) }).then((result) => this.#believed(result)),
      })
      .then(shown, (error: unknown) => Promise.reject(this.#ended(error, options)));
  }

  async list(query: TypeQuery | OwnerQuery, options: ListOptions = {}): Promise<ListResult> {
    const { leader, near, mark } = this.#deps;
    const { atVersion } = options;
    const what = "the list";
    if (options.consistency === "strong") {
      const result = await leader.call({
        what,
        isRepeatable: true,
        wait: options,
        run: (link, ending) => link.list(query, { ...options, signal: ending }),
      });
      if (atVersion === undefined) mark.shows(result.position);
      return result;
    }
    const minimum =
      atVersion === undefined ? mark.atLeast(options.minimum) : this.#reaches(atVersion, options);
    const first = atVersion === undefined ? undefined : this.#pageServers.get(atVersion);
    const result = await near
      .call({
        what,
        wait: options,
        slowAfterMs: SLOW_LIST_MS,
        preferred: first === undefined ? undefined : this.#deps.view.at(first),
        run: async (link, ending, server) => {
          const found = this.#believed(await link.list(query, { ...options, minimum, signal: ending }));
          if (found.more) this.#remember(found.position.version, server.address);
          return found;
        },
      })
      .catch((error: unknown) => Promise.reject(this.#ended(error, options)));
    if (atVersion === undefined) mark.shows(result.position);
    return result;
  }

  /** A replica that has not come to the version of a page waits for it, if there is such a version. */
  #reaches(version: Version, { minimum }: ListOptions): ListOptions["minimum"] {
    const { view, mark } = this.#deps;
    if (minimum !== undefined) return minimum;
    const known = Math.max(view.newest()?.version ?? 0, mark.position?.version ?? 0);
    return version <= known ? { version } : undefined;
  }

  #remember(version: Version, address: string): void {
    this.#pageServers.delete(version);
    this.#pageServers.set(version, address);
    if (this.#pageServers.size <= MAX_PAGE_SERVERS) return;
    for (const oldest of this.#pageServers.keys()) {
      this.#pageServers.delete(oldest);
      return;
    }
  }

  /** What a replica of another store shows is not passed on. */
  #believed<T extends { readonly position: Position }>(result: T): T {
    if (!this.#deps.view.store.isOther(result.position)) return result;
    throw new StorageError(
      "unavailable",
      "the replica shows a store that was replaced since, or that of another cluster; ask another",
    );
  }

  /** A caller that ended its wait for a position is told so. */
  #ended(error: unknown, options: ReadOptions): unknown {
    const { minimum } = options;
    if (minimum === undefined || !hasCode(error, "aborted", "unavailable")) return error;
    if ((options.caller ?? options.signal)?.aborted !== true) return error;
    return new StorageError(
      "version-not-reached",
      `expected version ${minimum.version} in time, the newest known is ${this.#deps.view.newest()?.version ?? "none"}; try again`,
      { cause: error },
    );
  }
}

/** What is read at once. Where whoever is asked has nothing to serve, a read that waits asks the others. */
function grantedNow(link: StorageLink, key: Key, options: WithoutWaiting): ReadResult | undefined {
  try {
    return link.readNow?.(key, options);
  } catch (error) {
    if (hasCode(error, "unavailable")) return undefined;
    throw error;
  }
}
