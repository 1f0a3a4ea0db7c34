import { emptyConfState, type HardState, type LogIndex, type NodeId, type Term } from "@trellis/raft";
import { openWal, type Wal, type WalLimits, type WalState } from "@trellis/wal";

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
  const identity = await readIdentity(data.identity);
  if (identity?.clusterId === undefined) {
    throw new RaftNodeError(
      "not-formed",
      `${data.description} belongs to no cluster yet; form one, join one, or restore a snapshot into it`,
    );
  }
  const { clusterId } = identity;
  const snapshots = await SnapshotStore.open(data.snapshots);
  const wal = await openLog(deps, { ...identity, clusterId }, snapshots, options);
  try {
    const snapshot = await newestSnapshot(wal, snapshots);
    if (snapshot !== undefined && snapshot.header.clusterId !== clusterId) {
      throw new RaftNodeError(
        "damaged",
        `${data.description} belongs to cluster ${clusterId}, its snapshot ${snapshot.name} to ${snapshot.header.clusterId}; ` +
          `put together what belongs together, or join again with an empty directory`,
      );
    }
    const hardState = loadedHardState(wal, snapshot);
    const window = await readWindow(wal, snapshot, hardState, options.onSnapshotWanted);
    return { id: identity.nodeId, clusterId, wal, snapshots, snapshot, window, hardState };
  } catch (error) {
    await wal.close();
    throw error;
  }
}

/** Opens the log, or begins it anew with the snapshot that a new cluster begins with. */
async function openLog(
  { clock, random, data }: LoadDeps,
  identity: Identity & { readonly clusterId: string },
  snapshots: SnapshotStore,
  { walLimits = {}, onWalState }: LoadOptions,
): Promise<Wal> {
  const deps = { disk: data.wal, clock, random };
  const options = { limits: walLimits, onState: onWalState };
  const { beginsAt } = identity;
  if (beginsAt === undefined) return await openWal(deps, options);
  const first = snapshots.find(beginsAt.index, beginsAt.term);
  if (first === undefined) {
    throw new RaftNodeError(
      "damaged",
      `${data.description} is to begin with the snapshot of entry ${beginsAt.index}, which is not there; form or restore again in an empty directory`,
    );
  }
  for (const name of await data.wal.list()) if (name !== LOCK) await data.wal.unlink(name);
  await data.wal.syncDirectory();
  const wal = await openWal(deps, options);
  try {
    await wal.append({ snapshot: { ...beginsAt, installed: true } });
    for (const file of snapshots.files) if (file.name !== first.name) await snapshots.discard(file);
    await writeIdentity(data.identity, { ...identity, beginsAt: undefined });
  } catch (error) {
    await wal.close();
    throw error;
  }
  return wal;
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

/** A commit index need not have been stored: what a snapshot has was committed. */
function loadedHardState(wal: Wal, snapshot: CheckedSnapshot | undefined): HardState {
  const { term, vote, commit } = decodeHardState(wal.hardState);
  const at: { readonly index: LogIndex; readonly term: Term } = snapshot ?? { index: 0, term: 0 };
  return term < at.term
    ? { term: at.term, vote: 0, commit: Math.max(commit, at.index) }
    : { term, vote, commit: Math.max(commit, at.index) };
}

async function readWindow(
  wal: Wal,
  snapshot: CheckedSnapshot | undefined,
  hardState: HardState,
  onSnapshotWanted: () => void,
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
      entries: [],
    },
    onSnapshotWanted,
  );
  for (let from = before + 1; from <= wal.lastIndex;) {
    const entries = await wal.read({ from, before: wal.lastIndex + 1 });
    // Views of large buffers would keep those for as long as the entries are kept.
    window.append(entries.map((entry) => fromWalEntry({ ...entry, bytes: Uint8Array.from(entry.bytes) })));
    from += entries.length;
  }
  return window;
}
