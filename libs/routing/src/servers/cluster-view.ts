import { Linked, LinkedItems } from "@trellis/resource";
import type { Position } from "@trellis/storage";
import type { StorageLink } from "@trellis/storage/wire";

import type { RoutingDeps } from "../deps.ts";
import { findLeader } from "./find-leader.ts";
import { LinkedServer } from "./linked-server.ts";
import { StoreIdentity } from "./store-identity.ts";

/** A server with an open link. */
export interface Reached {
  readonly server: LinkedServer;
  readonly link: StorageLink;
}

/** One who is told of changes. */
export abstract class ViewListener extends Linked {
  abstract tell(): void;
}

/** One who is told by a call. */
class Listener extends ViewListener {
  readonly #listener: () => void;

  constructor(listener: () => void) {
    super();
    this.#listener = listener;
  }

  override tell(): void {
    this.#listener();
  }
}

/** Servers that are learnt from statuses, beside those of the configuration. */
const MAX_LEARNT = 16;
/** A replica that has known of no leader for so long shows the past. */
const LEADERLESS_MS = 5_000;
/** A replica that is so many versions behind the newest known one shows the past. */
const LAG_VERSIONS = 10_000;

/** The servers of one cluster, as their links and statuses show them: who leads, and who shows the store. */
export class ClusterView {
  /** Which store the cluster has. */
  readonly store: StoreIdentity;
  readonly #deps: RoutingDeps;
  /** By address: those of the configuration first, in its order. */
  readonly #servers = new Map<string, LinkedServer>();
  readonly #listeners = new LinkedItems<ViewListener>();
  /** The other stores that were told of, by address. */
  readonly #strangers = new Map<string, string>();
  #leader: Reached | undefined;
  #isStopped = false;

  constructor(deps: RoutingDeps, addresses: readonly string[]) {
    this.#deps = deps;
    this.store = new StoreIdentity((storeId, former) =>
      deps.onEvent?.({ kind: "store-changed", storeId, former }),
    );
    for (const address of addresses) this.#add(address, true);
  }

