import type { Append, Entry, SnapshotMark } from "./entry.ts";
import { isUint53, readUint53, writeUint53 } from "./integers.ts";

/** The state of the log before a segment's first record: what makes a segment readable without those before it. */
export interface Base {
  readonly lastIndex: number;
  readonly lastTerm: number;
  readonly snapshot: SnapshotMark | undefined;
  readonly hardState: Uint8Array | undefined;
}

/** What a record is made of, in the order in which it takes effect. */
export type Item =
  | { readonly kind: "base"; readonly base: Base }
  | { readonly kind: "entries"; readonly firstIndex: number; readonly entries: readonly Entry[] }
  | { readonly kind: "hardState"; readonly bytes: Uint8Array }
  | { readonly kind: "snapshot"; readonly mark: SnapshotMark; readonly installed: boolean };

const BASE = 1;
const ENTRIES = 2;
const HARD_STATE = 3;
const SNAPSHOT = 4;

/** Kind, four numbers, whether there is a hard state, its length. */
const BASE_BYTES = 1 + 32 + 1 + 4;
const ENTRIES_BYTES = 1 + 8 + 4;
/** Term and length before each entry's bytes. */
const ENTRY_BYTES = 8 + 4;
const HARD_STATE_BYTES = 1 + 4;
const SNAPSHOT_BYTES = 1 + 8 + 8 + 1;

/** The items that an append becomes. */
export function itemsOf({ snapshot, entries = [], hardState }: Append): readonly Item[] {
  const items: Item[] = [];
  if (snapshot !== undefined) {
    const { index, term, installed = false } = snapshot;
    items.push({ kind: "snapshot", mark: { index, term }, installed });
  }
  const [first] = entries;
  if (first !== undefined) items.push({ kind: "entries", firstIndex: first.index, entries });
  if (hardState !== undefined) items.push({ kind: "hardState", bytes: hardState });
  return items;
}

/** The bytes that an item takes up. */
export function itemBytes(item: Item): number {
  switch (item.kind) {
    case "base":
      return BASE_BYTES + (item.base.hardState?.length ?? 0);
    case "entries":
      return item.entries.reduce((bytes, entry) => bytes + ENTRY_BYTES + entry.bytes.length, ENTRIES_BYTES);
    case "hardState":
      return HARD_STATE_BYTES + item.bytes.length;
    case "snapshot":
      return SNAPSHOT_BYTES;
  }
}

/** Writes an item. Answers where the next one goes. */
export function writeItem(target: Buffer, item: Item, offset: number): number {
  switch (item.kind) {
    case "base":
      return writeBase(target, item.base, offset);
    case "entries":
      return writeEntries(target, item, offset);
    case "hardState":
      return writeBytes(target, item.bytes, target.writeUInt8(HARD_STATE, offset));
    case "snapshot": {
      target.writeUInt8(SNAPSHOT, offset);
      writeUint53(target, item.mark.index, offset + 1);
      writeUint53(target, item.mark.term, offset + 9);
      return target.writeUInt8(item.installed ? 1 : 0, offset + 17);
    }
  }
}

function writeBase(
  target: Buffer,
  { lastIndex, lastTerm, snapshot, hardState }: Base,
  offset: number,
): number {
  target.writeUInt8(BASE, offset);
  writeUint53(target, lastIndex, offset + 1);
  writeUint53(target, lastTerm, offset + 9);
  writeUint53(target, snapshot?.index ?? 0, offset + 17);
  writeUint53(target, snapshot?.term ?? 0, offset + 25);
  const next = target.writeUInt8(hardState === undefined ? 0 : 1, offset + 33);
  return writeBytes(target, hardState ?? new Uint8Array(), next);
}

function writeEntries(
  target: Buffer,
  { firstIndex, entries }: { readonly firstIndex: number; readonly entries: readonly Entry[] },
  offset: number,
): number {
  target.writeUInt8(ENTRIES, offset);
  writeUint53(target, firstIndex, offset + 1);
  let next = target.writeUInt32LE(entries.length, offset + 9);
  for (const { term, bytes } of entries) {
    writeUint53(target, term, next);
    next = writeBytes(target, bytes, next + 8);
  }
  return next;
}

function writeBytes(target: Buffer, bytes: Uint8Array, offset: number): number {
  const next = target.writeUInt32LE(bytes.length, offset);
  target.set(bytes, next);
  return next + bytes.length;
}

/** Reads items one after the other; their bytes are views of the source. Throws a RangeError for what no version of this package wrote. */
export class ItemReader {
  readonly #source: Buffer;
  #offset: number;

  constructor(source: Buffer, offset: number) {
    this.#source = source;
    this.#offset = offset;
  }

  /** Where the next item begins. */
  get offset(): number {
    return this.#offset;
  }

  next(): Item {
    const kind = this.#byte();
    switch (kind) {
      case BASE:
        return { kind: "base", base: this.#base() };
      case ENTRIES:
        return this.#entries();
      case HARD_STATE:
        return { kind: "hardState", bytes: this.#bytes() };
      case SNAPSHOT:
        return {
          kind: "snapshot",
          mark: { index: this.#number(), term: this.#number() },
          installed: this.#flag(),
        };
      default:
        throw new RangeError(`an item of the unknown kind ${kind}`);
    }
  }

  #base(): Base {
    const [lastIndex, lastTerm, index, term] = [
      this.#number(),
      this.#number(),
      this.#number(),
      this.#number(),
    ];
    const hasHardState = this.#flag();
    const bytes = this.#bytes();
    return {
      lastIndex,
      lastTerm,
      snapshot: index === 0 ? undefined : { index, term },
      hardState: hasHardState ? bytes : undefined,
    };
  }

  #entries(): Item {
    const firstIndex = this.#number();
    const count = this.#source.readUInt32LE(this.#take(4));
    const entries: Entry[] = [];
    for (let position = 0; position < count; position++) {
      const term = this.#number();
      entries.push({ index: firstIndex + position, term, bytes: this.#bytes() });
    }
    return { kind: "entries", firstIndex, entries };
  }

  #byte(): number {
    return this.#source.readUInt8(this.#take(1));
  }

  #flag(): boolean {
    const flag = this.#byte();
    if (flag > 1) throw new RangeError(`a flag is 0 or 1, found ${flag}`);
    return flag === 1;
  }

  #number(): number {
    const value = readUint53(this.#source, this.#take(8));
    if (!isUint53(value)) throw new RangeError("a number beyond 2^53");
    return value;
  }

  #bytes(): Uint8Array {
    const length = this.#source.readUInt32LE(this.#take(4));
    const offset = this.#take(length);
    return this.#source.subarray(offset, offset + length);
  }

  /** Moves on over so many bytes; answers where they begin. */
  #take(bytes: number): number {
    const offset = this.#offset;
    if (offset + bytes > this.#source.length)
      throw new RangeError("an item goes on behind the end of its record");
    this.#offset += bytes;
    return offset;
  }
}
