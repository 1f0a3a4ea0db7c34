import {
  type CallOptions,
  type Client,
  Code,
  ConnectError,
  createClient,
  type HandlerContext,
  type ServiceImpl,
  type Transport,
} from "@connectrpc/connect";
import { ClusterService } from "@trellis/protos/trellis/cluster/v1/cluster_pb.js";

/**
 * Serves the cluster service by passing every request on to some storage node, which is chosen anew for each: that node asks the others, and finds the leader.
 * Answers UNAVAILABLE while there is none to be reached.
 */
export function clusterRelay(node: () => Transport | undefined): ServiceImpl<typeof ClusterService> {
  const client = (): Client<typeof ClusterService> => {
    const transport = node();
    if (transport !== undefined) return createClient(ClusterService, transport);
    throw new ConnectError(
      "no storage node can be reached; nothing was done. Look whether they run, and try again",
      Code.Unavailable,
    );
  };
  return {
    getStatus: async (request, context) => await client().getStatus(request, optionsOf(context)),
    addMember: async (request, context) => await client().addMember(request, optionsOf(context)),
    removeMember: async (request, context) => await client().removeMember(request, optionsOf(context)),
    promoteMember: async (request, context) => await client().promoteMember(request, optionsOf(context)),
    transferLeadership: async (request, context) =>
      await client().transferLeadership(request, optionsOf(context)),
    checkReplicas: async (request, context) => await client().checkReplicas(request, optionsOf(context)),
    async *hashState(request, context) {
      yield* client().hashState(request, optionsOf(context));
    },
    async *saveSnapshot(request, context) {
      yield* client().saveSnapshot(request, optionsOf(context));
    },
  };
}

/** The caller's end is the end of what was passed on, and so is its deadline. */
function optionsOf({ signal, timeoutMs }: HandlerContext): CallOptions {
  const leftMs = timeoutMs();
  return leftMs === undefined ? { signal } : { signal, timeoutMs: leftMs };
}
