import type { NodeId } from "@trellis/raft";

import type { NodeStatus } from "./raft-node.ts";

/** A member that the leader has not heard for so long is not counted on. Members say something with every heartbeat. */
export const SILENT_MS = 3_000;

/** The voters of a cluster without one of them, as its leader sees them: how many, and how many of them are there. */
export function votersWithout(
  { members }: Pick<NodeStatus, "members">,
  without?: NodeId,
): { readonly voters: number; readonly live: number } {
  const voters = members.filter(({ id, voter }) => voter && id !== without);
  const live = voters.filter(({ silentMs }) => silentMs !== undefined && silentMs < SILENT_MS);
  return { voters: voters.length, live: live.length };
}

/** Whether those that are there can decide: more than half. */
export function isMajority({ voters, live }: { readonly voters: number; readonly live: number }): boolean {
  return live > voters / 2;
}
