import {
  type DataDirectory,
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

/**
 * Makes a directory hold a new store with the resources of a snapshot: a cluster of this node alone, with ids of its own and versions that jump by
 * 2^32. The directory is empty, or has been given up with `replace`: then what it held is gone with its next start. Rejects with `invalid` for one
 * that holds something, `damaged` and `unsupported`; then nothing was changed.
 */
export async function restoreStore(
  { data, random }: { readonly data: DataDirectory; readonly random: Random },
  snapshot: { readonly pieces: AsyncIterable<Uint8Array>; readonly source: string },
  {
    name,
    address,
    replace = false,
  }: { readonly name: string; readonly address: string; readonly replace?: boolean },
): Promise<RestoredStore> {
  const lock = await data.identity.lock();
  try {
    const former = await readIdentity(data.identity);
    if (former?.clusterId !== undefined && !replace) {
      throw new RaftNodeError(
        "invalid",
        `${data.description} holds a store already; restore into an empty directory, or say that what is there may be replaced`,
      );
    }
    const { header, chunks } = await readSnapshot(snapshot.pieces, snapshot.source);
    const { index, term, featureLevel } = header;
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
