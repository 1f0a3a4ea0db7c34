import { ConnectError, createClient } from "@connectrpc/connect";
import { ClusterService } from "@trellis/protos/trellis/cluster/v1/cluster_pb.js";
import type { PeerConnection, RaftNode } from "@trellis/raft-node";
import type { Clock } from "@trellis/resource";

/** How often a node looks whether the cluster knows where it is, and how long the leader may take to note it. */
const LOOK_MS = 1_000;
const ANSWER_MS = 5_000;

/** What keeping an address works with. */
export interface OwnAddressDeps {
  readonly node: Pick<RaftNode, "id" | "status">;
  readonly clock: Pick<Clock, "after">;
  readonly connect: (address: string) => PeerConnection;
  /** Told why the leader does not note it: once per reason. */
  readonly onRefused?: ((reason: string) => void) | undefined;
}

/**
 * Has the cluster know a member by the name and the address under which it was started, also when they are others than before: ids are for ever, addresses are
 * attributes. Asks the leader until it is so; the answer ends that.
 */
export function keepOwnAddress(
  { node, clock, connect, onRefused }: OwnAddressDeps,
  { name, address }: { readonly name: string; readonly address: string },
): () => void {
  let cancel = (): void => undefined;
  let isOver = false;
  let lastReason = "";
  const tell = async (leader: string): Promise<void> => {
    const connection = connect(leader);
    try {
      await createClient(ClusterService, connection.transport).addMember(
        { name, address },
        { timeoutMs: ANSWER_MS },
      );
    } catch (error) {
      const { message } = ConnectError.from(error);
      if (message !== lastReason) onRefused?.(message);
      lastReason = message;
    } finally {
      connection.close();
    }
  };
  const look = async (): Promise<void> => {
    const { id, leader, members, role } = node.status();
    const self = members.find((member) => member.id === id);
    const isKnown = self === undefined || (self.name === name && self.address === address);
    // The leader is asked at its own port as well, where it finds itself.
    const at = role === "leader" ? address : members.find((member) => member.id === leader)?.address;
    if (!isKnown && at !== undefined) await tell(at);
    if (!isOver) cancel = clock.after(LOOK_MS, () => void look());
  };
  cancel = clock.after(LOOK_MS, () => void look());
  return () => {
    isOver = true;
    cancel();
  };
}
