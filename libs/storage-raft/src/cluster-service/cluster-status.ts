import { create } from "@bufbuild/protobuf";
import {
  type GetStatusResponse,
  GetStatusResponseSchema,
  type MemberStatus,
  MemberStatus_State as State,
  MemberStatusSchema,
} from "@trellis/protos/trellis/cluster/v1/cluster_pb.js";

import { clusterProblems } from "./cluster-problems.ts";
import { localStatus, speakerOf } from "./local-status.ts";
import { askNode, type ClusterServiceDeps, type OperatedReplica } from "./operated-node.ts";
import { withinTime } from "./within-time.ts";

/** How long a member may take to say how it is. */
const ANSWER_MS = 1_000;

/** What the members said of themselves, by their ids. */
type Answers = Map<bigint, GetStatusResponse>;

/** Asks all members how they are, and puts it together. */
export async function clusterStatus(
  deps: ClusterServiceDeps,
  replica: OperatedReplica,
  signal: AbortSignal,
): Promise<GetStatusResponse> {
  const own = localStatus(deps, replica);
  const self = speakerOf(own)?.id ?? 0n;
  const answers: Answers = new Map([[self, own]]);
  const asked = new Set([self]);
  // Twice: the leader may know of members of which this one has not heard yet.
  for (let round = 0; round < 2; round++) {
    const view = latest(answers, own);
    const others = view.members.filter(({ id, address }) => !asked.has(id) && address !== "");
    for (const { id } of others) asked.add(id);
    await askMembers(deps, { clusterId: view.clusterId, others, signal }, answers);
  }
  return together(latest(answers, own), answers);
}

async function askMembers(
  deps: ClusterServiceDeps,
  {
    clusterId,
    others,
    signal,
  }: { readonly clusterId: string; readonly others: readonly MemberStatus[]; readonly signal: AbortSignal },
  answers: Answers,
): Promise<void> {
  await Promise.all(
    others.map(async ({ id, address }) => {
      const answer = await askMember(deps, address, signal);
      // Another node, or another cluster, may have the address by now.
      const isIt = answer?.clusterId === clusterId && speakerOf(answer)?.id === id;
      if (answer !== undefined && isIt) answers.set(id, answer);
    }),
  );
}

async function askMember(
  deps: ClusterServiceDeps,
  address: string,
  signal: AbortSignal,
): Promise<GetStatusResponse | undefined> {
  try {
    return await withinTime({ clock: deps.clock, ms: ANSWER_MS, signal }, (ending) =>
      askNode(deps, address, (client) => client.getStatus({ local: true }, { signal: ending })),
    );
  } catch {
    return undefined;
  }
}

/** The status of whoever leads in the highest term; otherwise the newest one. */
function latest(answers: Answers, own: GetStatusResponse): GetStatusResponse {
  const rank = (status: GetStatusResponse): number => (leads(status) ? 1 : 0);
  return [...answers.values()].reduce((best, status) => {
    const order =
      rank(status) - rank(best) ||
      Number(status.term - best.term) ||
      Number(status.committedIndex - best.committedIndex);
    return order > 0 ? status : best;
  }, own);
}

function leads(status: GetStatusResponse): boolean {
  return speakerOf(status)?.state === State.LEADER;
}

function together(view: GetStatusResponse, answers: Answers): GetStatusResponse {
  const all = [...answers.values()];
  const committed = highest(all.map(({ committedIndex }) => committedIndex));
  const members = view.members
    .map((member) => {
      const answer = answers.get(member.id);
      const { silentMs, name, address, role } = member;
      const said = answer === undefined ? undefined : speakerOf(answer);
      const state = said?.state ?? State.UNREACHABLE;
      const { appliedIndex } = said ?? member;
      const lag = committed > appliedIndex ? committed - appliedIndex : 0n;
      // Who was deposed may not know it yet.
      const isFormer = state === State.LEADER && answer !== view;
      return create(MemberStatusSchema, {
        ...(said ?? member),
        name,
        address,
        role,
        lag,
        state: isFormer ? State.FOLLOWER : state,
        ...(silentMs !== undefined && { silentMs }),
      });
    })
    .sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
  const leaderId = leads(view) ? (speakerOf(view)?.id ?? 0n) : 0n;
  const problems = clusterProblems(leaderId, members);
  return create(GetStatusResponseSchema, {
    clusterId: view.clusterId,
    leaderId,
    term: highest(all.map(({ term }) => term)),
    healthy: problems.length === 0,
    problems,
    members,
    committedIndex: committed,
  });
}

function highest(numbers: readonly bigint[]): bigint {
  return numbers.reduce((most, number) => (number > most ? number : most), 0n);
}
