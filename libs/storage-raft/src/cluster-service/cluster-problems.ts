import {
  type MemberStatus,
  MemberStatus_Role as Role,
  MemberStatus_State as State,
} from "@trellis/protos/trellis/cluster/v1/cluster_pb.js";

/** A replica that lags so far is of no use to readers near it. */
const MAX_LAG = 10_000n;
/** A disk, or an event loop, that stalls for as long as an election takes, costs a leader its place. */
const MAX_STALL_MS = 600;

/** What is wrong with a cluster, in words, the worst first; nothing when it is healthy. `leaderId` is 0 when nobody leads. */
export function clusterProblems(leaderId: bigint, members: readonly MemberStatus[]): string[] {
  return [...leaderlessness(leaderId, members), ...members.flatMap(memberProblems)];
}

function leaderlessness(leaderId: bigint, members: readonly MemberStatus[]): string[] {
  if (leaderId !== 0n) return [];
  const voters = members.filter(({ role }) => role === Role.VOTER);
  const answering = voters.filter(({ state }) => state !== State.UNREACHABLE).length;
  const needed = Math.floor(voters.length / 2) + 1;
  if (answering >= needed) return ["nobody leads; an election is under way, or just through"];
  return [
    `nobody leads: ${needed} of ${voters.length} voters are needed, ${answering} ${answering === 1 ? "answers" : "answer"}; start others again`,
  ];
}

function memberProblems(member: MemberStatus): string[] {
  const { name, address, state, silentMs, lag, hasSpace, oldestWriteMs, loopDelayMs } = member;
  if (state === State.UNREACHABLE) {
    const heard = silentMs === undefined ? "" : `, last heard ${seconds(Number(silentMs))} ago`;
    return [`${name} does not answer at ${address}${heard}`];
  }
  return [
    ...(hasSpace ? [] : [`${name} has no room on its disk for new entries`]),
    ...(lag >= MAX_LAG ? [`${name} lags by ${lag} entries`] : []),
    ...(oldestWriteMs >= MAX_STALL_MS
      ? [`the disk of ${name} keeps a write waiting for ${seconds(oldestWriteMs)}`]
      : []),
    ...(loopDelayMs !== undefined && loopDelayMs >= MAX_STALL_MS
      ? [`the event loop of ${name} was held up for ${seconds(loopDelayMs)}`]
      : []),
  ];
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s`;
}
