import { formatPatch, structuredPatch } from "diff";

import { createPaint, type Paint } from "./paint.ts";
import { printable } from "./printable.ts";

/** One of the two texts that are compared. */
export interface DiffSide {
  /** What stands after `---` or `+++`. */
  readonly title: string;
  readonly text: string;
}

/** Unchanged lines around a change. */
const CONTEXT_LINES = 3;
/** The most lines that may differ; finding the shortest way costs the square of them. */
const MAX_EDITS = 5_000;

/** The lines in which two texts differ, with those around them, as a unified diff; empty when they are the same. */
export function unifiedDiff(before: DiffSide, after: DiffSide, colour: boolean): string {
  if (before.text === after.text) return "";
  const options = { context: CONTEXT_LINES, maxEditLength: MAX_EDITS };
  const patch = structuredPatch(
    before.title,
    after.title,
    before.text,
    after.text,
    undefined,
    undefined,
    options,
  );
  const paint = createPaint(colour);
  const lines =
    patch === undefined
      ? [`more than ${MAX_EDITS} lines differ`]
      : formatPatch(patch, WITHOUT_TITLES).trimEnd().split("\n");
  return [
    paint.header(printable(`--- ${before.title}`)),
    paint.header(printable(`+++ ${after.title}`)),
    ...lines.map((line) => painted(printable(line), paint)),
  ]
    .map((line) => `${line}\n`)
    .join("");
}

/** The library would quote titles with spaces. */
const WITHOUT_TITLES = { includeIndex: false, includeUnderline: false, includeFileHeaders: false } as const;

function painted(line: string, paint: Paint): string {
  if (line.startsWith("@@")) return paint.accent(line);
  if (line.startsWith("+")) return paint.good(line);
  return line.startsWith("-") ? paint.bad(line) : line;
}
