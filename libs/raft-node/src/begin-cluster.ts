import { emptyConfState, type LogIndex, type Term } from "@trellis/raft";

import { RaftNodeError } from "./errors.ts";
import {
  type Formation,
  type Identity,
  mintClusterId,
  mintIdentity,
  mintNodeId,
  oneAtATime,
  readIdentity,
  writeIdentity,
} from "./identity.ts";
import type { Member, SnapshotHeader } from "./member.ts";
import type { DataDirectory, Random } from "./ports.ts";
import { SnapshotStore, type StateChunk } from "./snapshots/snapshot-store.ts";

/** How far numbering jumps at least at a restore or a forced recovery: further than any log that was cut off can have gone. */
export const RECOVERY_JUMP = 2 ** 32;
/**
 * How much further it may go, by chance: a snapshot is restored a second time, elsewhere, or another member of the same cluster is recovered, and whoever saw
 * the first of these must not meet its versions in the second with other content. Enough that they keep apart, few enough for thousands of restores of restores.
 */
const RECOVERY_SPREAD = 2 ** 40 - RECOVERY_JUMP;

/** Draws up a formation. */
export function createFormation(members: readonly Member[], featureLevel: number, random: Random): Formation {
  return {
    clusterId: mintClusterId(random),
    members: [...members].sort((a, b) => a.id - b.id),
    featureLevel,
  };
}

/**
 * Makes this node one of the first members of a cluster: with the snapshot that all of them begin with, entry 1 of term 1. `chunks` are what
 * the state machines begin with, the same on all. Repeating it with the same formation does nothing. Rejects with `wrong-cluster` when the node
 * belongs to another cluster, and with `invalid` when the formation does not name it.
 */
export async function formCluster(
  data: DataDirectory,
  formation: Formation,
  chunks: (formation: Formation) => AsyncIterable<StateChunk>,
  random: Random,
): Promise<void> {
  await oneAtATime(data.identity, async () => {
    const identity = await mintIdentity(data, random);
    if (identity.clusterId === formation.clusterId) return;
    refuseMember(data, identity, formation.clusterId);
    if (!formation.members.some(({ id }) => id === identity.nodeId)) {
      throw new RaftNodeError(
        "invalid",
        `expected a formation of nodes among which is ${identity.nodeId}, found others; remove the old member and let this node join`,
      );
    }
    const header = headerOf(formation, { index: 1, term: 1 });
    await beginWith(data, { nodeId: identity.nodeId, formation }, header, chunks(formation));
  });
}

/** Makes this node wait for a cluster that has it, or will have it, as a member. Rejects with `wrong-cluster`. */
export async function joinCluster(data: DataDirectory, clusterId: string, random: Random): Promise<void> {
  await oneAtATime(data.identity, async () => {
    const identity = await mintIdentity(data, random);
    if (identity.clusterId === clusterId) return;
    refuseMember(data, identity, clusterId);
    const beginsAt = { index: 0, term: 0 };
    await writeIdentity(data.identity, { nodeId: identity.nodeId, clusterId, beginsAt });
  });
}

function refuseMember(data: DataDirectory, { clusterId }: Identity, wanted: string): void {
  if (clusterId === undefined) return;
  throw new RaftNodeError(
    "wrong-cluster",
    `${data.description} belongs to cluster ${clusterId}, not to ${wanted}; use an empty directory`,
  );
}

/** A state that a new cluster of one is to begin with. */
export interface RestoredState {
  /** The last index and term of the state's former log, as far as it is known; the directory's own snapshots count besides. */
  readonly index: LogIndex;
  readonly term: Term;
  readonly featureLevel: number;
  /** What the state machines begin with, in the new cluster. */
  readonly chunks: (formation: Formation) => AsyncIterable<StateChunk>;
}

/**
 * Begins a new cluster of this node alone with a state from elsewhere: a restored snapshot, or what a forced recovery saved. Numbering jumps by
 * 2^32 and more, so that no version of before is met again, nor one of another cluster that began with the same state; the cluster and the node get
 * new ids, so that former members are refused. What the directory held before is given up with the next start. Answers who the node is now. To be
 * called while no node runs on the directory.
 */
export async function restoreCluster(
  data: DataDirectory,
  self: Omit<Member, "id">,
  state: RestoredState,
  random: Random,
): Promise<{ readonly member: Member; readonly header: SnapshotHeader }> {
  const member = { ...self, id: mintNodeId(random) };
  const formation = createFormation([member], state.featureLevel, random);
  const jump = RECOVERY_JUMP + Math.floor(random() * RECOVERY_SPREAD);
  return await oneAtATime(data.identity, async () => {
    const former = await readIdentity(data.identity);
    if (former === undefined) await writeIdentity(data.identity, { nodeId: member.id });
    // What is restored may be older than what this directory was restored from before.
    const [newest] = (await SnapshotStore.open(data.snapshots)).files;
    const header = headerOf(formation, {
      index: Math.max(state.index, newest?.index ?? 0) + jump,
      term: Math.max(state.term, newest?.term ?? 0) + 1,
    });
    await beginWith(data, { nodeId: member.id }, header, state.chunks(formation));
    return { member, header };
  });
}

function headerOf(
  formation: Formation,
  at: { readonly index: LogIndex; readonly term: Term },
): SnapshotHeader {
  const { clusterId, members, featureLevel } = formation;
  return {
    clusterId,
    ...at,
    confState: { ...emptyConfState, voters: members.map(({ id }) => id) },
    members,
    featureLevel,
  };
}

/** The snapshot first, then the identity that makes it count: a crash between them changes nothing. */
async function beginWith(
  data: DataDirectory,
  identity: Identity,
  header: SnapshotHeader,
  chunks: AsyncIterable<StateChunk>,
): Promise<void> {
  const store = await SnapshotStore.open(data.snapshots);
  const { index, term } = await store.write(header, chunks);
  await writeIdentity(data.identity, { ...identity, clusterId: header.clusterId, beginsAt: { index, term } });
}
