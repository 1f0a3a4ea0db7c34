import type { ServiceImpl } from "@connectrpc/connect";
import type { ClusterService } from "@trellis/protos/trellis/cluster/v1/cluster_pb.js";

import { changeMembers } from "./change-members.ts";
import { checkReplicas, hashState } from "./check-replicas.ts";
import { clusterStatus } from "./cluster-status.ts";
import { localStatus } from "./local-status.ts";
import { onLeader } from "./on-leader.ts";
import type { ClusterServiceDeps } from "./operated-node.ts";
import { notFormed } from "./operator-errors.ts";
import { saveSnapshot } from "./save-snapshot.ts";

/** Serves what operators ask of a cluster, on each of its members. */
export function clusterService(deps: ClusterServiceDeps): ServiceImpl<typeof ClusterService> {
  return {
    ...changeMembers(deps),
    async getStatus({ local }, { signal }) {
      const replica = deps.replica();
      if (replica === undefined) throw notFormed();
      return local ? localStatus(deps, replica) : await clusterStatus(deps, replica, signal);
    },
    checkReplicas: ({ passedOn }, { signal }) =>
      onLeader(deps, {
        passedOn,
        signal,
        there: (client, options) => client.checkReplicas({ passedOn: true }, options),
        here: (replica) => checkReplicas(deps, replica, signal),
      }),
    async *hashState({ mark }, { signal }) {
      yield* hashState(deps.replica(), mark, { clock: deps.clock, signal });
    },
    async *saveSnapshot() {
      yield* saveSnapshot(deps.replica());
    },
  };
}
