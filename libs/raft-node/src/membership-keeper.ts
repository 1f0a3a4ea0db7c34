import type { NodeId } from "@trellis/raft";

import { RaftNodeError } from "./errors.ts";
import { isMajority, SILENT_MS, votersWithout } from "./live-voters.ts";
import type { NodeClock } from "./ports.ts";
import type { MembershipChange, MemberStatus, RaftNode } from "./raft-node.ts";

/** What a keeper works with. */
export interface MembershipKeeperDeps {
  readonly node: Pick<RaftNode, "status" | "changeMembership">;
  readonly clock: Pick<NodeClock, "monotonic" | "after">;
  /** Told of every change that is made, and why. */
  readonly onChange?: ((change: MembershipChange, reason: string) => void) | undefined;
}

/** What a keeper does; what is left out it does not do. */
export interface MembershipKeeperConfig {
  /** A learner votes once it has been there, and caught up, for so long without a break. */
  readonly promoteAfterMs?: number | undefined;
  /** A member is removed once it has been silent for so long without a break. */
  readonly removeAfterMs?: number | undefined;
  /** No voter is removed when fewer would be left. Default: 3, so that a dead one goes once another has taken its place. */
  readonly leastVoters?: number | undefined;
}

/** How often the leader looks. */
export const LOOK_MS = 1_000;
/** How far a learner may lag that has caught up, in entries; the node's own bound for promotions is no lower by default. */
const PROMOTION_LAG = 1_000;
const LEAST_VOTERS = 3;
/** A learner that was not heard for so long is not promoted: it may be gone, and its vote would be missed. */
const FRESH_MS = 1_000;

/**
 * Looks after who belongs to the cluster, on whichever node leads: it promotes learners that have proven stable, and removes members that are gone. One change
 * at a time, and none that would leave those that are there without a majority. All times are of this node's leadership: a new leader begins to
 * count anew. The answer ends it.
 */
export function startMembershipKeeper(
  { node, clock, onChange }: MembershipKeeperDeps,
  config: MembershipKeeperConfig,
): () => void {
  const keeper = new Keeper(config);
  let isUnderWay = false;
  let cancel: () => void;
  const look = (): void => {
    cancel = clock.after(LOOK_MS, look);
    const due = keeper.look(node.status(), clock.monotonic());
    if (due === undefined || isUnderWay) return;
    isUnderWay = true;
    onChange?.(due.change, due.reason);
    node
      .changeMembership(due.change)
      .catch((error: unknown) => {
        // The next look tries again, here or on another leader.
        if (!RaftNodeError.is(error)) throw error;
      })
      .finally(() => {
        isUnderWay = false;
      });
  };
  cancel = clock.after(LOOK_MS, look);
  return () => cancel();
}

type Status = ReturnType<RaftNode["status"]>;

class Keeper {
  readonly #config: MembershipKeeperConfig;
  #term = 0;
  /** Since when learners are stable, and members silent. */
  #stableSince = new Map<NodeId, number>();
  #silentSince = new Map<NodeId, number>();

  constructor(config: MembershipKeeperConfig) {
    this.#config = config;
  }

  /** What is to be done now, if anything is. */
  look(
    status: Status,
    nowMs: number,
  ): { readonly change: MembershipChange; readonly reason: string } | undefined {
    if (status.role !== "leader" || status.term !== this.#term) {
      this.#stableSince.clear();
      this.#silentSince.clear();
    }
    this.#term = status.term;
    if (status.role !== "leader") return undefined;
    const { members } = status;
    this.#stableSince = noted(this.#stableSince, members, nowMs, (member) => isStable(member, status));
    this.#silentSince = noted(this.#silentSince, members, nowMs, isSilent);
    return this.#promotion(nowMs) ?? this.#removal(status, nowMs);
  }

  #promotion(nowMs: number) {
    const { promoteAfterMs } = this.#config;
    const id = firstOlder(this.#stableSince, promoteAfterMs, nowMs);
    if (id === undefined) return undefined;
    const change = { kind: "promote", id } as const;
    return { change, reason: `it has been stable for ${promoteAfterMs} ms` };
  }

  #removal(status: Status, nowMs: number) {
    const { removeAfterMs, leastVoters = LEAST_VOTERS } = this.#config;
    const removable = new Map(
      [...this.#silentSince].filter(([id]) => {
        if (status.members.find((member) => member.id === id)?.voter !== true) return true;
        const left = votersWithout(status, id);
        return left.voters >= leastVoters && isMajority(left);
      }),
    );
    const id = firstOlder(removable, removeAfterMs, nowMs);
    if (id === undefined) return undefined;
    const change = { kind: "remove", id } as const;
    return { change, reason: `it has been silent for ${removeAfterMs} ms` };
  }
}

function isSilent({ silentMs }: MemberStatus): boolean {
  return silentMs === undefined || silentMs >= SILENT_MS;
}

function isStable({ voter, silentMs, matched = 0 }: MemberStatus, { lastIndex }: Status): boolean {
  const isFresh = silentMs !== undefined && silentMs < FRESH_MS;
  return !voter && isFresh && lastIndex - matched <= PROMOTION_LAG;
}

/** Since when something has held of each member: what held before goes on, what does not hold now is forgotten. */
function noted(
  before: ReadonlyMap<NodeId, number>,
  members: readonly MemberStatus[],
  nowMs: number,
  holds: (member: MemberStatus) => boolean,
): Map<NodeId, number> {
  return new Map(members.filter(holds).map(({ id }) => [id, before.get(id) ?? nowMs]));
}

function firstOlder(
  since: ReadonlyMap<NodeId, number>,
  ageMs: number | undefined,
  nowMs: number,
): NodeId | undefined {
  if (ageMs === undefined) return undefined;
  for (const [id, atMs] of since) if (nowMs - atMs >= ageMs) return id;
  return undefined;
}
