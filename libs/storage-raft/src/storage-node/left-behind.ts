import { createClient } from "@connectrpc/connect";
import { ClusterService } from "@trellis/protos/trellis/cluster/v1/cluster_pb.js";
import type { PeerConnection, RaftNode } from "@trellis/raft-node";
import type { Clock } from "@trellis/resource";

/** How often a member that hears of no leader asks another one, and how long that may take to answer. */
const ASK_MS = 1_000;
const ANSWER_MS = 2_000;

/** What finding out works with. */
export interface LeftBehindDeps {
  readonly node: Pick<RaftNode, "id" | "status">;
  readonly clock: Pick<Clock, "after">;
  readonly connect: (address: string) => PeerConnection;
}

/** What a member was told of a cluster that goes on without it. */
export interface LeftBehind {
  /**
   * The cluster of the member that was asked at `address`, which has a leader. Its own cluster: that does not count it any more. Undefined while nobody said so.
   */
  readonly found: { readonly clusterId: string; readonly address: string } | undefined;
  end(): void;
}

/**
 * Finds out whether a member was left behind while it was away: removed, or its cluster restored or recovered without it. Nobody sends to it any more, so that its own log
 * never tells: it would wait for a leader for ever. So while it hears of none, it asks the others that it knows, one at a time.
 */
export function watchLeftBehind({ node, clock, connect }: LeftBehindDeps): LeftBehind {
  let cancel = (): void => undefined;
  let isOver = false;
  let found: LeftBehind["found"];
  let turn = 0;
  const ask = async (address: string): Promise<LeftBehind["found"]> => {
    const connection = connect(address);
    try {
      const cluster = createClient(ClusterService, connection.transport);
      const { clusterId, leaderId, members } = await cluster.getStatus(
        { local: true },
        { timeoutMs: ANSWER_MS },
      );
      if (leaderId === 0n) return undefined;
      return members.some(({ id }) => Number(id) === node.id) ? undefined : { clusterId, address };
    } catch {
      // It cannot be reached, or belongs to no cluster yet: it says nothing.
      return undefined;
    } finally {
      connection.close();
    }
  };
  const look = async (): Promise<void> => {
    const { leader, members } = node.status();
    const others = members.filter(({ id, address }) => id !== node.id && address !== "");
    const other = others[turn++ % Math.max(1, others.length)];
    if (leader !== undefined) found = undefined;
    else if (other !== undefined) found = (await ask(other.address)) ?? found;
    if (!isOver) cancel = clock.after(ASK_MS, () => void look());
  };
  cancel = clock.after(ASK_MS, () => void look());
  return {
    get found() {
      return found;
    },
    end() {
      isOver = true;
      cancel();
    },
  };
}
