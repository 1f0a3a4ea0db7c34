import { type Client, ConnectError } from "@connectrpc/connect";
import type { ClusterService } from "@trellis/protos/trellis/cluster/v1/cluster_pb.js";

import type { Clock } from "@trellis/resource";

import { askNode, type ClusterServiceDeps, type OperatedReplica } from "./operated-node.ts";
import { isNotApplied, nobodyLeads, notFormed, unavailable } from "./operator-errors.ts";
import { withinTime } from "./within-time.ts";

/** How long the leader may take for what was passed on to it; a comparison of large states takes longest. */
const PASSED_ON_MS = 90_000;
/** For how long a request waits for somebody to lead: an election takes a second or two. */
const ELECTION_MS = 3_000;
const LOOK_AGAIN_MS = 100;

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

/**
 * Has the leader carry a request out: this node, or the one that it knows to lead. While nobody leads, waits for about as long as an election takes. Throws UNAVAILABLE when
 * nobody leads then either: nothing was done.
 */
export async function onLeader<T>(deps: ClusterServiceDeps, work: LeaderWork<T>): Promise<T> {
  const { clock } = deps;
  const untilMs = clock.monotonic() + ELECTION_MS;
  for (;;) {
    try {
      return await onPresentLeader(deps, work);
    } catch (error) {
      // What was passed on is passed on again by who did so: it knows the next leader as soon as this node does.
      if (work.passedOn || !isNotApplied(error) || clock.monotonic() >= untilMs) throw error;
      await withinTime({ clock, ms: 2 * LOOK_AGAIN_MS, signal: work.signal }, () => pause(clock));
    }
  }
}

async function onPresentLeader<T>(deps: ClusterServiceDeps, work: LeaderWork<T>): Promise<T> {
  const replica = deps.replica();
  if (replica === undefined) throw notFormed();
  const { role, leader, members, id } = replica.node.status();
  if (role === "leader") return await work.here(replica);
  if (work.passedOn) {
    throw nobodyLeads(
      `the request was passed on to node ${id}, which does not lead any more; nothing was done, try again`,
    );
  }
  const found = members.find((member) => member.id === leader);
  if (found === undefined) {
    throw nobodyLeads(
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

function pause(clock: Clock): Promise<void> {
  return new Promise((resolve) => clock.after(LOOK_AGAIN_MS, resolve, { keepAlive: true }));
}
