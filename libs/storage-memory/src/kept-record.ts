import type { BackwardWriter } from "@trellis/resource/node";
import type { Key, OwnerRef, StoredRecord, Version } from "@trellis/storage";

import type { Alike } from "./alike.ts";
import type { Cell } from "./cell.ts";
import type { Slab } from "./slab.ts";

/** Where a record is in a slab: its uid, its generation and its bytes, one behind the other, and how many bytes each of them has. */
export interface Extent {
  readonly offset: number;
  readonly uidLength: number;
  readonly generationLength: number;
  readonly length: number;
}

/** What of a record is not in its slab. */
export interface KeptFields {
  readonly alike: Alike;
  readonly cell: Cell;
  readonly owner: OwnerRef | undefined;
  readonly marked: boolean;
  readonly version: Version;
}

/**
 * A record as the store keeps it: frozen, and few objects, as the garbage collector looks at each of them for each of a million records. Its bytes,
 * uid and generation are in a slab, its key is in its string form; what it gives of them is made when it is asked. They are own properties all the same, so
 * that copying and comparing records takes them along, and all records have the same getters: then they have one shape, and these cost none of them anything.
 * JavaScript cannot freeze bytes: whoever reads a record must leave its bytes alone.
 */
export class KeptRecord implements StoredRecord {
  declare readonly key: Key;
  declare readonly uid: string;
  declare readonly groupVersion: string;
  declare readonly generation: string;
  declare readonly bytes: Uint8Array;
  readonly owner: OwnerRef | undefined;
  readonly marked: boolean;
  readonly version: Version;
  readonly #alike: Alike;
  readonly #cell: Cell;
  /** Where it is may change, what it is does not. A frozen object's private fields can be written. */
  #slab: Slab;
  #offset: number;
  readonly #uidLength: number;
  readonly #generationLength: number;
  readonly #length: number;

  static readonly #made = {
    key: {
      get(this: KeptRecord) {
        const { group, kind, partition, namespace } = this.#alike;
        return Object.freeze({ group, kind, partition, namespace, name: this.name });
      },
      enumerable: true,
    },
    uid: {
      get(this: KeptRecord) {
        return this.#slab.memory.toString("utf8", this.#offset, this.#offset + this.#uidLength);
      },
      enumerable: true,
    },
    groupVersion: {
      get(this: KeptRecord) {
        return this.#alike.groupVersion;
      },
      enumerable: true,
    },
    generation: {
      get(this: KeptRecord) {
        const start = this.#offset + this.#uidLength;
        return this.#slab.memory.toString("utf8", start, start + this.#generationLength);
      },
      enumerable: true,
    },
    bytes: {
      get(this: KeptRecord) {
        const start = this.#offset + this.#uidLength + this.#generationLength;
        return new Uint8Array(this.#slab.memory.buffer, start, this.#length);
      },
      enumerable: true,
    },
  };

  constructor({ alike, cell, owner, marked, version }: KeptFields, slab: Slab, extent: Extent) {
    this.owner = owner;
    this.marked = marked;
    this.version = version;
    this.#alike = alike;
    this.#cell = cell;
    this.#slab = slab;
    this.#offset = extent.offset;
    this.#uidLength = extent.uidLength;
    this.#generationLength = extent.generationLength;
    this.#length = extent.length;
    // One by one takes half the time of all at once.
    Object.defineProperty(this, "key", KeptRecord.#made.key);
    Object.defineProperty(this, "uid", KeptRecord.#made.uid);
    Object.defineProperty(this, "groupVersion", KeptRecord.#made.groupVersion);
    Object.defineProperty(this, "generation", KeptRecord.#made.generation);
    Object.defineProperty(this, "bytes", KeptRecord.#made.bytes);
    Object.freeze(this);
  }

  /** Where it is or was stored: with others of the same key, as long as none was deleted. */
  get cell(): Cell {
    return this.#cell;
  }

  /** The string form of its key. */
  get text(): string {
    return this.#cell.text;
  }

  /** Of its key: without all the rest of that. */
  get name(): string {
    return this.#cell.text.slice(this.#alike.prefixLength, -1);
  }

  /** What it shares with others. */
  get alike(): Alike {
    return this.#alike;
  }

  /** How many bytes it has: without the view that `bytes` makes. */
  get byteLength(): number {
    return this.#length;
  }

  /** The slab that it is in, from where on, and how much of it is this record's. */
  get slab(): Slab {
    return this.#slab;
  }

  get offset(): number {
    return this.#offset;
  }

  get slabLength(): number {
    return this.#uidLength + this.#generationLength + this.#length;
  }

  /** Writes its uid as a field, and no string is made of it. */
  writeUid(writer: BackwardWriter, field: number): void {
    writer.part(field, this.#slab.memory, this.#offset, this.#offset + this.#uidLength);
  }

  /** Writes its generation as a field, as {@link writeUid}. */
  writeGeneration(writer: BackwardWriter, field: number): void {
    const start = this.#offset + this.#uidLength;
    writer.part(field, this.#slab.memory, start, start + this.#generationLength);
  }

  /** Writes its bytes as a field, as {@link writeUid}. */
  writeBytes(writer: BackwardWriter, field: number): void {
    const end = this.#offset + this.slabLength;
    writer.part(field, this.#slab.memory, end - this.#length, end);
  }

  /** Notes that it is in a slab now, from an offset on. */
  moved(slab: Slab, offset: number): void {
    this.#slab = slab;
    this.#offset = offset;
  }
}
