import { casesOf, numbersIn, type Section } from "./sections.ts";

/** What became of one test. */
export interface TestOutcome {
  /** With the names of the blocks around it. */
  readonly name: string;
  readonly passed: boolean;
}

/** How the cases of one section stand. */
export interface SectionTally {
  readonly section: Section;
  /** As the specification has them. */
  readonly passed: number;
  /** Passed with Trellis's own behaviour, which is listed as a divergence. */
  readonly diverging: number;
  /** Left out, with a reason. */
  readonly leftOut: number;
  readonly failed: readonly string[];
  readonly missing: readonly string[];
}

/** The two lists of the page of divergences, by their headings. */
export interface DivergenceLists {
  readonly diverging: ReadonlySet<string>;
  readonly leftOut: ReadonlySet<string>;
}

const LEFT_OUT_HEADING = /^#+ .*left out/i;

/** Reads which cases diverge and which are left out: those below a heading that says "left out" are. Only the first cell of a row counts. */
export function readDivergences(page: string): DivergenceLists {
  const diverging = new Set<string>();
  const leftOut = new Set<string>();
  let current = diverging;
  for (const line of page.split("\n")) {
    if (line.startsWith("#")) current = LEFT_OUT_HEADING.test(line) ? leftOut : diverging;
    const cell = /^\|([^|]*)\|/.exec(line)?.[1];
    if (cell !== undefined) for (const name of withRanges(cell)) current.add(name);
  }
  return { diverging, leftOut };
}

/** The numbers of a text, and those between the two ends of a range (`T280–T283`). */
function withRanges(text: string): readonly string[] {
  const ranges = [...text.matchAll(/([TC])(\d{3})\s*[–-]\s*\1?(\d{3})/g)].flatMap(
    ([, letter = "", from = "", to = ""]) =>
      casesOf({ letter, first: Number(from), last: Number(to), title: "" }),
  );
  return [...numbersIn(text), ...ranges];
}

/** Counts the cases of each section. A case passes when tests carry its number and none of them failed. */
export function tallySections(
  sections: readonly Section[],
  outcomes: readonly TestOutcome[],
  { diverging, leftOut }: DivergenceLists,
): readonly SectionTally[] {
  const byCase = new Map<string, boolean>();
  for (const { name, passed } of outcomes) {
    for (const number of numbersIn(name)) byCase.set(number, (byCase.get(number) ?? true) && passed);
  }
  return sections.map((section) => {
    const names = casesOf(section);
    const tested = names.filter((name) => byCase.get(name) === true);
    return {
      section,
      passed: tested.filter((name) => !diverging.has(name) && !leftOut.has(name)).length,
      diverging: tested.filter((name) => diverging.has(name)).length,
      leftOut: names.filter((name) => leftOut.has(name) && byCase.get(name) !== false).length,
      failed: names.filter((name) => byCase.get(name) === false),
      missing: names.filter((name) => !byCase.has(name) && !leftOut.has(name)),
    };
  });
}