  /** Who takes commits; undefined while nobody is known to. */
  get leader(): Reached | undefined {
    return this.#leader;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  start(): void {
    for (const server of this.#servers.values()) server.start();
  }

  stop(): void {
    this.#isStopped = true;
    for (const server of this.#servers.values()) server.stop();
    this.#leader = undefined;
    this.#tell();
  }

  /** Told after every change of a link or a status; the answer ends that. */
  onChange(listener: () => void): () => void {
    const listed = new Listener(listener);
    this.listen(listed);
    return () => this.unlisten(listed);
  }

  /** The same, for who is one of many. */
  listen(listener: ViewListener): void {
    this.#listeners.add(listener);
  }

  unlisten(listener: ViewListener): void {
    this.#listeners.remove(listener);
  }

  /**
   * A replica near by that shows the present, the first of the configuration that does, and sooner one that knows of a leader and is not slow: what is asked of one that
   * has just come back waits until it has heard what it missed. Without one, any that shows the store at all.
   */
  near(except?: ReadonlySet<LinkedServer>): Reached | undefined {
    const newest = this.newest()?.version ?? 0;
    let current: Reached | undefined;
    let last: Reached | undefined;
    for (const server of this.#servers.values()) {
      if (except?.has(server) === true) continue;
      const { link } = server;
      const position = link?.status.position;
      if (link === undefined || position === undefined || this.store.isOther(position)) continue;
      if (isCurrent(link, newest)) {
        if (link.status.leaderId !== undefined && !server.isSlow) return { server, link };
        current ??= { server, link };
      } else if (last === undefined || (last.link.status.isStopping && !link.status.isStopping))
        last = { server, link };
    }
    return current ?? last;
  }

  /** The server of an address, while it is linked. */
  at(address: string): Reached | undefined {
    const server = this.#servers.get(address);
    return server?.link === undefined ? undefined : { server, link: server.link };
  }

  /** Whether what is asked of a link would better be asked elsewhere: it shows the past, and another does not. */
  isOutdone({ server, link }: Reached): boolean {
    const newest = this.newest()?.version ?? 0;
    if (server.link === link && isCurrent(link, newest)) return false;
    const other = this.near(new Set([server]));
    return other !== undefined && isCurrent(other.link, newest);
  }

  /** The newest position of the store that a server has said. */
  newest(): Position | undefined {
    let newest: Position | undefined;
    for (const { status } of this.#servers.values()) {
      const position = status?.position;
      if (position === undefined || this.store.isOther(position)) continue;
      if (newest === undefined || position.version > newest.version) newest = position;
    }
    return newest;
  }

  /** What a caller without a leader, or without a replica, waits for. */
  waitsFor(what: "leader" | "replica"): string {
    const servers = [...this.#servers.values()];
    const linked = servers.filter(({ link }) => link !== undefined);
    if (linked.length === 0) {
      const troubles = servers.map(({ address, trouble }) => `${address} (${trouble})`);
      return `a storage server to answer: ${troubles.join(", ")}`;
    }
    const names = linked.map(({ address }) => address).join(", ");
    return what === "leader"
      ? `a leader: ${names} ${linked.length === 1 ? "knows" : "know"} of none`
      : `a replica with a store: ${names} ${linked.length === 1 ? "has" : "have"} none to show`;
  }

  #add(address: string, isConfigured: boolean): LinkedServer {
    const server = new LinkedServer(this.#deps, { address, isConfigured }, () => this.#changed());
    this.#servers.set(address, server);
    return server;
  }

  #changed(): void {
    if (this.#isStopped) return;
    this.#learn();
    const found = this.#findLeader();
    const link = found?.link;
    const before = this.#leader;
    this.#leader = found === undefined || link === undefined ? undefined : { server: found, link };
    if (this.#leader !== undefined) {
      const { position } = this.#leader.link.status;
      if (position !== undefined) this.store.saw(position);
    } else if (this.store.id === undefined) {
      const newest = this.newest();
      if (newest !== undefined) this.store.saw(newest);
    }
    this.#report(before);
    this.#reportStrangers();
    this.#tell();
  }

  /**
   * Who leads, of those that show the store that is known here or none yet. Only when none of them does, another store's leader: the storage was restored, or
   * recovered. Terms of different clusters say nothing of each other. A former store's leader is never gone back to.
   */
  #findLeader(): LinkedServer | undefined {
    const isLeft = ({ status }: LinkedServer): boolean =>
      status?.position !== undefined && this.store.isFormer(status.position);
    const servers = [...this.#servers.values()].filter((server) => !isLeft(server));
    return findLeader(servers.filter((server) => this.#isOwn(server))) ?? findLeader(servers);
  }

  /** Whether a server shows the store that is known here, as far as it shows one. */
  #isOwn({ status }: LinkedServer): boolean {
    return status?.position === undefined || !this.store.isOther(status.position);
  }

  #report(before: Reached | undefined): void {
    const { onEvent } = this.#deps;
    const now = this.#leader;
    if (now?.link === before?.link) return;
    if (now === undefined) onEvent?.({ kind: "leader-lost", reason: this.waitsFor("leader") });
    else onEvent?.({ kind: "leader-known", address: now.server.address, term: now.link.status.term });
  }

  /** Says of each server that shows another store, once, that it does: a configuration names it by mistake, or it was left behind by a restore. */
  #reportStrangers(): void {
    for (const { address, status } of this.#servers.values()) {
      const position = status?.position;
      if (position === undefined || !this.store.isOther(position)) continue;
      if (this.#strangers.get(address) === position.storeId) continue;
      this.#strangers.set(address, position.storeId);
      const reason = `it shows the store ${position.storeId}, expected ${this.store.id}; leave it out, or give it an empty directory and --join`;
      this.#deps.onEvent?.({ kind: "server-of-other-store", address, reason });
    }
    for (const address of this.#strangers.keys())
      if (!this.#servers.has(address)) this.#strangers.delete(address);
  }

  /** Goes to the members of the cluster that the nodes name, and forgets those that it went to which are none any more. */
  #learn(): void {
    const nodes = [...this.#servers.values()]
      .filter((server) => this.#isOwn(server))
      .flatMap(({ status }) => (status?.role === "node" ? [status] : []));
    const informed = nodes.reduce<(typeof nodes)[number] | undefined>(
      (best, status) => (best === undefined || status.term > best.term ? status : best),
      undefined,
    );
    if (informed === undefined || informed.members.length === 0) return;
    const reached = new Set(nodes.map(({ nodeId }) => nodeId));
    const members = new Set(informed.members.map(({ address }) => address));
    let learnt = 0;
    for (const [address, server] of this.#servers) {
      if (server.isConfigured) continue;
      learnt++;
      if (members.has(address) || server.link !== undefined) continue;
      server.stop();
      this.#servers.delete(address);
      learnt--;
    }
    for (const { nodeId, address } of informed.members) {
      if (learnt >= MAX_LEARNT) return;
      if (reached.has(nodeId) || this.#servers.has(address)) continue;
      this.#add(address, false).start();
      learnt++;
    }
  }

  #tell(): void {
    for (const listener of this.#listeners.all()) if (listener.isListed) listener.tell();
  }
}

function isCurrent({ status }: StorageLink, newest: number): boolean {
  const { isStopping, leaderlessMs, position } = status;
  return (
    !isStopping &&
    leaderlessMs < LEADERLESS_MS &&
    position !== undefined &&
    newest - position.version < LAG_VERSIONS
  );
}
