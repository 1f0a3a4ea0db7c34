import {
  checkCommit,
  type CommitResult,
  type Key,
  keyString,
  type Operation,
  type OwnerRef,
  type Position,
  type StoredRecord,
  TextKey,
  toVersion,
  type Version,
} from "@trellis/storage";

import { Cell } from "./cell.ts";
import { Copies, Rebuild } from "./copies.ts";
import { type Change, evaluate } from "./evaluate.ts";
import { History } from "./history.ts";
import type { KeptRecord } from "./kept-record.ts";
import { type StoreLimits, storeLimits } from "./limits.ts";
import { OwnerIndex, ownerString } from "./owner-index.ts";
import { Past } from "./past.ts";
import { RecordTree } from "./record-tree.ts";
import { type Keeping, Slabs } from "./slabs.ts";

/** What a store begins with. */
export interface StoreInit {
  /** A ULID. */
  readonly storeId: string;
  /** The version that the store has at first; its history begins here. */
  readonly version: Version;
  /** The records of that version, of a snapshot. The store makes its own form of them. */
  readonly records?: Iterable<StoredRecord> | undefined;
}

/**
 * A versioned, ordered store: a hash map for points, a copy-on-write tree for lists, which both lead to the same cells, an owner index and a bounded history. It is
 * synchronous and deterministic: the same commits give the same results and records everywhere. It has no clock; `expire` tells it the
 * time, which bounds only how long it keeps the past.
 */
export class Store {
  readonly storeId: string;
  readonly limits: StoreLimits;
  readonly history: History;
  readonly copies: Copies;
  readonly past = new Past();
  readonly #cells = new Map<string, Cell>();
  readonly #tree = new RecordTree();
  readonly #owners = new OwnerIndex();
  readonly #slabs = new Slabs();
  readonly #finder = (key: Key, text: string) => this.#find(key, text);
  #version: Version;
  #bytes = 0;

