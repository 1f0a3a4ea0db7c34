import {
  type Backend,
  checkOperations,
  type CommitOptions,
  type CommitResult,
  type Key,
  type ListOptions,
  type ListResult,
  type Operation,
  type OwnerQuery,
  type Position,
  type ReadOptions,
  type ReadResult,
  REPLICATED,
  StorageError,
  type TypeQuery,
  type Watch,
  type WatchOptions,
  type WithoutWaiting,
} from "@trellis/storage";

import { commitBytes } from "./calls/commit-bytes.ts";
import { LeaderCalls } from "./calls/leader-calls.ts";
import { Mark, type Marks } from "./calls/mark.ts";
import { NearCalls } from "./calls/near-calls.ts";
import { OriginCommits, resultOf } from "./calls/origin-commits.ts";
import { Reads } from "./calls/reads.ts";
import type { RoutingDeps } from "./deps.ts";
import { closed } from "./errors.ts";
import { ClusterView } from "./servers/cluster-view.ts";
import { RoutedWatches } from "./watches/routed-watches.ts";

/** Where the storage is, and the bounds of what is kept here. */
export interface RoutingConfig {
  /** `host:port` of storage nodes or forwarders, the nearest first. Members of the cluster that nodes name are used as well. */
  readonly servers: readonly string[];
  /** Commits of one watched type and tenancy that are kept for those who read them slowly; 16,384 and 32 MiB when left out. */
  readonly watchCommits?: number | undefined;
  readonly watchBytes?: number | undefined;
  /** Open watches; 10,000 when left out. */
  readonly watches?: number | undefined;
}

/** The storage of a cluster as a backend. */
export interface RoutedBackend extends Backend {
  /** What calls wait for, in words; undefined while a leader and a replica are known. */
  waitsFor(): string | undefined;
  /** The address of the leader, or else of a replica near by; undefined while none is reached. */
  reached(): string | undefined;
}

/** What routers are made of, each with its own view of the cluster. */
export interface Routing {
  readonly view: ClusterView;
  readonly leader: LeaderCalls;
  readonly reads: Reads;
  readonly watches: RoutedWatches;
}

/** Puts together what routers share. */
export function createRouting(
  deps: RoutingDeps,
  config: RoutingConfig,
  markOf: (view: ClusterView) => Marks,
): Routing & { readonly mark: Marks } {
  const view = new ClusterView(deps, config.servers);
  const leader = new LeaderCalls(deps, view);
  const near = new NearCalls(deps, view);
  const mark = markOf(view);
  const reads = new Reads({ view, leader, near, mark });
  const watches = new RoutedWatches(deps, { view, reads, mark }, config);
  return { view, leader, reads, watches, mark };
}

/** What routers wait for: to serve all calls they need a leader, and a replica to read. */
export function waitsFor(view: ClusterView): string | undefined {
  if (view.leader === undefined) return view.waitsFor("leader");
  return view.near() === undefined ? view.waitsFor("replica") : undefined;
}

/** Who takes commits, or else shows the store, by address. */
export function reachedBy(view: ClusterView): string | undefined {
  return (view.leader ?? view.near())?.server.address;
}

/** The backend of an origin: its commits have sessions, and its reads are never older than what it showed before. */
class Routed implements RoutedBackend {
  readonly capabilities = REPLICATED;
  readonly #routing: Routing & { readonly mark: Marks };
  readonly #commits: OriginCommits;

  constructor(deps: RoutingDeps, config: RoutingConfig) {
    this.#routing = createRouting(deps, config, (view) => new Mark(view.store));
    this.#commits = new OriginCommits(deps, this.#routing.view, this.#routing.leader);
    this.#routing.view.start();
  }

  waitsFor(): string | undefined {
    return waitsFor(this.#routing.view);
  }

  reached(): string | undefined {
    return reachedBy(this.#routing.view);
  }

  position(): Position {
    return positionOf(this.#routing.view, this.#routing.mark.position);
  }

  read(key: Key, options?: ReadOptions): Promise<ReadResult> {
    return this.#routing.reads.read(key, options);
  }

  readNow(key: Key, options?: WithoutWaiting): ReadResult | undefined {
    if (this.#routing.view.isStopped) throw closed();
    return this.#routing.reads.readNow(key, options);
  }

  list(query: TypeQuery | OwnerQuery, options?: ListOptions): Promise<ListResult> {
    return this.#routing.reads.list(query, options);
  }

  watch(query: TypeQuery, options?: WatchOptions): Watch {
    return this.#routing.watches.open(query, options);
  }

  async commit(operations: readonly Operation[], options: CommitOptions = {}): Promise<CommitResult> {
    checkOperations(operations);
    if (this.#routing.view.isStopped) throw closed();
    if (options.evaluateOnly === true || operations.every(({ kind }) => kind === "check")) {
      return await this.#routing.leader.call({
        what: "the evaluation",
        isRepeatable: true,
        isOfStore: true,
        bytes: commitBytes(operations),
        wait: options,
        run: (link, signal) => link.commit(operations, { evaluateOnly: true, signal }),
      });
    }
    const answer = await this.#commits.commit(operations, options);
    if (answer.outcome === "applied") return { outcome: "applied", version: answer.version };
    return await resultOf(answer, operations, async ({ key }) => {
      const { record, position } = await this.read(key, { consistency: "strong", signal: options.signal });
      return { current: record, version: position.version };
    });
  }

  async close(): Promise<void> {
    this.#routing.watches.close();
    this.#commits.close();
    this.#routing.view.stop();
  }
}

/** The newest of what was shown and what the replica near by has. Throws `unavailable` while nothing is known of a store. */
export function positionOf(view: ClusterView, shown: Position | undefined): Position {
  const near = view.near()?.link.status.position;
  const position = shown !== undefined && (near === undefined || near.version < shown.version) ? shown : near;
  if (position !== undefined) return position;
  throw new StorageError(
    "unavailable",
    `no store is known yet: waits for ${waitsFor(view) ?? "a replica"}; try again`,
  );
}

/** Opens the storage of a cluster as a backend. It is there at once; calls are held until a server is. */
export function createRoutedBackend(deps: RoutingDeps, config: RoutingConfig): RoutedBackend {
  return new Routed(deps, config);
}
