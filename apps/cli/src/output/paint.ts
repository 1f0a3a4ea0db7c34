import picocolors from "picocolors";

/** Paints texts, or leaves them as they are. */
export interface Paint {
  readonly header: (text: string) => string;
  readonly accent: (text: string) => string;
  readonly quiet: (text: string) => string;
  readonly good: (text: string) => string;
  readonly warning: (text: string) => string;
  readonly bad: (text: string) => string;
}

/** Makes the paint of a terminal that shows colour, or of one that does not. */
export function createPaint(colour: boolean): Paint {
  const { bold, cyan, dim, green, yellow, red } = picocolors.createColors(colour);
  return { header: bold, accent: cyan, quiet: dim, good: green, warning: yellow, bad: red };
}

/** The painter of each tone. */
export type Tone = keyof Paint;

/** Paints a table's cell by what it says: states and health keep their colour everywhere. */
export function paintWord(paint: Paint, word: string): string {
  const said = word.trim();
  // A cell may say anything, `constructor` too.
  const painter = Object.hasOwn(PAINTED_WORDS, said) ? PAINTED_WORDS[said] : undefined;
  return painter === undefined ? word : paint[painter](word);
}

const PAINTED_WORDS: Readonly<Record<string, Tone>> = {
  TRUE: "good",
  PASSING: "good",
  created: "good",
  added: "good",
  WARNING: "warning",
  MAINTENANCE: "warning",
  updated: "warning",
  changed: "warning",
  deleted: "warning",
  marked: "warning",
  leader: "good",
  equal: "good",
  candidate: "warning",
  unreachable: "bad",
  differs: "bad",
  full: "bad",
  FALSE: "bad",
  CRITICAL: "bad",
  failed: "bad",
  unchanged: "quiet",
  absent: "quiet",
  UNKNOWN: "quiet",
  "-": "quiet",
};
