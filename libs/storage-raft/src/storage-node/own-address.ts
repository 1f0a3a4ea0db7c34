import { ConnectError, createClient } from "@connectrpc/connect";
import { ClusterService } from "@trellis/protos/trellis/cluster/v1/cluster_pb.js";
import type { NodeStatus, PeerConnection, RaftNode } from "@trellis/raft-node";
import type { Clock } from "@trellis/resource";

/** How often a node looks whether the cluster knows where it is, and how long the leader may take to note it. */
const LOOK_MS = 1_000;
const ANSWER_MS = 5_000;

/** What keeping an address works with. */
export interface OwnAddressDeps {
  readonly node: Pick<RaftNode, "id" | "status">;
  readonly clock: Pick<Clock, "after">;
  readonly connect: (address: string) => PeerConnection;
  /** Told why it is not noted: once per reason. */
  readonly onRefused?: ((reason: string) => void) | undefined;
}

/**
 * Has the cluster know a member by the name and the address under which it was started, also when they are others than before: ids are for ever, addresses are
 * attributes. Asks the leader until it is so. Who is sent nothing any more, since the leader sends it where it was, knows of no leader: it asks the other members in turn, who pass it on.
 * The answer ends that.
 */
export function keepOwnAddress(
  { node, clock, connect, onRefused }: OwnAddressDeps,
  { name, address }: { readonly name: string; readonly address: string },
): () => void {
  let cancel = (): void => undefined;
  let isOver = false;
  let lastReason = "";
  let asked = 0;
  const whomToAsk = ({ id, leader, members, role }: NodeStatus): string | undefined => {
    // The leader is asked at its own port as well, where it finds itself.
    if (role === "leader") return address;
    const known = members.find((member) => member.id === leader);
    const others = members.filter((member) => member.id !== id);
    return (known ?? others[asked++ % others.length])?.address;
  };
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
    const { id, members } = node.status();
    const self = members.find((member) => member.id === id);
    const isKnown = self === undefined || (self.name === name && self.address === address);
    const at = isKnown ? undefined : whomToAsk(node.status());
    if (at !== undefined) await tell(at);
    if (!isOver) cancel = clock.after(LOOK_MS, () => void look());
  };
  cancel = clock.after(LOOK_MS, () => void look());
  return () => {
    isOver = true;
    cancel();
  };
}
