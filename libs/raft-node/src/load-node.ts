import { emptyConfState, type HardState, type LogIndex, type NodeId, type Term } from "@trellis/raft";
import { openWal, type Wal, WalError, type WalLimits, type WalState } from "@trellis/wal";

import { decodeHardState, fromWalEntry } from "./entry-codec.ts";
import { RaftNodeError } from "./errors.ts";
import { type Identity, readIdentity, writeIdentity } from "./identity.ts";
import { LogWindow } from "./log-window.ts";
import type { SnapshotHeader } from "./member.ts";
import type { DataDirectory, NodeClock, Random } from "./ports.ts";
import type { CheckedSnapshot } from "./snapshots/snapshot-store.ts";
import { SnapshotStore } from "./snapshots/snapshot-store.ts";

/** The log's lock stays when the log begins anew. */
const LOCK = "LOCK";

/** What loading needs. */
export interface LoadDeps {
  readonly clock: NodeClock;
  readonly random: Random;
  readonly data: DataDirectory;
}

export interface LoadOptions {
  readonly walLimits?: Partial<WalLimits> | undefined;
  readonly onWalState: (state: WalState) => void;
  readonly onSnapshotWanted: () => void;
  /** Bytes of the log's last entries that stay in memory, at most. */
  readonly logMemoryBytes: number;
}

/** What a node has on disk, opened and checked. */
export interface LoadedNode {
  readonly id: NodeId;
  readonly clusterId: string;
  readonly wal: Wal;
  readonly snapshots: SnapshotStore;
  /** The newest snapshot that can be read; undefined for a node that has only joined. */
  readonly snapshot: CheckedSnapshot | undefined;
  readonly window: LogWindow;
  readonly hardState: HardState;
}

/** What a node begins with that has joined and heard of nobody yet. */
export function emptyHeader(clusterId: string): SnapshotHeader {
  return { clusterId, index: 0, term: 0, confState: emptyConfState, members: [], featureLevel: 0 };
}

/**
 * Opens what a node has on disk. Rejects with `not-formed` when it belongs to no cluster yet, `damaged`, `unsupported`, and as `openWal` does.
 */
export async function loadNode(deps: LoadDeps, options: LoadOptions): Promise<LoadedNode> {
  const { data } = deps;
  const identity = await memberIdentity(data);
  const wal = await openLog(deps, identity, options);
  try {
    // Behind the log's lock: whoever starts a second time on this directory must not touch its files.
    const snapshots = await SnapshotStore.open(data.snapshots);
    await beginAnew(data, identity, wal, snapshots);
    const snapshot = await newestSnapshot(wal, snapshots);
    const { nodeId, clusterId } = identity;
    if (snapshot !== undefined && snapshot.header.clusterId !== clusterId) {
      throw new RaftNodeError(
        "damaged",
        `${data.description} belongs to cluster ${clusterId}, its snapshot ${snapshot.name} to ${snapshot.header.clusterId}; ` +
          `put together what belongs together, or join again with an empty directory`,
      );
    }
    // A crash may have come between a new one and the end of the oldest.
    if (snapshot !== undefined) await snapshots.retain(snapshot.index);
    const hardState = recoveredHardState(wal.hardState, snapshot ?? { index: 0, term: 0 });
    const window = await readWindow({ wal, snapshot, hardState }, options);
    return { id: nodeId, clusterId, wal, snapshots, snapshot, window, hardState };
  } catch (error) {
    await wal.close();
    throw error;
  }
}

type MemberIdentity = Identity & { readonly clusterId: string };

async function memberIdentity(data: DataDirectory): Promise<MemberIdentity> {
  const identity = await readIdentity(data.identity);
  if (identity?.clusterId !== undefined) return { ...identity, clusterId: identity.clusterId };
  throw new RaftNodeError(
    "not-formed",
    `${data.description} belongs to no cluster yet; form one, join one, or restore a snapshot into it`,
  );
}

/** Opens the log. One that is to begin anew is emptied first; one that should be there and is not is refused: it held votes. */
async function openLog(
  { clock, random, data }: LoadDeps,
  identity: MemberIdentity,
  { walLimits = {}, onWalState }: LoadOptions,
): Promise<Wal> {
  const { beginsAt } = identity;
  if (beginsAt !== undefined) await emptyLog(data, beginsAt);
  const create = beginsAt !== undefined;
  try {
    return await openWal(
      { disk: data.wal, clock, random },
      { limits: walLimits, create, onState: onWalState },
    );
  } catch (error) {
    if (!WalError.is(error) || error.code !== "not-found") throw error;
    throw new RaftNodeError(
      "damaged",
      `${data.description} belongs to a member, node ${identity.nodeId}, and its log is gone, with what it voted; put it back from a copy of now, or remove ` +
        `this member from its cluster and let it join again with an empty directory`,
      { cause: error },
    );
  }
}

