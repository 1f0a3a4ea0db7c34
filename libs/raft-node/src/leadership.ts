import { none, type NodeId, type RaftCore } from "@trellis/raft";

import type { NodeEvent } from "./events.ts";
import type { MemberChanges } from "./member-changes.ts";
import type { MembershipTable } from "./membership-table.ts";
import { raiseFeatureLevelEntry } from "./membership-table.ts";
import type { ResolvedOptions } from "./options.ts";
import { unknownOutcome } from "./pending-proposals.ts";
import type { ProposalDesk } from "./proposal-desk.ts";
import type { ReadRequests } from "./read-requests.ts";

/** What leading touches. */
export interface LeadershipDeps {
  readonly self: NodeId;
  readonly options: ResolvedOptions;
  readonly core: () => RaftCore;
  readonly table: MembershipTable;
  readonly changes: MemberChanges;
  readonly desk: ProposalDesk;
  readonly reads: ReadRequests;
  readonly hasSpace: () => boolean;
  readonly onEvent: (event: NodeEvent) => void;
  /** Who leads, or whether this node does, has changed. */
  readonly onChange: () => void;
}

/** Who leads, and what whoever leads, or led, looks after. */
export class Leadership {
  readonly #deps: LeadershipDeps;
  /** As of the last turn. */
  #known: { readonly leader: NodeId; readonly isLeader: boolean } = { leader: none, isLeader: false };
  #lostMs: number | undefined;
  #proposedLevel = 0;

  constructor(deps: LeadershipDeps) {
    this.#deps = deps;
  }

  /** Looks whether the turn has changed who leads. */
  note(nowMs: number): void {
    const { core, desk, reads, onEvent, onChange } = this.#deps;
    const { leader, role, term } = core();
    const isLeader = role === "leader";
    const before = this.#known;
    if (leader === before.leader && isLeader === before.isLeader) return;
    this.#known = { leader, isLeader };
    if (leader !== before.leader) {
      onEvent({ kind: "leader-changed", leader: leader === none ? undefined : leader, term });
      reads.leaderChanged();
    }
    if (!isLeader && before.isLeader) {
      this.#lostMs = nowMs;
      desk.pending.forgetCommands();
    }
    onChange();
  }

  /** Time has passed. */
  tick(nowMs: number): void {
    const { options, desk, core } = this.#deps;
    if (this.#lostMs !== undefined && nowMs - this.#lostMs >= options.outcomeWaitMs) {
      this.#lostMs = undefined;
      const { role, term } = core();
      const unknown = unknownOutcome(
        "this node lost the leadership, and no other leader said in time what became of the proposal",
      );
      // Those that it took when it led again wait for themselves.
      if (role === "leader") desk.pending.failBefore(term, unknown);
      else desk.pending.failAll(unknown);
    }
    if (core().role !== "leader") return;
    this.#leaveToWhoHasSpace(nowMs);
    this.#raiseFeatureLevel();
  }

  #leaveToWhoHasSpace(nowMs: number): void {
    const { self, options, core, changes, hasSpace } = this.#deps;
    if (hasSpace() || core().transferee !== none) return;
    const target = changes.memberWithSpace(self, nowMs - options.electionMs);
    if (target !== undefined) core().transferLeadership(target);
  }

  /** The log may hold new commands once all members understand them. */
  #raiseFeatureLevel(): void {
    const { self, options, table, changes, desk } = this.#deps;
    const level = changes.commonFeatureLevel(self, options.featureLevel);
    if (level <= Math.max(table.featureLevel, this.#proposedLevel)) return;
    this.#proposedLevel = level;
    desk.propose("EntryNormal", raiseFeatureLevelEntry(level), {}).catch(() => {
      this.#proposedLevel = 0;
    });
  }
}
