import type { LogIndex, Term } from "./numbers.ts";

/** `EntryNormal` carries the application's bytes; the other two an encoded conf change of version 1 or 2. */
export type EntryType = "EntryNormal" | "EntryConfChange" | "EntryConfChangeV2";

/** One entry of the log. Its (index, term) names its content for ever (paper §5.3, log matching). Never changed once made. */
export interface Entry {
  readonly term: Term;
  readonly index: LogIndex;
  readonly type: EntryType;
  readonly data: Uint8Array;
}

/** An entry's name: two logs that hold the same one are equal up to it. */
export interface EntryId {
  readonly term: Term;
  readonly index: LogIndex;
}

/** What a client asks to be appended; term and index are the leader's to give. */
export type Proposal = Pick<Entry, "type" | "data">;

export const noBytes = new Uint8Array(0);

/** An entry before it has a place in a log. */
export function proposedEntry({ type, data }: Proposal): Entry {
  return { term: 0, index: 0, type, data };
}

const typeNumbers: Readonly<Record<EntryType, number>> = {
  EntryNormal: 0,
  EntryConfChange: 1,
  EntryConfChangeV2: 2,
};

/** Bytes of a number in base-128 encoding. */
function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++;
  return size;
}

/** Bytes of an entry as protobuf would encode it: the measure of every limit on batches. */
export function entrySize(entry: Entry): number {
  const length = entry.data.length;
  return (
    3 +
    varintSize(typeNumbers[entry.type]) +
    varintSize(entry.term) +
    varintSize(entry.index) +
    (length > 0 ? 1 + varintSize(length) + length : 0)
  );
}

/** Bytes of all entries together, by `entrySize`. */
export function entriesSize(entries: readonly Entry[]): number {
  let size = 0;
  for (const entry of entries) size += entrySize(entry);
  return size;
}

/** Bytes of the payloads alone: the measure of flow control. A leader's no-op counts nothing. */
export function payloadSize(entries: readonly Pick<Entry, "data">[]): number {
  let size = 0;
  for (const entry of entries) size += entry.data.length;
  return size;
}

/** The longest prefix of at most `maxBytes`, but always the first entry: an entry larger than the limit must still travel. */
export function limitSize(entries: readonly Entry[], maxBytes: number): readonly Entry[] {
  let size = 0;
  let count = 0;
  for (const entry of entries) {
    size += entrySize(entry);
    if (size > maxBytes && count > 0) return entries.slice(0, count);
    count++;
  }
  return entries;
}
