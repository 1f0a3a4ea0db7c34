import type { Item } from "./item.ts";

/** Where consecutive entries are: one item of one record. */
export interface Extent {
  readonly firstIndex: number;
  readonly count: number;
  /** The segment's number. */
  readonly segment: number;
  /** Of the record, from the beginning of the file. */
  readonly offset: number;
  /** Of the record's content. */
  readonly length: number;
  /** Where the item begins in the content. */
  readonly itemOffset: number;
}

/** Where a record is. */
export interface RecordPlace {
  readonly segment: number;
  readonly offset: number;
  readonly length: number;
}

/** Whether two extents are of one record, as those are that were appended in one batch. */
export function areOfOneRecord(one: RecordPlace, other: RecordPlace): boolean {
  return one.segment === other.segment && one.offset === other.offset;
}

/**
 * Where every entry of the log is on disk. Ascending by index, which is also the order in which they were written: writing an entry drops all
 * those from its index on. About a hundred bytes for each append, so the log's length, which snapshots bound, bounds it.
 */
export class Extents {
  #extents: Extent[] = [];

  /** Takes over what an item of a durable record says. */
  apply(item: Item, itemOffset: number, place: RecordPlace): void {
    if (item.kind === "snapshot" && item.installed) this.#extents = [];
    if (item.kind !== "entries") return;
    this.#truncate(item.firstIndex);
    const { firstIndex, entries } = item;
    this.#extents.push({ ...place, firstIndex, count: entries.length, itemOffset });
  }

  #truncate(fromIndex: number): void {
    for (let last = this.#extents.at(-1); last !== undefined; last = this.#extents.at(-1)) {
      if (last.firstIndex + last.count <= fromIndex) return;
      this.#extents.pop();
      if (last.firstIndex < fromIndex) {
        this.#extents.push({ ...last, count: fromIndex - last.firstIndex });
        return;
      }
    }
  }

  /** Forgets the extents that hold no entry from an index on. */
  dropBefore(index: number): void {
    const kept = this.#position(index);
    if (kept > 0) this.#extents.splice(0, kept);
  }

  /** The first segment that holds an entry from an index on; undefined when none does. */
  segmentOf(index: number): number | undefined {
    return this.#extents[this.#position(index)]?.segment;
  }

  /**
   * The extents of the entries from one index to before another: at least one, then as many as `maxBytes` of content allow, with all of the last
   * one's record.
   */
  range(from: number, before: number, maxBytes: number): readonly Extent[] {
    const found: Extent[] = [];
    let bytes = 0;
    for (let position = this.#position(from); position < this.#extents.length; position++) {
      const extent = this.#extents[position];
      if (extent === undefined || extent.firstIndex >= before) break;
      const last = found.at(-1);
      // The extents of a record follow each other: the first one that is taken counts for all.
      if (last === undefined || !areOfOneRecord(last, extent)) {
        if (bytes > maxBytes) break;
        bytes += extent.length - extent.itemOffset;
      }
      found.push(extent);
    }
    return found;
  }

  /** The position of the first extent that ends behind an index. */
  #position(index: number): number {
    let [low, high] = [0, this.#extents.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const extent = this.#extents[middle];
      if (extent !== undefined && extent.firstIndex + extent.count <= index) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
