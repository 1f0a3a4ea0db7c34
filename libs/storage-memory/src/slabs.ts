import { Buffer } from "node:buffer";

import type { Key, RecordInit, Version } from "@trellis/storage";

import { alike } from "./alike.ts";
import type { Cell } from "./cell.ts";
import { KeptRecord } from "./kept-record.ts";
import { footprint, Slab } from "./slab.ts";
import { frozenOwner } from "./stored-record.ts";

/** A record that is to be kept. */
export interface Keeping {
  readonly key: Key;
  readonly cell: Cell;
  readonly init: RecordInit;
  readonly version: Version;
}

/**
 * A slab at most. Whoever holds on to a single record that the store has given up holds on to its slab. More than 128 KiB, from which on allocators give memory back to the system when it is freed (glibc's M_MMAP_THRESHOLD): smaller
 * ones left holes between other things, a tenth of what a large store has. And a little less than whole pages, for what the allocator notes.
 */
const SLAB_BYTES = 132 * 1024 - 64;
/** A record of more bytes has a slab of its own: what it could leave free at the end of a shared one is at most an eighth of that. */
const LARGE_BYTES = SLAB_BYTES / 8;
/** Waste is borne up to this share of what is live, and up to so many bytes more. */
export const MAX_WASTE = 0.25;
export const SPARE_BYTES = 1024 * 1024;
/** A slab with no more than this share live is worth emptying: what it is emptied into is fuller. */
const WORTH_EMPTYING = 0.8;
/** Slabs that are compared, to empty the one with the least live. */
const COMPARED = 8;
/** Bytes moved at most in one slice, and somewhat more: half a millisecond. */
const SLICE_BYTES = 512 * 1024;

/** The memory of a store's records: slabs that are filled one after the other, and emptied when too much of them is waste. */
export class Slabs {
  /** By this its slabs are known as one store's. */
  readonly mark = Object.freeze({});
  readonly #slabs: Slab[] = [];
  #filling: Slab | undefined;
  #bytes = 0;
  #liveBytes = 0;
  /** Goes round the slabs: where those are that are compared next. */
  #hand = 0;

  /** The bytes of all slabs. */
  get bytes(): number {
    return this.#bytes;
  }

  /** What the records in them take that have not been released, their uids and generations included. */
  get liveBytes(): number {
    return this.#liveBytes;
  }

  /** Makes the store's form of a record that is to be in a cell, in the place of `previous`. The bytes are copied. */
  keep({ key, cell, init, version }: Keeping, previous: KeptRecord | undefined): KeptRecord {
    const { uid, groupVersion, generation, owner, marked, bytes } = init;
    const uidLength = Buffer.byteLength(uid);
    const generationLength = Buffer.byteLength(generation);
    const taken = footprint(uidLength + generationLength + bytes.length);
    const slab = this.#roomFor(taken);
    const offset = slab.reserve(taken);
    slab.memory.write(uid, offset, uidLength);
    slab.memory.write(generation, offset + uidLength, generationLength);
    slab.memory.set(bytes, offset + uidLength + generationLength);
    const fields = {
      alike: previous?.groupVersion === groupVersion ? previous.alike : alike(key, cell.text, groupVersion),
      cell,
      owner: owner === undefined ? undefined : frozenOwner(owner),
      marked,
      version,
    };
    const record = new KeptRecord(fields, slab, {
      offset,
      uidLength,
      generationLength,
      length: bytes.length,
    });
    slab.add(record);
    this.#liveBytes += taken;
    return record;
  }

  /** Counts a record as one that nobody needs, once. It can be read for as long as somebody has it. */
  release(record: KeptRecord): void {
    const { slab } = record;
    slab.remove(record);
    this.#liveBytes -= footprint(record.slabLength);
    if (slab.isEmpty && slab !== this.#filling) this.#giveUp(slab);
  }

  /**
   * Empties slabs while too much is waste, one slice of it: what is live in them moves to others, and the memory is free once nobody has a view of it. A record
   * stays the same object. True while there is more to be done.
   */
  compact(): boolean {
    let moved = 0;
    while (this.#isWasteful) {
      if (moved >= SLICE_BYTES) return true;
      const slab = this.#next();
      if (slab === undefined) return false;
      moved += slab.live;
      for (const record of slab.records) {
        this.#move(record);
      }
    }
    return false;
  }

  #move(record: KeptRecord): void {
    const { slab: former, offset: formerOffset, slabLength } = record;
    const taken = footprint(slabLength);
    const slab = this.#roomFor(taken);
    const offset = slab.reserve(taken);
    former.memory.copy(slab.memory, offset, formerOffset, formerOffset + slabLength);
    this.release(record);
    record.moved(slab, offset);
    slab.add(record);
    this.#liveBytes += taken;
  }

  get #isWasteful(): boolean {
    return this.#bytes > this.#liveBytes * (1 + MAX_WASTE) + SPARE_BYTES;
  }

  /** Of the next few slabs the one with the least live, further on if need be; undefined when none at all is worth emptying. */
  #next(): Slab | undefined {
    let emptiest: Slab | undefined;
    let least = WORTH_EMPTYING;
    for (let looked = 1; looked <= this.#slabs.length; looked++) {
      this.#hand = (this.#hand + 1) % this.#slabs.length;
      const slab = this.#slabs[this.#hand];
      if (slab !== undefined && slab !== this.#filling && slab.liveShare <= least) {
        emptiest = slab;
        least = slab.liveShare;
      }
      if (looked % COMPARED === 0 && emptiest !== undefined) break;
    }
    return emptiest;
  }

  #roomFor(bytes: number): Slab {
    if (bytes > LARGE_BYTES) return this.#add(bytes);
    const former = this.#filling;
    if (former?.hasRoomFor(bytes) === true) return former;
    // As large as all before it: a store with little in it has little.
    this.#filling = this.#add(Math.min(SLAB_BYTES, Math.max(LARGE_BYTES, this.#bytes)));
    if (former?.isEmpty === true) this.#giveUp(former);
    return this.#filling;
  }

  #add(bytes: number): Slab {
    const slab = new Slab(this.mark, bytes, this.#slabs.length);
    this.#slabs.push(slab);
    this.#bytes += bytes;
    return slab;
  }

  #giveUp(slab: Slab): void {
    const last = this.#slabs.pop();
    if (last !== undefined && last !== slab) {
      this.#slabs[slab.index] = last;
      last.index = slab.index;
    }
    this.#bytes -= slab.memory.length;
  }
}
