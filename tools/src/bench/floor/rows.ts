import { UsageError } from "../../flags.ts";

/** What is measured, in the order of the table, each with what a server does for an operation of it. */
export const ROWS = {
  echo: "a call with a resource, which is sent back",
  log: "the same, sent back when it is on disk",
  kept: "the same, and then put into a map, its bytes into a slab",
  ordered: "the same, and then put into a B-tree as well",
  batch100: "a resource of a call of a hundred, each of which is kept and ordered",
  "fan-out-1": "an event, written by itself to each of a thousand streams",
  "fan-out-4": "an event, written with three more to each of a thousand streams",
} as const;

/** The name of a row. */
export type Row = keyof typeof ROWS;

/** All names, in order. */
export const ROW_NAMES = Object.keys(ROWS) as readonly Row[];

/** Whether a word is the name of a row. */
export function isRow(word: string): word is Row {
  return Object.hasOwn(ROWS, word);
}

/** The rows that the words name, or begin the names of, in the table's order. Throws a UsageError for a word that is none. */
export function chooseRows(words: readonly string[]): readonly Row[] {
  const chosen = new Set<Row>();
  for (const word of words) {
    const found = isRow(word) ? [word] : ROW_NAMES.filter((name) => word !== "" && name.startsWith(word));
    if (found.length === 0)
      throw new UsageError(
        `--only: expected names, or beginnings of names, of ${ROW_NAMES.join(", ")}; found "${word}"`,
      );
    for (const row of found) chosen.add(row);
  }
  return ROW_NAMES.filter((name) => chosen.has(name));
}
