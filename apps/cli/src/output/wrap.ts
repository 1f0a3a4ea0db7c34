import { widthOf } from "./table.ts";

/** The width of text for people where there is no terminal to ask, and the most that is read with ease, in columns. */
export const PAGE_WIDTH = 80;
const MAX_PAGE_WIDTH = 100;
/** Narrower than this nothing is laid out any more: the terminal breaks the lines. */
const MIN_PAGE_WIDTH = 30;

/** How wide to lay out a page for a terminal of so many columns; undefined for none. */
export function pageWidth(columns: number | undefined): number {
  return Math.max(MIN_PAGE_WIDTH, Math.min(MAX_PAGE_WIDTH, columns ?? PAGE_WIDTH));
}

/** Breaks a text between words into lines of at most `width` columns; line ends in it stay. A longer word has a line of its own. */
export function wrap(text: string, width: number): readonly string[] {
  return text.split("\n").flatMap((paragraph) => wrapParagraph(paragraph, width));
}

function wrapParagraph(paragraph: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of paragraph.split(/\s+/)) {
    if (line !== "" && widthOf(line) + 1 + widthOf(word) > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

/** Cuts a text to a width in columns, with `…` where something is left out. */
export function clip(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let kept = "";
  for (const letter of text) {
    if (widthOf(kept + letter) > width - 1) break;
    kept += letter;
  }
  return `${kept.trimEnd()}…`;
}
