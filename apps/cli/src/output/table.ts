import { createPaint, type Paint, paintWord } from "./paint.ts";
import { printable } from "./printable.ts";

/** Spaces between two columns. */
const GAP = 3;

/** Writes rows under aligned headers, one at a time where rows come over time: columns keep at least the width that they had before. */
export interface TableWriter {
  /** The lines of more rows; the header's before the first. */
  rows(rows: readonly (readonly string[])[]): string;
}

/** Makes a table's writer. The last column is not padded. */
export function createTable(headers: readonly string[], colour: boolean): TableWriter {
  const paint = createPaint(colour);
  let widths: readonly number[] = headers.map(widthOf);
  let headed = false;
  return {
    rows(rows) {
      const cells = rows.map((row) => row.map(printable));
      widths = widths.map((width, column) =>
        cells.reduce((most, row) => Math.max(most, widthOf(row[column] ?? "")), width),
      );
      const lines = headed ? [] : [lineOf(headers, widths, paint.header)];
      headed = true;
      return [...lines, ...cells.map((row) => lineOf(row, widths, (cell) => paintWord(paint, cell)))]
        .map((line) => `${line}\n`)
        .join("");
    },
  };
}

/** The whole table at once. */
export function tableText(
  headers: readonly string[],
  rows: readonly (readonly string[])[],
  colour: boolean,
): string {
  return createTable(headers, colour).rows(rows);
}

/** Pads a text to a width in columns. */
export function pad(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - widthOf(text)));
}

function lineOf(cells: readonly string[], widths: readonly number[], paint: Paint["header"]): string {
  const last = cells.length - 1;
  return cells
    .map(
      (cell, column) =>
        paint(cell) +
        (column === last ? "" : " ".repeat(Math.max(0, (widths[column] ?? 0) - widthOf(cell)) + GAP)),
    )
    .join("");
}

/** The columns that a text takes: wide letters take two, marks that combine none. */
export function widthOf(text: string): number {
  let width = 0;
  for (const letter of text) {
    if (/\p{M}|\u200D|[\uFE00-\uFE0F]/u.test(letter)) continue;
    width += WIDE.test(letter) ? 2 : 1;
  }
  return width;
}

const WIDE =
  /[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6]|\p{Emoji_Presentation}/u;
