import { type Column, table } from "../table.ts";
import { type Figure, figureText, type PartResult } from "./figure.ts";

interface Row extends Figure {
  readonly part: string;
}

const columns: readonly Column<Row>[] = [
  ["part", ({ part }) => part],
  ["what", ({ what }) => what],
  ["figure", (row) => figureText(row)],
  ["at most", ({ target, unit }) => (target === undefined ? "" : figureText({ value: target, unit }))],
  ["met", ({ value, target }) => (target === undefined ? "" : value <= target ? "yes" : "no")],
  ["besides", ({ note = "" }) => note],
];

/** All figures as a Markdown table. */
export function figuresTable(results: readonly PartResult[]): string {
  return table(
    columns,
    results.flatMap(({ part, figures }) => figures.map((figure) => ({ ...figure, part }))),
  );
}
