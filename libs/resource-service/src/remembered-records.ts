import {
  type Key,
  keyString,
  type OwnerRef,
  type Position,
  type RecordInit,
  type StoredRecord,
  type Version,
} from "@trellis/storage";

/** Memory comes in pieces, so that little of it is there where little is remembered. */
const PIECE_BYTES = 1024 * 1024;
/** Larger ones are read each time: a piece is to hold many. */
const MAX_RECORD_BYTES = 64 * 1024;
/** So often a record that somebody else had changed is not remembered: others write it, too. */
const DISPUTED_FOR = 8;
const MAX_DISPUTED = 4_096;

/** Bounds of {@link RememberedRecords}. */
export interface RecordMemoryBounds {
  /** Pieces of a mebibyte. */
  readonly maxPieces: number;
  /** Records, with those that others took the place of. */
  readonly maxRecords: number;
}

/** With what each record takes besides, some 120 MiB. */
const BOUNDS: RecordMemoryBounds = { maxPieces: 80, maxRecords: 128 * 1024 };

/** Where a record is in its piece: its uid, its generation and its bytes, one behind the other. */
interface Place {
  readonly text: string;
  readonly piece: Piece;
  readonly offset: number;
  /** What fits there. */
  readonly room: number;
  uidLength: number;
  generationLength: number;
  bytesLength: number;
  groupVersion: string;
  owner: OwnerRef | undefined;
  marked: boolean;
  version: Version;
}

interface Piece {
  readonly memory: Buffer;
  readonly places: Place[];
  used: number;
}

/**
 * What this server stored last, where the store is in another process: a mutation plans on it instead of a read, as on any belief that may be old, and its commit proves it or tells what is
 * stored. A record that others had changed in the meantime is read for a while: where several servers write it, to remember it would cost them a refused commit each time.
 *
 * A store never gives a version twice: what has the version that is stored is what is stored. Of another store nothing is known.
 */
export class RememberedRecords {
  readonly #bounds: RecordMemoryBounds;
  /** The store that everything is of. */
  #storeId: string | undefined;
  /** By the string form of their keys. */
  readonly #places = new Map<string, Place>();
  /** From the one whose records are the oldest on; the last is being filled. */
  readonly #pieces: Piece[] = [];
  /** Of all pieces. */
  #records = 0;
  /** How often what is learned of these is not remembered yet. */
  readonly #disputed = new Map<string, number>();
  /** A few strings, each for many records. */
  readonly #groupVersions = new Map<string, string>();

  constructor(bounds: RecordMemoryBounds = BOUNDS) {
    this.#bounds = bounds;
  }

  /** How many records are remembered. */
  get size(): number {
    return this.#places.size;
  }

  /** What was stored under a key last, as far as this server knows: a copy. */
  get(key: Key, storeId: string): StoredRecord | undefined {
    this.#isOf(storeId);
    const place = this.#places.get(keyString(key));
    if (place === undefined) return undefined;
    const { piece, offset, uidLength, generationLength, bytesLength } = place;
    const { groupVersion, owner, marked, version } = place;
    const generationAt = offset + uidLength;
    const bytesAt = generationAt + generationLength;
    const bytes = Buffer.from(piece.memory.subarray(bytesAt, bytesAt + bytesLength));
    const uid = piece.memory.toString("latin1", offset, generationAt);
    const generation = piece.memory.toString("latin1", generationAt, bytesAt);
    return { key, uid, groupVersion, generation, owner, marked, bytes, version };
  }

