import {
  keyString,
  type ListOptions,
  type ListResult,
  type OwnerQuery,
  type StoredRecord,
  type TypeQuery,
  type Version,
} from "@trellis/storage";

import { keyRange } from "./key-range.ts";
import { ownerString } from "./owner-index.ts";
import { RecordTree } from "./record-tree.ts";
import type { Store } from "./store.ts";
import { versionGone } from "./store-errors.ts";
import { nextTurn } from "./turn.ts";

/** What a list reads. */
export interface ListSource {
  readonly store: Store;
  /** The version that the list shows. */
  readonly version: Version;
  /** The records as of a version; throws `version-gone`. */
  treeAt(version: Version): Promise<RecordTree>;
  /** Throws when the list is no longer wanted. */
  checkOpen(): void;
}

/** Keys that a list looks at before it lets others go first: about two milliseconds. */
const LIST_SLICE_VISITS = 8192;

type Listed = Pick<ListResult, "records" | "more">;

/** Lists a type's records. What fits one slice of the present is read where it is; the rest reads a pinned copy, slice by slice. */
export async function listRange(source: ListSource, query: TypeQuery, options: ListOptions): Promise<Listed> {
  const range = keyRange(query);
  const limit = options.limit ?? Number.POSITIVE_INFINITY;
  let after = options.after === undefined ? undefined : keyString(options.after);
  // No await between the choice of the live tree and the walk: a commit could come between.
  const chosen = treeOf(source);
  let tree = chosen instanceof RecordTree ? chosen : await chosen;
  let records: readonly StoredRecord[] = [];
  for (;;) {
    const slice = tree.walk(range, { after, records: limit - records.length, visits: LIST_SLICE_VISITS });
    records = records.length === 0 ? slice.records : records.concat(slice.records);
    if (slice.stopped !== "visits") return { records, more: slice.stopped === "records" };
    after = slice.last;
    if (tree === source.store.tree) tree = source.store.pin();
    await nextTurn();
    source.checkOpen();
  }
}

/** Lists what an incarnation owns, of all types, slice by slice. */
export async function listOwned(
  source: ListSource,
  { owner }: OwnerQuery,
  options: ListOptions,
): Promise<Listed> {
  const { store, version } = source;
  const limit = options.limit ?? Number.POSITIVE_INFINITY;
  const wanted = ownerString(owner);
  const records: StoredRecord[] = [];
  let after = options.after === undefined ? undefined : keyString(options.after);
  for (;;) {
    const chosen = treeOf(source);
    const tree = chosen instanceof RecordTree ? chosen : await chosen;
    // What moved away since is found in the history only, be the copy at hand or not.
    if (version < store.history.startVersion) throw versionGone(store, version);
    let visits = 0;
    let stopped = false;
    for (const key of store.ownedSince(owner, version, after)) {
      stopped = visits === LIST_SLICE_VISITS;
      if (stopped) break;
      visits += 1;
      const record = tree.get(key);
      if (record?.owner !== undefined && ownerString(record.owner) === wanted) {
        if (records.length === limit) return { records, more: true };
        records.push(record);
      }
      after = key;
    }
    if (!stopped) return { records, more: false };
    if (tree === store.tree) store.pin();
    await nextTurn();
    source.checkOpen();
  }
}

function treeOf(source: ListSource): RecordTree | Promise<RecordTree> {
  const { store, version } = source;
  return store.version === version ? store.tree : source.treeAt(version);
}
