/** What stands above a column of a table, and in it for a row. */
export type Column<Row> = readonly [header: string, cell: (row: Row) => string];

/** Rows as a Markdown table whose columns are aligned, for a terminal as well. */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const cells = [
    columns.map(([header]) => header),
    ...rows.map((row) => columns.map(([, cell]) => cell(row))),
  ];
  const widths = columns.map((_, at) => Math.max(...cells.map((line) => line[at]?.length ?? 0)));
  const lines = cells.map((line) => line.map((cell, at) => cell.padEnd(widths[at] ?? 0)));
  return lines
    .toSpliced(
      1,
      0,
      widths.map((width) => "-".repeat(width)),
    )
    .map((line) => `| ${line.join(" | ")} |`)
    .join("\n");
}
