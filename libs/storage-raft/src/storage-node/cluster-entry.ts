import {
  awaitInitialCluster,
  awaitMembers,
  type DataDirectory,
  ensureIdentity,
  type Member,
  type NodeClock,
  type PeerConnection,
  type Random,
} from "@trellis/raft-node";

import { firstChunks } from "../open-local-store.ts";
import { FEATURE_LEVEL } from "../start-replica.ts";

/** How a node with an empty directory comes to its cluster; one that belongs to a cluster stays in it, whatever this says. */
export type ClusterEntry =
  /** It forms one with the others of the list, itself among them; the same list on all. */
  | { readonly kind: "form"; readonly members: readonly Omit<Member, "id">[] }
  /** It becomes a newcomer to the one whose members answer here. */
  | { readonly kind: "join"; readonly addresses: readonly string[] };

/** What coming to a cluster works with. */
export interface ClusterEntryDeps {
  readonly data: DataDirectory;
  readonly clock: NodeClock;
  readonly random: Random;
  readonly connect: (address: string) => PeerConnection;
  readonly onWait: (what: string) => void;
}

/** Resolves with who this node is, once it belongs to a cluster. Rejects as `awaitInitialCluster` and `awaitMembers` do. Without an entry it has to belong to one. */
export async function enterCluster(
  deps: ClusterEntryDeps,
  { entry, address }: { readonly entry: ClusterEntry | undefined; readonly address: string },
  signal: AbortSignal,
): Promise<{ readonly nodeId: number; readonly clusterId: string }> {
  if (entry?.kind === "form") {
    const { members } = entry;
    const config = { members, address, featureLevel: FEATURE_LEVEL };
    await awaitInitialCluster({ ...deps, chunks: firstChunks }, config, signal);
  }
  if (entry?.kind === "join") await awaitMembers(deps, entry.addresses, signal);
  const { nodeId, clusterId } = await ensureIdentity(deps.data, deps.random);
  if (clusterId === undefined) throw new Error("broken invariant of a storage node: it entered no cluster");
  return { nodeId, clusterId };
}
