import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ConfChangeContextSchema, NodeCommandSchema } from "@trellis/protos/trellis/raft/v1/log_pb.js";
import type { ConfChangeV2, ConfState, LogIndex, NodeId, Term } from "@trellis/raft";

import { NODE_KIND } from "./entry-codec.ts";
import type { Member, SnapshotHeader } from "./member.ts";

/**
 * What the log says of the cluster itself: its members' names and addresses, its configuration, and the feature level. The state machine of
 * the node's own entries (kind 1), and the header of its snapshots.
 */
export class MembershipTable {
  #header: SnapshotHeader;

  constructor(header: SnapshotHeader) {
    this.#header = header;
  }

  get members(): readonly Member[] {
    return this.#header.members;
  }

  get confState(): ConfState {
    return this.#header.confState;
  }

  get featureLevel(): number {
    return this.#header.featureLevel;
  }

  /** Everything as of an index, for a snapshot. */
  headerAt(index: LogIndex, term: Term): SnapshotHeader {
    return { ...this.#header, index, term };
  }

  /** A snapshot takes the place of all. */
  install(header: SnapshotHeader): void {
    this.#header = header;
  }

  /** A membership change is in force: who was added is described in its context, who is in no configuration any more is forgotten. */
  reconfigured(change: ConfChangeV2, confState: ConfState): void {
    const added = membersIn(change.context);
    const known = new Map([...this.#header.members, ...added].map((member) => [member.id, member]));
    const ids = new Set([
      ...confState.voters,
      ...confState.votersOutgoing,
      ...confState.learners,
      ...confState.learnersNext,
    ]);
    const members = [...ids]
      .sort((a, b) => a - b)
      .map((id) => known.get(id) ?? { id, name: "", address: "" });
    this.#header = { ...this.#header, confState, members };
  }

  /** Applies a command of the node's own. Throws for one that is unknown here. */
  apply(command: Uint8Array): void {
    const { command: found } = fromBinary(NodeCommandSchema, command);
    switch (found.case) {
      case "updateMember": {
        const member = { id: Number(found.value.id), name: found.value.name, address: found.value.address };
        const members = this.#header.members.map((known) => (known.id === member.id ? member : known));
        this.#header = { ...this.#header, members };
        return;
      }
      case "raiseFeatureLevel":
        this.#header = { ...this.#header, featureLevel: Math.max(this.#header.featureLevel, found.value) };
        return;
      case undefined:
        throw new Error("the log has a command of the node that this version does not know");
    }
  }
}

/** The entry that gives a member another name or address. */
export function updateMemberEntry(member: Member): Uint8Array {
  return nodeEntry(
    toBinary(
      NodeCommandSchema,
      create(NodeCommandSchema, { command: { case: "updateMember", value: toMessage(member) } }),
    ),
  );
}

/** The entry after which the log may hold the commands of a level. */
export function raiseFeatureLevelEntry(level: number): Uint8Array {
  return nodeEntry(
    toBinary(
      NodeCommandSchema,
      create(NodeCommandSchema, { command: { case: "raiseFeatureLevel", value: level } }),
    ),
  );
}

/** What a membership change says of the members that it adds. */
export function describeMembers(members: readonly Member[]): Uint8Array {
  return toBinary(
    ConfChangeContextSchema,
    create(ConfChangeContextSchema, { members: members.map(toMessage) }),
  );
}

/** The members that a membership change adds. */
export function membersIn(context: Uint8Array): Member[] {
  return fromBinary(ConfChangeContextSchema, context).members.map(({ id, name, address }) => ({
    id: Number(id),
    name,
    address,
  }));
}

function toMessage({ id, name, address }: Member): { id: bigint; name: string; address: string } {
  return { id: BigInt(id), name, address };
}

function nodeEntry(command: Uint8Array): Uint8Array {
  const entry = new Uint8Array(1 + command.length);
  entry[0] = NODE_KIND;
  entry.set(command, 1);
  return entry;
}

/** Who is in one of the configurations, and whether it votes. */
export function isVoterIn({ voters, votersOutgoing }: ConfState, id: NodeId): boolean {
  return voters.includes(id) || votersOutgoing.includes(id);
}
