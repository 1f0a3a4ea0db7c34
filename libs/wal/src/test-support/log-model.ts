import type { Append, SnapshotMark } from "../entry.ts";
import type { Wal } from "../wal.ts";
import { contentOf, textOf } from "./test-log.ts";

/** A log so plain that it is right by reading: a value for every state that the log was in. */
export interface LogModel {
  /** The index of the first of `entries`. */
  readonly firstIndex: number;
  readonly entries: readonly string[];
  readonly hardState: string | undefined;
  readonly snapshot: SnapshotMark | undefined;
  /** The term of the last entry, or of the snapshot that it was installed with. */
  readonly lastTerm: number;
}

export const EMPTY_MODEL: LogModel = {
  firstIndex: 1,
  entries: [],
  hardState: undefined,
  snapshot: undefined,
  lastTerm: 0,
};

export function lastIndexOf({ firstIndex, entries }: LogModel): number {
  return firstIndex + entries.length - 1;
}

/** The state after an append. */
export function afterAppend(model: LogModel, { snapshot, entries = [], hardState }: Append): LogModel {
  let next = model;
  if (snapshot !== undefined) {
    const { index, term, installed = false } = snapshot;
    next = { ...next, snapshot: { index, term } };
    if (installed) next = { ...next, firstIndex: index + 1, entries: [], lastTerm: term };
  }
  const [first] = entries;
  if (first !== undefined) {
    const kept = next.entries.slice(0, first.index - next.firstIndex);
    next = { ...next, entries: [...kept, ...entries.map(textOf)], lastTerm: entries.at(-1)?.term ?? 0 };
  }
  if (hardState !== undefined) next = { ...next, hardState: Buffer.from(hardState).toString("latin1") };
  return next;
}

/** What a log shows, in a form that {@link differenceFrom} compares. Read once, since reading is slow. */
export interface ShownLog {
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly entries: readonly string[];
  readonly hardState: string | undefined;
  readonly snapshot: SnapshotMark | undefined;
}

export async function showLog(wal: Wal): Promise<ShownLog> {
  const { firstIndex, lastIndex, hardState, snapshot } = wal;
  const text = hardState === undefined ? undefined : Buffer.from(hardState).toString("latin1");
  return { firstIndex, lastIndex, entries: await contentOf(wal), hardState: text, snapshot };
}

/**
 * How a log differs from a state; undefined when it does not. The log may show entries that were given up before it was opened, but must show
 * all from `neededFrom` on.
 */
export function differenceFrom(model: LogModel, shown: ShownLog, neededFrom: number): string | undefined {
  const lastIndex = lastIndexOf(model);
  if (shown.lastIndex !== lastIndex) return `last index ${lastIndex}, found ${shown.lastIndex}`;
  if (shown.hardState !== model.hardState) return `hard state ${model.hardState}, found ${shown.hardState}`;
  if (shown.snapshot?.index !== model.snapshot?.index || shown.snapshot?.term !== model.snapshot?.term) {
    return `snapshot mark ${JSON.stringify(model.snapshot)}, found ${JSON.stringify(shown.snapshot)}`;
  }
  if (shown.firstIndex < model.firstIndex)
    return `no entry before ${model.firstIndex}, found ${shown.firstIndex}`;
  if (shown.firstIndex > Math.max(neededFrom, model.firstIndex)) {
    return `entries from ${neededFrom}, found ${shown.firstIndex}`;
  }
  const expected = model.entries.slice(shown.firstIndex - model.firstIndex);
  const differs = expected.findIndex((text, position) => text !== shown.entries[position]);
  if (differs >= 0 || expected.length !== shown.entries.length) {
    return `entry ${expected[differs]}, found ${shown.entries[differs]} among ${shown.entries.length}`;
  }
  return undefined;
}
