import {
  type Backend,
  type Position,
  REPLICATED,
  type Session,
  type SessionedCommits,
  StorageError,
  type Submitted,
} from "@trellis/storage";
import type { OpenStorageLink, ServerStatus, StatusSource } from "@trellis/storage/wire";

import { commitBytes } from "./calls/commit-bytes.ts";
import { NO_MARK } from "./calls/mark.ts";
import type { LeaderCalls } from "./calls/leader-calls.ts";
import type { RoutingDeps } from "./deps.ts";
import { createRouting, positionOf, reachedBy, type RoutingConfig, waitsFor } from "./routed-backend.ts";
import type { ClusterView } from "./servers/cluster-view.ts";

/** Where the storage is, and who forwards. */
export interface ForwarderConfig extends RoutingConfig {
  /** For logs and statuses. */
  readonly name: string;
}

/** A router for others: what it serves, and what it says of itself. */
export interface Forwarder {
  readonly endpoint: Backend & SessionedCommits;
  readonly status: StatusSource;
  /** What calls wait for, in words; undefined while a leader and a replica are known. */
  waitsFor(): string | undefined;
  /** The address of the leader, or else of a replica near by; undefined while none is reached. */
  reached(): string | undefined;
  /** Says from now on that it is about to stop. */
  announceStop(): void;
  /** Ends all that is under way. */
  close(): Promise<void>;
}

/**
 * Forwards calls to the storage nodes. What it has not sent waits for a leader; a commit that it has sent is never sent again, since only its origin knows
 * whether it may be: a lost answer is `outcome-unknown`. Sessions pass through.
 */
export function createForwarder(deps: RoutingDeps, config: ForwarderConfig): Forwarder {
  // Its callers say themselves how new an answer must be.
  const { view, leader, reads, watches } = createRouting(
    { ...deps, openLink: toNodes(deps.openLink) },
    config,
    () => NO_MARK,
  );
  const status = new ForwarderStatus(deps, view, config.name);
  view.start();
  const close = async (): Promise<void> => {
    status.close();
    watches.close();
    view.stop();
  };
  return {
    endpoint: {
      capabilities: REPLICATED,
      position: () => positionOf(view, undefined),
      read: (key, options) => reads.read(key, options),
      list: (query, options) => reads.list(query, options),
      watch: (query, options) => watches.open(query, options),
      ...commitsThrough(leader),
      close,
    },
    status,
    waitsFor: () => waitsFor(view),
    reached: () => reachedBy(view),
    announceStop: () => status.announceStop(),
    close,
  };
}

/** Links to storage nodes only: forwarders that went to each other would pass calls round in a circle, and each take the other for a leader. */
function toNodes(openLink: OpenStorageLink): OpenStorageLink {
  return async (address, signal) => {
    const link = await openLink(address, signal);
    if (link.status.role !== "forwarder") return link;
    const { name } = link.status;
    await link.close();
    throw new StorageError("unsupported", `it is a forwarder, ${name}; expected a storage node: name those`);
  };
}

function commitsThrough(leader: LeaderCalls): Pick<Backend, "commit"> & SessionedCommits {
  return {
    commit: (operations, options = {}) =>
      leader.call({
        what: options.evaluateOnly === true ? "the evaluation" : "the commit",
        isRepeatable: options.evaluateOnly === true || operations.every(({ kind }) => kind === "check"),
        bytes: commitBytes(operations),
        wait: options,
        run: (link, signal) => link.commit(operations, { evaluateOnly: options.evaluateOnly, signal }),
      }),
    submit: (request, operations, options = {}) =>
      leader.call<Submitted>({
        what: "the commit",
        isRepeatable: false,
        bytes: commitBytes(operations),
        wait: options,
        run: (link, ending) => link.submit(request, operations, { signal: ending, encoded: options.encoded }),
      }),
    openSession: (id, options = {}) =>
      leader.call<Session>({
        what: "the opening of a session",
        isRepeatable: true,
        wait: options,
        run: (link, ending) => link.openSession(id, { signal: ending }),
      }),
    keepAlive: (session, options = {}) =>
      leader.call({
        what: "a sign of life",
        isRepeatable: true,
        wait: options,
        run: (link, ending) => link.keepAlive(session, { signal: ending }),
      }),
  };
}

/** What a forwarder says of itself, from what its servers say. */
class ForwarderStatus implements StatusSource {
  readonly #deps: RoutingDeps;
  readonly #view: ClusterView;
  readonly #name: string;
  readonly #listeners = new Set<() => void>();
  readonly #stopListening: () => void;
  #isStopping = false;
  #leaderlessSinceMs: number | undefined;
  #told = "";

  constructor(deps: RoutingDeps, view: ClusterView, name: string) {
    this.#deps = deps;
    this.#view = view;
    this.#name = name;
    this.#leaderlessSinceMs = deps.clock.monotonic();
    this.#stopListening = view.onChange(() => this.#changed());
  }

  status(): ServerStatus {
    const leader = this.#view.leader?.link.status;
    const near = this.#view.near()?.link.status;
    const sinceMs = this.#leaderlessSinceMs;
    return {
      role: "forwarder",
      clusterId: (leader ?? near)?.clusterId ?? "",
      nodeId: 0,
      name: this.#name,
      position: near?.position satisfies Position | undefined,
      term: leader?.term ?? near?.term ?? 0,
      leaderId: leader?.leaderId,
      takesCommits: leader !== undefined,
      leaderlessMs: sinceMs === undefined ? 0 : Math.round(this.#deps.clock.monotonic() - sinceMs),
      isStopping: this.#isStopping,
      members: [],
    };
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  announceStop(): void {
    this.#isStopping = true;
    this.#changed();
  }

  close(): void {
    this.#stopListening();
    this.#listeners.clear();
  }

  #changed(): void {
    if (this.#view.leader !== undefined) this.#leaderlessSinceMs = undefined;
    else this.#leaderlessSinceMs ??= this.#deps.clock.monotonic();
    const { clusterId, term, leaderId, takesCommits, isStopping, position } = this.status();
    const telling = JSON.stringify([clusterId, term, leaderId, takesCommits, isStopping, position?.storeId]);
    if (telling === this.#told) return;
    this.#told = telling;
    for (const listener of this.#listeners) listener();
  }
}
