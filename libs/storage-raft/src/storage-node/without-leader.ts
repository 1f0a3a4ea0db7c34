import { isMajority, type NodeStatus, SILENT_MS, votersWithout } from "@trellis/raft-node";

/**
 * Why a node knows of no leader, in words, and what to do: voters that are silent, if they are so many that those left decide nothing. Voters who look for a leader hear of
 * each other, so that this is known once there was none for as long as silence takes; a learner hears of nobody.
 */
export function withoutLeader(
  { id, members }: Pick<NodeStatus, "id" | "members">,
  leaderlessMs: number,
): string {
  const waits = "it waits for a leader";
  const isVoter = members.some((member) => member.id === id && member.voter);
  const all = votersWithout({ members });
  if (!isVoter || leaderlessMs < SILENT_MS || isMajority(all)) return waits;
  const needed = Math.floor(all.voters / 2) + 1;
  const silent = members.filter(
    ({ voter, silentMs }) => voter && (silentMs === undefined || silentMs >= SILENT_MS),
  );
  const names = silent.map(({ name, address }) => `${name} (${address})`).join(", ");
  return `${waits}: ${needed} of ${all.voters} voters are needed, and ${all.live} ${all.live === 1 ? "is" : "are"} there; start again ${names}`;
}
