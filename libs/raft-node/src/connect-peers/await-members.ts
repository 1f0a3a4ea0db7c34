import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { PeerService } from "@trellis/protos/trellis/raft/v1/peer_pb.js";

import { joinCluster } from "../begin-cluster.ts";
import { RaftNodeError } from "../errors.ts";
import { ensureIdentity } from "../identity.ts";
import type { DataDirectory, NodeClock, Random } from "../ports.ts";
import { ANSWER_MS, ASK_AGAIN_MS, sleep, stoppedWhileWaiting } from "./asking.ts";
import type { PeerConnection } from "./peer-link.ts";

/** What joining works with. */
export interface AwaitMembersDeps {
  readonly data: DataDirectory;
  readonly clock: NodeClock;
  readonly random: Random;
  readonly connect: (address: string) => PeerConnection;
  /** What is being waited for, in words; told when it changes. */
  readonly onWait?: ((what: string) => void) | undefined;
}

/**
 * Makes this node a newcomer to the cluster whose members answer at these addresses: asks them again and again until one says which cluster that is. A node
 * that belongs to a cluster already stays what it is, and asks nobody. Rejects with `aborted`, and with `invalid` for an address at which something
 * else answers.
 */
export async function awaitMembers(
  deps: AwaitMembersDeps,
  addresses: readonly string[],
  signal?: AbortSignal,
): Promise<void> {
  const { data, clock, random } = deps;
  const connections = addresses.map((address) => ({ address, connection: deps.connect(address) }));
  let isTold = false;
  try {
    for (;;) {
      if ((await ensureIdentity(data, random)).clusterId !== undefined) return;
      const answers = await Promise.all(connections.map((one) => clusterAt(one, signal)));
      const clusterId = answers.find((answer) => answer !== "");
      if (clusterId !== undefined) {
        await joinCluster(data, clusterId, random);
        return;
      }
      if (!isTold) deps.onWait?.(`waits for a member of its cluster to answer: ${addresses.join(", ")}`);
      isTold = true;
      await sleep(clock, ASK_AGAIN_MS, signal);
    }
  } finally {
    for (const { connection } of connections) connection.close();
  }
}

/** The cluster of the node at an address; empty while it belongs to none, or does not answer. */
async function clusterAt(
  { address, connection }: { readonly address: string; readonly connection: PeerConnection },
  signal: AbortSignal | undefined,
): Promise<string> {
  try {
    const options = { timeoutMs: ANSWER_MS, ...(signal !== undefined && { signal }) };
    return (await createClient(PeerService, connection.transport).identify({}, options)).clusterId;
  } catch (error) {
    if (signal?.aborted === true) throw stoppedWhileWaiting();
    if (error instanceof ConnectError && error.code === Code.Unimplemented) {
      throw new RaftNodeError(
        "invalid",
        `what answers at ${address} is no storage node; name a member of the cluster`,
        {
          cause: error,
        },
      );
    }
    return "";
  }
}