  constructor({ storeId, version, records = [] }: StoreInit, limits: StoreLimits) {
    this.storeId = storeId;
    this.limits = limits;
    this.#version = version;
    this.history = new History(version, limits, (former) => this.#slabs.release(former));
    this.copies = new Copies(limits);
    this.load(records);
  }

  /**
   * Adds records of the snapshot that the store begins with, so that a large one is put in slice by slice: before the first commit and the first
   * reader. Throws a RangeError after the first commit, for a key that is there already, and for a record that is newer than the store.
   */
  load(records: Iterable<StoredRecord>): void {
    if (this.#version !== this.history.startVersion)
      throw new RangeError(
        `a snapshot is put in before the first commit, found the store at ${this.#version}`,
      );
    for (const record of records) {
      const key = keyString(record.key);
      if (record.version > this.#version || this.#cells.has(key)) {
        throw new RangeError(
          `a snapshot of version ${this.#version} has one record per key, none newer; found ${key} at ${record.version}`,
        );
      }
      this.#put({ key: record.key, cell: new Cell(key), init: record, version: record.version }, undefined);
    }
  }

  /** The store and its last applied version. */
  get position(): Position {
    return { storeId: this.storeId, version: this.#version };
  }

  get version(): Version {
    return this.#version;
  }

  /** How many records there are. */
  get size(): number {
    return this.#cells.size;
  }

  /** What the store keeps the bytes of its records in, those of its history included. */
  get memory(): Pick<Slabs, "bytes" | "liveBytes"> {
    return this.#slabs;
  }

  /** The bytes of the records' resources together. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Evaluates a commit and applies all of it or nothing. It gets `version`, which must be newer than the store's; the next number when
   * absent. A commit that changes nothing takes no version. Throws `invalid` as `checkCommit` does, having changed nothing.
   */
  apply(operations: readonly Operation[], version: Version = toVersion(this.#version + 1)): CommitResult {
    if (version <= this.#version)
      throw new RangeError(`a commit's version is above ${this.#version}, found ${version}`);
    const evaluation = this.#evaluate(operations, version);
    if ("refused" in evaluation) return evaluation.refused;
    const { changes } = evaluation;
    if (changes.length === 0) return { outcome: "applied", version: this.#version };
    for (const change of changes) this.#change(change, version);
    this.#version = version;
    this.history.push(version);
    this.compact();
    return { outcome: "applied", version };
  }

  /** Says what {@link apply} would answer now, without applying; a success carries the store's current version. */
  evaluateOnly(operations: readonly Operation[]): CommitResult {
    const evaluation = this.#evaluate(operations, toVersion(this.#version + 1));
    return "refused" in evaluation ? evaluation.refused : { outcome: "applied", version: this.#version };
  }

  /** Moves the version on past commits that changed nothing but took a number elsewhere, as in a replicated log. */
  advance(version: Version): void {
    if (version < this.#version)
      throw new RangeError(`a version only grows: ${this.#version} now, found ${version}`);
    this.#version = version;
  }

  /** The record under a key now. */
  get(key: Key): StoredRecord | undefined {
    return this.#find(key, keyString(key));
  }

  /** The records of now, in the order of their keys. Valid until the next commit; pin a copy to read on after it. */
  get tree(): RecordTree {
    return this.#tree;
  }

  /** A copy of now for who keeps it himself, and lets go of it when he is done. */
  copy(): RecordTree {
    return this.#tree.clone(this.past.look(this.#version));
  }

  /** Pins a copy of now, shared with whoever pinned this version before. */
  pin(): RecordTree {
    const pinned = this.copies.find(this.#version);
    if (pinned !== undefined) return pinned;
    const tree = this.copy();
    this.copies.pin(this.#version, tree, this.copies.churnNow);
    return tree;
  }

  /**
   * The records as of an older version: the tree if it is at hand, a rebuild to be advanced and then given to `pinRebuilt` if the history
   * reaches back, undefined if the version is no longer kept.
   */
  at(version: Version): RecordTree | Rebuild | undefined {
    if (version > this.#version)
      throw new RangeError(`the store is at ${this.#version}, found the later version ${version}`);
    if (version === this.#version) return this.pin();
    const pinned = this.copies.find(version);
    if (pinned !== undefined) return pinned;
    if (version < this.history.startVersion) return undefined;
    const newer = this.copies.nearestAfter(version);
    return newer === undefined
      ? new Rebuild(version, this.copy(), this.#version, this.history)
      : new Rebuild(version, newer.tree, newer.version, this.history);
  }

  /** Pins a finished rebuild as the copy of its version. */
  pinRebuilt(version: Version, rebuild: Rebuild): void {
    this.copies.pin(version, rebuild.tree, this.copies.churnNow - rebuild.cost);
  }

  /**
   * The key strings of what an incarnation owned as of a version within the history, and maybe some that it owned only later, in order, after `after`
   * when it is given. Valid until the next commit.
   */
  *ownedSince(owner: OwnerRef, version: Version, after?: string): Generator<string, void> {
    const former = this.#formerlyOwned(owner, version).filter((key) => after === undefined || key > after);
    let next = 0;
    for (const key of this.#owners.ownedBy(owner, after)) {
      if (key === after) continue;
      for (let other = former[next]; other !== undefined && other < key; other = former[++next]) yield other;
      yield key;
    }
    yield* former.slice(next);
  }

  /** What an incarnation owned at some time since a version and does not now, in order. */
  #formerlyOwned(owner: OwnerRef, version: Version): string[] {
    if (version === this.#version) return [];
    const wanted = ownerString(owner);
    const keys = new Set<string>();
    const { history } = this;
    history.visit(history.positionAfter(version), history.next, (_, before) => {
      if (before?.owner === undefined || ownerString(before.owner) !== wanted) return;
      if (!this.#owners.owns(owner, before.text)) keys.add(before.text);
    });
    return [...keys].sort();
  }

  /** Lets go of history and copies beyond their age, at `nowMs` of a monotonic clock. */
  expire(nowMs: number): void {
    this.history.expire(nowMs);
    this.copies.expire(nowMs);
  }

  /**
   * Moves bytes of records together where too much of their memory is waste, and forgets what nobody looks at any more: a slice of it. Each commit does; this is for a
   * store that has nothing else to do. True while there is more to be done.
   */
  compact(): boolean {
    const isPruning = this.past.prune();
    return this.#slabs.compact() || isPruning;
  }

  #evaluate(operations: readonly Operation[], nextVersion: Version) {
    const keys = checkCommit(operations);
    return evaluate(operations, keys, {
      find: this.#finder,
      version: this.#version,
      nextVersion,
    });
  }

  /** The record under a key, without a look at the map for one that was found there before. */
  #find(key: Key, text: string): KeptRecord | undefined {
    if (!(key instanceof TextKey)) return this.#cells.get(text)?.record;
    const { place } = key;
    if (place instanceof Cell && place.record?.slab.mark === this.#slabs.mark) return place.record;
    const cell = this.#cells.get(text);
    key.foundAt(cell);
    return cell?.record;
  }

  #change(change: Change, version: Version): void {
    if (change.kind === "delete") {
      this.#delete(change.record, version);
      this.history.add(change.record, change.record);
      return;
    }
    const { text, operation, previous } = change;
    const cell = previous?.cell ?? new Cell(text);
    const record = this.#put({ key: operation.key, cell, init: operation.record, version }, previous);
    this.history.add(record, previous);
  }

  #put(keeping: Keeping, previous: KeptRecord | undefined): KeptRecord {
    const { cell, version } = keeping;
    const record = this.#slabs.keep(keeping, previous);
    if (previous === undefined) {
      this.#cells.set(cell.text, cell);
      this.#tree.set(cell);
    } else this.past.replaced(cell, previous, version);
    cell.record = record;
    this.#owners.replace(cell.text, previous, record);
    this.#bytes += record.byteLength - (previous?.byteLength ?? 0);
    this.copies.noteChange(previous);
    return record;
  }

  #delete(previous: KeptRecord, version: Version): void {
    const { cell, text } = previous;
    this.past.replaced(cell, previous, version);
    cell.record = undefined;
    this.#cells.delete(text);
    this.#tree.delete(text);
    this.#owners.replace(text, previous, undefined);
    this.#bytes -= previous.byteLength;
    this.copies.noteChange(previous);
  }
}

/** Makes a store. `limits` names only what differs from the defaults. */
export function createStore(init: StoreInit, limits?: Partial<StoreLimits>): Store {
  return new Store(init, storeLimits(limits));
}
