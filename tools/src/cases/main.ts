/**
 * `npm run cases`: runs the tests that carry a number of the specifications and prints, for each section, how many of its cases pass,
 * diverge (docs/DIVERGENCES.md says how), are left out, fail, or have no test. Exit code 1 when any fails or has none.
 */
import { readFile } from "node:fs/promises";

import { inRepository } from "../repository.ts";
import { runNumberedTests } from "./run-numbered.ts";
import { caseName, sections } from "./sections.ts";
import { readDivergences, tallySections, type SectionTally } from "./tally.ts";

console.log("Running the numbered tests …");
const outcomes = await runNumberedTests();
const page = await readFile(inRepository("docs/DIVERGENCES.md"), "utf8");
const tallies = tallySections(sections, outcomes, readDivergences(page));

printRow(["cases", "section", "pass", "diverge", "left out", "fail", "no test"]);
for (const tally of tallies) printRow(cells(tally));
const sum = (of: (tally: SectionTally) => number) => tallies.reduce((total, tally) => total + of(tally), 0);
const failed = sum(({ failed: names }) => names.length);
const missing = sum(({ missing: names }) => names.length);
printRow([
  "",
  "all",
  `${sum(({ passed }) => passed)}`,
  `${sum(({ diverging }) => diverging)}`,
  `${sum(({ leftOut }) => leftOut)}`,
  `${failed}`,
  `${missing}`,
]);
for (const [word, names] of [
  ["failed", tallies.flatMap((tally) => tally.failed)],
  ["without a test", tallies.flatMap((tally) => tally.missing)],
] as const)
  if (names.length > 0) console.log(`${word}: ${names.join(" ")}`);
process.exitCode = failed + missing === 0 ? 0 : 1;

function cells({ section, passed, diverging, leftOut, failed: bad, missing: none }: SectionTally): string[] {
  const { letter, first, last, title } = section;
  const range = `${caseName(letter, first)}–${caseName(letter, last)}`;
  return [
    range,
    title,
    ...[passed, diverging, leftOut, bad.length, none.length].map((count) => `${count || "-"}`),
  ];
}

function printRow([range = "", title = "", ...counts]: readonly string[]): void {
  console.log(`${range.padEnd(11)}${title.padEnd(58)}${counts.map((count) => count.padStart(9)).join("")}`);
}
