import type { Clock } from "@trellis/resource";
import type { ServerStatus, StatusSource } from "@trellis/storage/wire";

import type { Replica } from "../start-replica.ts";

/** What the status of a node is read from. */
export interface NodeStatusDeps {
  readonly clock: Pick<Clock, "monotonic">;
  /** What people call it. */
  readonly name: string;
}

/** What a node tells clients of itself: nothing but its name at first, then as its replica says. */
export class NodeStatusSource implements StatusSource {
  readonly #deps: NodeStatusDeps;
  readonly #listeners = new Set<() => void>();
  #nodeId = 0;
  #clusterId = "";
  #replica: Replica | undefined;
  #isStopping = false;
  #leaderlessSince: number | undefined;

  constructor(deps: NodeStatusDeps) {
    this.#deps = deps;
    this.#leaderlessSince = deps.clock.monotonic();
  }

  /** Who this node is; the cluster is empty while it belongs to none. */
  identify(nodeId: number, clusterId = ""): void {
    this.#nodeId = nodeId;
    this.#clusterId = clusterId;
    this.#tell();
  }

  /** Follows a replica from now on. */
  follow(replica: Replica): void {
    this.#replica = replica;
    replica.node.onChange(() => this.#changed());
    this.#changed();
  }

  /** Says that this node is about to stop: whoever hears it opens nothing new here. */
  announceStop(): void {
    this.#isStopping = true;
    this.#tell();
  }

  status(): ServerStatus {
    const replica = this.#replica;
    const node = replica?.node.status();
    return {
      role: "node",
      clusterId: this.#clusterId,
      nodeId: this.#nodeId,
      name: this.#deps.name,
      position: replica?.machine.hasStore === true ? replica.machine.position : undefined,
      term: node?.term ?? 0,
      leaderId: node?.leader,
      takesCommits: node?.role === "leader",
      leaderlessMs:
        this.#leaderlessSince === undefined ? 0 : this.#deps.clock.monotonic() - this.#leaderlessSince,
      isStopping: this.#isStopping,
      members: (node?.members ?? []).map(({ id, name, address }) => ({ nodeId: id, name, address })),
    };
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #changed(): void {
    const isLed = this.#replica?.node.status().leader !== undefined;
    if (isLed) this.#leaderlessSince = undefined;
    else this.#leaderlessSince ??= this.#deps.clock.monotonic();
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
