import { type Client, ConnectError } from "@connectrpc/connect";
import type { ClusterService } from "@trellis/protos/trellis/cluster/v1/cluster_pb.js";

import { askNode, type ClusterServiceDeps, type OperatedReplica } from "./operated-node.ts";
import { notFormed, unavailable } from "./operator-errors.ts";
import { withinTime } from "./within-time.ts";

/** How long the leader may take for what was passed on to it; a comparison of large states takes longest. */
const PASSED_ON_MS = 90_000;

/** One request that the leader is to carry out. */
export interface LeaderWork<T> {
  /** Whether it was passed on already: it is not passed on twice, so that it cannot go round. */
  readonly passedOn: boolean;
  readonly signal: AbortSignal;
  /** Carries it out on this node. */
  readonly here: (replica: OperatedReplica) => Promise<T>;
  /** Asks the leader to, with the request marked as passed on. */
  readonly there: (
    client: Client<typeof ClusterService>,
    options: { readonly signal: AbortSignal },
  ) => Promise<T>;
}

/** Has the leader carry a request out: this node, or the one that it knows to lead. Throws UNAVAILABLE when nobody leads: nothing was done. */
export async function onLeader<T>(deps: ClusterServiceDeps, work: LeaderWork<T>): Promise<T> {
  const replica = deps.replica();
  if (replica === undefined) throw notFormed();
  const { role, leader, members, id } = replica.node.status();
  if (role === "leader") return await work.here(replica);
  if (work.passedOn) {
    throw unavailable(
      `the request was passed on to node ${id}, which does not lead any more; nothing was done, try again`,
    );
  }
  const found = members.find((member) => member.id === leader);
  if (found === undefined) {
    throw unavailable(
      "nobody leads now; nothing was done. Wait for the election to be through; when a majority of the voters is gone for good, see `trellis cluster recover`",
    );
  }
  const { clock } = deps;
  try {
    return await withinTime({ clock, ms: PASSED_ON_MS, signal: work.signal }, (signal) =>
      askNode(deps, found.address, (client) => work.there(client, { signal })),
    );
  } catch (error) {
    if (error instanceof ConnectError) throw error;
    throw unavailable(
      `the leader, ${found.name} at ${found.address}, does not answer; look with \`trellis cluster status\` whether it was done, and try again`,
      error,
    );
  }
}
