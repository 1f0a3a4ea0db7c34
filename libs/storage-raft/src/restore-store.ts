import {
  type DataDirectory,
  hasLostIdentity,
  type Random,
  readIdentity,
  readSnapshot,
  RaftNodeError,
  restoreCluster,
  type StateChunk,
} from "@trellis/raft-node";

import { STORAGE_KIND } from "./command.ts";
import { storeIdOf, withNewStore } from "./snapshot/first-content.ts";
import { type ContentSummary, summarizeContent } from "./snapshot/summarize-content.ts";
import { FEATURE_LEVEL } from "./start-replica.ts";

/** What a snapshot file holds. */
export interface SnapshotSummary extends ContentSummary {
  readonly clusterId: string;
  /** The last entry that it has: the version of its store. */
  readonly version: number;
  readonly term: number;
  readonly members: number;
}

/** Reads a snapshot to its end and checks all of it. Rejects with `damaged`, `unsupported`. */
export async function verifySnapshot(
  pieces: AsyncIterable<Uint8Array>,
  source: string,
): Promise<SnapshotSummary> {
  const { header, chunks } = await readSnapshot(pieces, source);
  const content = await summarizeContent(storageOf(chunks));
  const { clusterId, index, term, members } = header;
  return { ...content, clusterId, version: index, term, members: members.length };
}

/** What a restored store is. */
export interface RestoredStore {
  readonly clusterId: string;
  readonly storeId: string;
  /** Where its versions begin: no version of the store that the snapshot was taken of is met again. */
  readonly version: number;
}

/** What a restored store is restored with. */
export interface RestoreDeps {
  readonly data: DataDirectory;
  readonly random: Random;
}

/** A snapshot, wherever its bytes come from; `source` names it in messages. */
export interface SnapshotSource {
  readonly pieces: AsyncIterable<Uint8Array>;
  readonly source: string;
}

/** What the one member of a restored store is called, and whether the directory was given up. */
export interface RestoreOptions {
  readonly name: string;
  /** `host:port`; empty for a server that is for ever alone. */
  readonly address: string;
  readonly replace?: boolean | undefined;
}

/**
 * Makes a directory hold a new store with the resources of a snapshot: a cluster of this node alone, with ids of its own and versions that jump by
 * 2^32 and more. The directory is empty, or has been given up with `replace`: then what it held is gone with its next start. Rejects with `invalid` for one
 * that holds something, `damaged` and `unsupported`, and with the log's `locked` for one that is in use; then what it held is as it was.
 */
export async function restoreStore(
  { data, random }: RestoreDeps,
  { pieces, source }: SnapshotSource,
  { name, address, replace = false }: RestoreOptions,
): Promise<RestoredStore> {
  const lock = await data.identity.lock();
  try {
    if (!replace) await refuseStore(data);
    const { header, chunks } = await readSnapshot(pieces, source);
    const { index, term, featureLevel } = header;
    if (featureLevel > FEATURE_LEVEL) {
      throw new RaftNodeError(
        "unsupported",
        `${source} is of a cluster at feature level ${featureLevel}, this version supports ${FEATURE_LEVEL}; use the version that wrote it`,
      );
    }
    const restored = await restoreCluster(
      data,
      { name, address },
      {
        index,
        term,
        featureLevel,
        async *chunks({ clusterId }) {
          const content = withNewStore(storageOf(chunks), storeIdOf(clusterId));
          for await (const bytes of content) yield { kind: STORAGE_KIND, bytes };
        },
      },
      random,
    );
    const { clusterId } = restored.header;
    return { clusterId, storeId: storeIdOf(clusterId), version: restored.header.index };
  } finally {
    await lock.release();
  }
}

async function refuseStore(data: DataDirectory): Promise<void> {
  const identity = await readIdentity(data.identity);
  if (identity?.clusterId === undefined && !(await hasLostIdentity(data))) return;
  throw new RaftNodeError(
    "invalid",
    `${data.description} holds a store already; restore into an empty directory, or say that what is there may be replaced`,
  );
}

/** The storage's part of a snapshot, which has no other. */
async function* storageOf(chunks: AsyncIterable<StateChunk>): AsyncGenerator<Uint8Array> {
  for await (const { kind, bytes } of chunks) {
    if (kind !== STORAGE_KIND) {
      throw new RaftNodeError(
        "unsupported",
        `the snapshot has a part of kind ${kind}, which this version does not know; use the version that wrote it`,
      );
    }
    yield bytes;
  }
}