  /** Notes what a commit of this server stored, and as which version of which store. Answers may come in another order than commits. */
  learn(key: Key, record: RecordInit, { storeId, version }: Position): void {
    this.#isOf(storeId);
    const text = keyString(key);
    const size = record.uid.length + record.generation.length + record.bytes.length;
    if (this.#isDisputed(text)) return;
    if (size > MAX_RECORD_BYTES || !isLatin(record.uid) || !isLatin(record.generation))
      return this.forget(key);
    const known = this.#places.get(text);
    if (known !== undefined && known.version > version) return;
    const place = known !== undefined && known.room >= size ? known : this.#place(text, size);
    const { memory } = place.piece;
    place.uidLength = memory.write(record.uid, place.offset, "latin1");
    place.generationLength = memory.write(record.generation, place.offset + place.uidLength, "latin1");
    place.bytesLength = record.bytes.length;
    memory.set(record.bytes, place.offset + place.uidLength + place.generationLength);
    place.groupVersion = this.#groupVersion(record.groupVersion);
    place.owner = record.owner;
    place.marked = record.marked;
    place.version = version;
  }

  /** Notes that nothing is known of a key. */
  forget(key: Key): void {
    this.#places.delete(keyString(key));
  }

  /** Notes that what was remembered of a key was not so any more. */
  dispute(key: Key): void {
    const text = keyString(key);
    this.#places.delete(text);
    this.#disputed.delete(text);
    this.#disputed.set(text, DISPUTED_FOR);
    if (this.#disputed.size <= MAX_DISPUTED) return;
    for (const oldest of this.#disputed.keys()) {
      this.#disputed.delete(oldest);
      return;
    }
  }

  #isOf(storeId: string): void {
    if (this.#storeId === storeId) return;
    this.#storeId = storeId;
    while (this.#pieces.length > 0) this.#dropOldest();
    this.#disputed.clear();
  }

  #isDisputed(text: string): boolean {
    if (this.#disputed.size === 0) return false;
    const left = this.#disputed.get(text);
    if (left === undefined) return false;
    if (left > 1) this.#disputed.set(text, left - 1);
    else this.#disputed.delete(text);
    return true;
  }

  /** A place for so many bytes, in the piece that is being filled. */
  #place(text: string, room: number): Place {
    const last = this.#pieces.at(-1);
    const isFull =
      last === undefined ||
      last.used + room > PIECE_BYTES ||
      (this.#records >= this.#bounds.maxRecords && last.places.length > 0);
    const piece = isFull ? this.#nextPiece() : last;
    const place: Place = {
      text,
      piece,
      offset: piece.used,
      room,
      uidLength: 0,
      generationLength: 0,
      bytesLength: 0,
      groupVersion: "",
      owner: undefined,
      marked: false,
      version: 0 as Version,
    };
    piece.used += room;
    piece.places.push(place);
    this.#records++;
    this.#places.set(text, place);
    return place;
  }

  /** A new piece, or the oldest again once there are enough. */
  #nextPiece(): Piece {
    const { maxPieces, maxRecords } = this.#bounds;
    const isEnough = this.#pieces.length >= maxPieces || this.#records >= maxRecords;
    const memory = isEnough ? this.#dropOldest() : undefined;
    const piece: Piece = { memory: memory ?? Buffer.allocUnsafeSlow(PIECE_BYTES), places: [], used: 0 };
    this.#pieces.push(piece);
    return piece;
  }

  #dropOldest(): Buffer | undefined {
    const oldest = this.#pieces.shift();
    if (oldest === undefined) return undefined;
    for (const place of oldest.places)
      if (this.#places.get(place.text) === place) this.#places.delete(place.text);
    this.#records -= oldest.places.length;
    return oldest.memory;
  }

  #groupVersion(groupVersion: string): string {
    const known = this.#groupVersions.get(groupVersion);
    if (known !== undefined) return known;
    if (this.#groupVersions.size >= MAX_GROUP_VERSIONS) this.#groupVersions.clear();
    this.#groupVersions.set(groupVersion, groupVersion);
    return groupVersion;
  }
}

const MAX_GROUP_VERSIONS = 256;

/** Whether a text takes a byte for each character. Uids and generations are ULIDs; a store may hold others. */
function isLatin(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0xff) return false;
  return true;
}
