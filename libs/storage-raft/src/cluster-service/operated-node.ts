import { type Client, createClient } from "@connectrpc/connect";
import { ClusterService } from "@trellis/protos/trellis/cluster/v1/cluster_pb.js";
import type { PeerConnection, RaftNode } from "@trellis/raft-node";
import type { Clock, Random } from "@trellis/resource";

import type { StorageMachine } from "../storage-machine.ts";

/** A replica, as far as operators ask for it. */
export interface OperatedReplica {
  readonly node: Pick<
    RaftNode,
    "status" | "propose" | "changeMembership" | "transferLeadership" | "openSnapshot"
  >;
  readonly machine: Pick<StorageMachine, "expectMark">;
}

/** What the cluster service works with. */
export interface ClusterServiceDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** This node's replica; undefined while it waits for its cluster, and after its end. */
  readonly replica: () => OperatedReplica | undefined;
  /** Opens a connection to `host:port`, the one port of another node. */
  readonly connect: (address: string) => PeerConnection;
  /** Of this process. */
  readonly pid: number;
  /** How late the event loop was at worst of late, in milliseconds; nothing is told of it when left out. */
  readonly loopDelayMs?: (() => number) | undefined;
}

/** Asks the cluster service of another node, over a connection that ends with the answer. */
export async function askNode<T>(
  { connect }: Pick<ClusterServiceDeps, "connect">,
  address: string,
  work: (client: Client<typeof ClusterService>) => Promise<T>,
): Promise<T> {
  const connection = connect(address);
  try {
    return await work(createClient(ClusterService, connection.transport));
  } finally {
    connection.close();
  }
}
