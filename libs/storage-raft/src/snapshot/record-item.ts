import type { Key, OwnerRef, StoredRecord } from "@trellis/storage";

/** Bits of one byte of a varint. */
const VARINT_BITS = 7;
const VARINT_BASE = 1 << VARINT_BITS;
/** The wire type of what stands behind its length, and of a varint (protobuf encoding, "Message structure"). */
const DELIMITED = 2;
const VARINT = 0;
/** Field numbers of `SnapshotItem`, `StoredRecord` and `Record`, of which those of `Key` and `Owner` count from 1. */
const ITEM_RECORD = 3;
const STORED = { key: 1, version: 2, record: 3 } as const;
const RECORD = { uid: 1, groupVersion: 2, generation: 3, owner: 4, marked: 5, resource: 6 } as const;
const OWNER = { key: 1, uid: 2 } as const;
/** A tag of these small field numbers is one byte, and so is `true`. */
const TAG_BYTES = 1;
const FLAG_BYTES = TAG_BYTES + 1;
const FIRST_BYTES = 1024;

/**
 * Encodes records as items of a snapshot: the bytes that `encodeItem` gives, without a message and a buffer for each. A million of them would
 * have the garbage collector look through the whole store again and again while it is written.
 */
export class RecordEncoder {
  #buffer = Buffer.allocUnsafe(FIRST_BYTES);
  #at = 0;

  /** The item up to the bytes of the resource, which are its end. Valid until the next call. */
  encodeHead(stored: StoredRecord): Uint8Array {
    const { key, version, owner, bytes } = stored;
    const keyBytes = sizeOfKey(key);
    const ownerBytes = owner === undefined ? 0 : sizeOfOwner(owner);
    const recordBytes = sizeOfRecord(stored, ownerBytes);
    const storedBytes =
      delimited(keyBytes) + (version === 0 ? 0 : TAG_BYTES + varintSize(version)) + delimited(recordBytes);
    this.#begin(delimited(storedBytes) - bytes.length);
    this.#open(ITEM_RECORD, storedBytes);
    this.#open(STORED.key, keyBytes);
    this.#key(key);
    if (version !== 0) {
      this.#varint(tag(STORED.version, VARINT));
      this.#varint(version);
    }
    this.#open(STORED.record, recordBytes);
    this.#text(RECORD.uid, stored.uid);
    this.#text(RECORD.groupVersion, stored.groupVersion);
    this.#text(RECORD.generation, stored.generation);
    if (owner !== undefined) {
      this.#open(RECORD.owner, ownerBytes);
      this.#open(OWNER.key, sizeOfKey(owner.key));
      this.#key(owner.key);
      this.#text(OWNER.uid, owner.uid);
    }
    if (stored.marked) {
      this.#varint(tag(RECORD.marked, VARINT));
      this.#varint(1);
    }
    if (bytes.length > 0) this.#open(RECORD.resource, bytes.length);
    return this.#buffer.subarray(0, this.#at);
  }

  #begin(bytes: number): void {
    this.#at = 0;
    if (this.#buffer.length < bytes) this.#buffer = Buffer.allocUnsafe(2 * bytes);
  }

  #key({ group, kind, partition, namespace, name }: Key): void {
    this.#text(1, group);
    this.#text(2, kind);
    this.#text(3, partition);
    this.#text(4, namespace);
    this.#text(5, name);
  }

  #text(field: number, text: string): void {
    if (text === "") return;
    this.#open(field, Buffer.byteLength(text));
    this.#at += this.#buffer.write(text, this.#at);
  }

  #open(field: number, bytes: number): void {
    this.#varint(tag(field, DELIMITED));
    this.#varint(bytes);
  }

  #varint(value: number): void {
    let rest = value;
    // Versions have up to 53 bits: more than the operators of bits take.
    for (; rest >= VARINT_BASE; rest = Math.floor(rest / VARINT_BASE))
      this.#buffer[this.#at++] = (rest % VARINT_BASE) | VARINT_BASE;
    this.#buffer[this.#at++] = rest;
  }
}

function tag(field: number, wireType: number): number {
  return (field << 3) | wireType;
}

function sizeOfKey({ group, kind, partition, namespace, name }: Key): number {
  return textSize(group) + textSize(kind) + textSize(partition) + textSize(namespace) + textSize(name);
}

function sizeOfOwner({ key, uid }: OwnerRef): number {
  return delimited(sizeOfKey(key)) + textSize(uid);
}

function sizeOfRecord(
  { uid, groupVersion, generation, owner, marked, bytes }: StoredRecord,
  ownerBytes: number,
): number {
  return (
    textSize(uid) +
    textSize(groupVersion) +
    textSize(generation) +
    (owner === undefined ? 0 : delimited(ownerBytes)) +
    (marked ? FLAG_BYTES : 0) +
    (bytes.length === 0 ? 0 : delimited(bytes.length))
  );
}

/** A field without a value is not there. */
function textSize(text: string): number {
  return text === "" ? 0 : delimited(Buffer.byteLength(text));
}

function delimited(bytes: number): number {
  return TAG_BYTES + varintSize(bytes) + bytes;
}

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= VARINT_BASE; rest = Math.floor(rest / VARINT_BASE)) size++;
  return size;
}
