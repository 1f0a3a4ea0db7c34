import type { Entry, SnapshotMark } from "./entry.ts";
import type { Base, Item } from "./item.ts";

/** The entries from one index on have one term, up to the next run. */
interface TermRun {
  readonly fromIndex: number;
  readonly term: number;
}

/** What the records so far add up to, but for the entries' bytes. A value: it never changes, a new one follows it. */
export interface LogTail {
  /** The first entry that the log holds; one more than the last when it holds none. */
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly snapshot: SnapshotMark | undefined;
  readonly hardState: Uint8Array | undefined;
  /** Ascending; the first may begin one before the first entry, to tell the term of what was dropped or replaced there. */
  readonly terms: readonly TermRun[];
}

/** A log in which nothing was ever written. */
export const EMPTY_TAIL: LogTail = {
  firstIndex: 1,
  lastIndex: 0,
  snapshot: undefined,
  hardState: undefined,
  terms: [],
};

/** The term of an entry, of the snapshot mark, or of the entry just before the first; undefined when the log does not know it. */
export function termAt(tail: LogTail, index: number): number | undefined {
  if (index === tail.snapshot?.index) return tail.snapshot.term;
  if (index < tail.firstIndex - 1 || index > tail.lastIndex) return undefined;
  return tail.terms.findLast(({ fromIndex }) => fromIndex <= index)?.term;
}

/** The base that the first record of the next segment states. */
export function baseOf(tail: LogTail): Base {
  const { lastIndex, snapshot, hardState } = tail;
  return { lastIndex, lastTerm: termAt(tail, lastIndex) ?? 0, snapshot, hardState };
}

/** The log after its first segment's base. */
export function tailFromBase({ lastIndex, lastTerm, snapshot, hardState }: Base): LogTail {
  return {
    firstIndex: lastIndex + 1,
    lastIndex,
    snapshot,
    hardState: hardState === undefined ? undefined : Buffer.from(hardState),
    terms: lastIndex === 0 ? [] : [{ fromIndex: lastIndex, term: lastTerm }],
  };
}

/** The log after one more item; or what is wrong with the item, as a sentence without its end. */
export function advance(tail: LogTail, item: Item): LogTail | string {
  switch (item.kind) {
    case "base":
      return sameBase(baseOf(tail), item.base)
        ? tail
        : "a segment's base is not the state that the segments before it lead to";
    case "entries":
      return withEntries(tail, item.firstIndex, item.entries);
    case "hardState":
      return { ...tail, hardState: Buffer.from(item.bytes) };
    case "snapshot":
      return item.installed ? withInstalled(tail, item.mark) : withTaken(tail, item.mark);
  }
}

function withEntries(tail: LogTail, firstIndex: number, entries: readonly Entry[]): LogTail | string {
  const behind = tail.snapshot?.index ?? 0;
  if (firstIndex > tail.lastIndex + 1) {
    return `entries that follow entry ${tail.lastIndex} begin at ${tail.lastIndex + 1} at the latest, found ${firstIndex}`;
  }
  if (firstIndex <= behind)
    return `entries up to the snapshot mark at ${behind} cannot be overwritten, found ${firstIndex}`;
  const terms = tail.terms.filter(({ fromIndex }) => fromIndex < firstIndex);
  let term = termAt(tail, firstIndex - 1) ?? 0;
  let expected = firstIndex;
  for (const entry of entries) {
    if (entry.index !== expected)
      return `entries are consecutive: after entry ${expected - 1} comes ${expected}, found ${entry.index}`;
    expected++;
    if (entry.term < term)
      return `terms never fall: entry ${entry.index} follows term ${term}, found ${entry.term}`;
    if (entry.term > term || terms.length === 0) terms.push({ fromIndex: entry.index, term: entry.term });
    term = entry.term;
  }
  const lastIndex = firstIndex + entries.length - 1;
  return { ...tail, firstIndex: Math.min(tail.firstIndex, firstIndex), lastIndex, terms };
}

function withTaken(tail: LogTail, mark: SnapshotMark): LogTail | string {
  const problem = behindMark(tail, mark);
  if (problem !== undefined) return problem;
  if (mark.index > tail.lastIndex) {
    return `a snapshot of this node is of an entry in its log, which ends at ${tail.lastIndex}, found ${mark.index}`;
  }
  const term = termAt(tail, mark.index);
  if (term !== undefined && term !== mark.term) {
    return `the snapshot mark at ${mark.index} has the term of the entry there, ${term}, found ${mark.term}`;
  }
  return { ...tail, snapshot: mark };
}

function withInstalled(tail: LogTail, mark: SnapshotMark): LogTail | string {
  const problem = behindMark(tail, mark);
  if (problem !== undefined) return problem;
  return {
    ...tail,
    firstIndex: mark.index + 1,
    lastIndex: mark.index,
    snapshot: mark,
    terms: [{ fromIndex: mark.index, term: mark.term }],
  };
}

function behindMark({ snapshot }: LogTail, mark: SnapshotMark): string | undefined {
  if (mark.index < 1) return `a snapshot mark has an index from 1, found ${mark.index}`;
  if (snapshot === undefined) return undefined;
  const otherTerm = mark.index === snapshot.index && mark.term !== snapshot.term;
  if (mark.index < snapshot.index || mark.term < snapshot.term || otherTerm) {
    return `snapshot marks never go back: the last one is at ${snapshot.index} in term ${snapshot.term}, found ${mark.index} in ${mark.term}`;
  }
  return undefined;
}

/** The log without the entries before an index, which is at most one more than the last. */
export function dropBefore(tail: LogTail, firstIndex: number): LogTail {
  if (firstIndex <= tail.firstIndex) return tail;
  const keptFrom = tail.terms.findLastIndex(({ fromIndex }) => fromIndex < firstIndex);
  return { ...tail, firstIndex, terms: tail.terms.slice(Math.max(keptFrom, 0)) };
}

function sameBase(one: Base, other: Base): boolean {
  return (
    one.lastIndex === other.lastIndex &&
    one.lastTerm === other.lastTerm &&
    one.snapshot?.index === other.snapshot?.index &&
    one.snapshot?.term === other.snapshot?.term &&
    sameBytes(one.hardState, other.hardState)
  );
}

function sameBytes(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return Buffer.compare(one, other) === 0;
}
