import {
  confChange,
  type ConfChangeStep,
  encodeConfChange,
  type EntryType,
  type NodeId,
  type RaftCore,
} from "@trellis/raft";

import { membershipChanged } from "./applier.ts";
import { RaftNodeError } from "./errors.ts";
import type { Member } from "./member.ts";
import { describeMembers, isVoterIn, type MembershipTable, updateMemberEntry } from "./membership-table.ts";
import type { Heard } from "./inbox.ts";
import type { Applied, CallOptions, MembershipChange } from "./raft-node.ts";

/** What changes work with. */
export interface MemberChangesDeps {
  readonly table: MembershipTable;
  readonly core: () => RaftCore;
  readonly heard: ReadonlyMap<NodeId, Heard>;
  readonly promotionLag: number;
  readonly propose: (type: EntryType, data: Uint8Array, options: CallOptions) => Promise<Applied>;
}

/** Who belongs to the cluster, who may lead it, and what all of it understand. */
export class MemberChanges {
  readonly #deps: MemberChangesDeps;

  constructor(deps: MemberChangesDeps) {
    this.#deps = deps;
  }

  /** Proposes a change and waits until it is in force. */
  async change(change: MembershipChange, options: CallOptions): Promise<void> {
    switch (change.kind) {
      case "add-learner":
        this.#checkNew(change.member);
        return await this.#reconfigure(
          { type: "add-learner", nodeId: change.member.id },
          [change.member],
          options,
        );
      case "promote":
        this.#checkPromotable(change.id);
        return await this.#reconfigure({ type: "add-node", nodeId: change.id }, [], options);
      case "remove":
        this.#checkRemovable(change.id);
        return await this.#reconfigure({ type: "remove-node", nodeId: change.id }, [], options);
      case "update":
        this.#member(change.member.id);
        this.#checkAttributes(change.member);
        await this.#deps.propose("EntryNormal", updateMemberEntry(change.member), options);
    }
  }

  /** Who is to lead next: the named voter, or the one whose log is most advanced. Throws `invalid`, `unavailable`. */
  transferTarget(self: NodeId, to: NodeId | undefined): NodeId {
    const { table, core, heard } = this.#deps;
    if (to !== undefined) {
      this.#member(to);
      if (to === self) throw new RaftNodeError("invalid", `member ${to} leads already`);
      if (!isVoterIn(table.confState, to))
        throw new RaftNodeError("invalid", `member ${to} is a learner, which cannot lead; promote it first`);
      return to;
    }
    const hasSpace = (id: NodeId): boolean => heard.get(id)?.announcement.hasSpace !== false;
    const [best] = [...core().status().progress]
      .filter(([id]) => id !== self && table.confState.voters.includes(id))
      .map(([id, { recentActive, match }]) => ({ id, rank: Number(recentActive && hasSpace(id)), match }))
      .sort((a, b) => b.rank - a.rank || b.match - a.match);
    if (best === undefined) throw new RaftNodeError("unavailable", "there is no other voter that could lead");
    return best.id;
  }

  /** The most advanced voter that was heard of since then and has space; undefined when there is none. */
  memberWithSpace(self: NodeId, sinceMs: number): NodeId | undefined {
    const { table, core, heard } = this.#deps;
    const { progress } = core().status();
    const [best] = table.confState.voters
      .filter((id) => id !== self)
      .filter((id) => {
        const last = heard.get(id);
        return last !== undefined && last.atMs >= sinceMs && last.announcement.hasSpace;
      })
      .sort((a, b) => (progress.get(b)?.match ?? 0) - (progress.get(a)?.match ?? 0));
    return best;
  }

  /** The highest feature level that all members support; 0 while one of them was not heard. */
  commonFeatureLevel(self: NodeId, own: number): number {
    const { table, heard } = this.#deps;
    return Math.min(
      own,
      ...table.members
        .filter(({ id }) => id !== self)
        .map(({ id }) => heard.get(id)?.announcement.featureLevel ?? 0),
    );
  }

  async #reconfigure(step: ConfChangeStep, members: readonly Member[], options: CallOptions): Promise<void> {
    const { type, data } = encodeConfChange(confChange([step], { context: describeMembers(members) }));
    const { result } = await this.#deps.propose(type, data, options);
    if (result !== membershipChanged) {
      throw new RaftNodeError(
        "busy",
        "another membership change is under way; nothing was changed, try again when it is through",
      );
    }
  }

  #member(id: NodeId): Member {
    const member = this.#deps.table.members.find((known) => known.id === id);
    if (member !== undefined) return member;
    const known = this.#deps.table.members.map((other) => other.id).join(", ");
    throw new RaftNodeError("invalid", `expected a member, one of ${known}; found ${id}`);
  }

  #checkNew(member: Member): void {
    if (!Number.isSafeInteger(member.id) || member.id <= 0) {
      throw new RaftNodeError(
        "invalid",
        `expected the id of a member to be a positive whole number below 2^53, found ${member.id}`,
      );
    }
    if (this.#deps.table.members.some(({ id }) => id === member.id))
      throw new RaftNodeError("invalid", `${member.id} is a member already`);
    this.#checkAttributes(member);
  }

  #checkAttributes({ id, name, address }: Member): void {
    const others = this.#deps.table.members.filter((other) => other.id !== id);
    const sameName = others.find((other) => other.name === name);
    if (sameName !== undefined)
      throw new RaftNodeError(
        "invalid",
        `member ${sameName.id} has the name ${name} already; choose another`,
      );
    const sameAddress = others.find((other) => other.address === address);
    if (sameAddress !== undefined) {
      throw new RaftNodeError(
        "invalid",
        `member ${sameAddress.id} has the address ${address} already; choose another. Members that change places go one at a time, to addresses that nobody has; one that is gone for good is removed first`,
      );
    }
  }

  #checkPromotable(id: NodeId): void {
    const { table, core, promotionLag } = this.#deps;
    this.#member(id);
    if (!table.confState.learners.includes(id))
      throw new RaftNodeError("invalid", `member ${id} votes already`);
    const lag = core().lastIndex - (core().status().progress.get(id)?.match ?? 0);
    if (lag > promotionLag) {
      throw new RaftNodeError(
        "invalid",
        `member ${id} lags by ${lag} entries, at most ${promotionLag} are allowed for a promotion; wait until it has caught up`,
      );
    }
  }

  #checkRemovable(id: NodeId): void {
    this.#member(id);
    const { voters } = this.#deps.table.confState;
    if (voters.length === 1 && voters[0] === id) {
      throw new RaftNodeError("invalid", `member ${id} is the only voter; promote another first`);
    }
  }
}