async function emptyLog(
  data: DataDirectory,
  beginsAt: { readonly index: number; readonly term: number },
): Promise<void> {
  const lock = await data.wal.lock();
  try {
    // Another process may have done it, and gone on, since this one looked.
    const { beginsAt: stillThere } = await memberIdentity(data);
    if (stillThere === undefined) {
      throw new RaftNodeError(
        "invalid",
        `another process has started on ${data.description} meanwhile; start it once`,
      );
    }
    const first = (await SnapshotStore.open(data.snapshots)).find(beginsAt.index, beginsAt.term);
    if (first === undefined && beginsAt.index > 0) {
      throw new RaftNodeError(
        "damaged",
        `${data.description} is to begin with the snapshot of entry ${beginsAt.index}, which is not there; form or restore again in an empty directory`,
      );
    }
    for (const name of await data.wal.list()) if (name !== LOCK) await data.wal.unlink(name);
    await data.wal.syncDirectory();
  } finally {
    await lock.release();
  }
}

/** Marks in an empty log what it begins with. What is left of another cluster goes before the identity says that it is done. */
async function beginAnew(
  data: DataDirectory,
  { beginsAt, ...identity }: MemberIdentity,
  wal: Wal,
  snapshots: SnapshotStore,
): Promise<void> {
  if (beginsAt === undefined) return;
  const { index, term } = beginsAt;
  if (index > 0) await wal.append({ snapshot: { index, term, installed: true } });
  for (const file of snapshots.files)
    if (file.index !== index || file.term !== term) await snapshots.discard(file);
  await writeIdentity(data.identity, identity);
}

/**
 * The newest snapshot that the log knows of and that can be read. One that came in and was not installed is in no log: it is deleted. When the
 * newest is damaged, the one before it does if the log goes on from there.
 */
async function newestSnapshot(wal: Wal, snapshots: SnapshotStore): Promise<CheckedSnapshot | undefined> {
  let failure: unknown;
  for (const file of snapshots.files) {
    if (wal.termOf(file.index) !== file.term) {
      if (file.index > (wal.snapshot?.index ?? 0)) await snapshots.discard(file);
      continue;
    }
    try {
      return await snapshots.check(file);
    } catch (error) {
      if (!RaftNodeError.is(error)) throw error;
      failure ??= error;
    }
  }
  if (failure !== undefined) throw failure;
  const mark = wal.snapshot;
  if (mark === undefined) return undefined;
  throw new RaftNodeError(
    "damaged",
    `the log goes on from a snapshot of entry ${mark.index} of term ${mark.term}, which is not there; put the file back from a copy, or remove ` +
      `this member from its cluster and let it join again with an empty directory`,
  );
}

/**
 * The hard state that a core begins with, of what the log has stored, if it has, and of the snapshot that it goes on from: what that has was committed, in a term
 * that was seen.
 */
export function recoveredHardState(
  stored: Uint8Array | undefined,
  snapshot: { readonly index: LogIndex; readonly term: Term },
): HardState {
  const { term, vote, commit } = decodeHardState(stored);
  const committed = Math.max(commit, snapshot.index);
  return term < snapshot.term
    ? { term: snapshot.term, vote: 0, commit: committed }
    : { term, vote, commit: committed };
}

async function readWindow(
  { wal, snapshot, hardState }: Pick<LoadedNode, "wal" | "snapshot" | "hardState">,
  { onSnapshotWanted, logMemoryBytes }: LoadOptions,
): Promise<LogWindow> {
  const at = { index: snapshot?.index ?? 0, term: snapshot?.term ?? 0 };
  const confState = snapshot?.header.confState ?? emptyConfState;
  const kept = Math.min(at.index, wal.firstIndex - 1);
  const before = wal.termOf(kept) === undefined ? at.index : kept;
  const window = new LogWindow(
    {
      hardState,
      confState,
      snapshot: at,
      before: { index: before, term: before === at.index ? at.term : (wal.termOf(before) ?? 0) },
    },
    { memoryBytes: logMemoryBytes, onSnapshotWanted },
  );
  for (let from = before + 1; from <= wal.lastIndex;) {
    const entries = await wal.read({ from, before: wal.lastIndex + 1 });
    // Those of one record share a buffer, and records go as their entries do, from the first on: at most one is kept for a part of it.
    window.append(entries.map(fromWalEntry));
    from += entries.length;
  }
  return window;
}
