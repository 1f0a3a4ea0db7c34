import { describe, expect, it } from "@jest/globals";

import { casesOf, numbersIn, sections } from "./sections.ts";
import { readDivergences, tallySections } from "./tally.ts";

const PAGE = `# Divergences
| Cases | Reference | Trellis |
| --- | --- | --- |
| T002 | forgets | remembers |
| T004–T005 | T001 fails | it works |

## Left out
| Cases | Why |
| --- | --- |
| T006 | there is nothing like it here |
`;

describe("the sections", () => {
  it.each([
    ["T", 1, 570],
    ["C", 1, 409],
  ])("hold every case of %s from %i to %i once, in order", (letter, first, last) => {
    const names = sections.filter((section) => section.letter === letter).flatMap(casesOf);
    expect(names).toEqual(casesOf({ letter, first, last, title: "" }));
  });
});

describe("a count of cases", () => {
  const section = { letter: "T", first: 1, last: 8, title: "Some" };
  const test = (name: string, passed = true) => ({ name, passed });

  it("tells passing, diverging, left out, failed and missing apart", () => {
    const [tally] = tallySections(
      [section],
      [
        test("Read T001 reads"),
        test("Read T002 T003 remembers"),
        test("Read T004 works"),
        test("Read T005 works"),
        test("T006 is left out"),
        test("T007 reads"),
        test("T007 reads over gRPC", false),
      ],
      readDivergences(PAGE),
    );
    expect(tally).toMatchObject({ passed: 2, diverging: 3, leftOut: 1, failed: ["T007"], missing: ["T008"] });
  });

  it("reads numbers and ranges in the first cell of a row only", () => {
    const { diverging, leftOut } = readDivergences(PAGE);
    expect([...diverging].sort()).toEqual(["T002", "T004", "T005"]);
    expect([...leftOut]).toEqual(["T006"]);
  });

  it("keeps the two specifications apart where their numbers are the same", () => {
    const both = ["T", "C"].map((letter) => ({ letter, first: 507, last: 508, title: letter }));
    const [ofT, ofC] = tallySections(
      both,
      [test("T507 a"), test("C507 b", false), test("T508 c")],
      readDivergences("| C508 | x |\n## Left out\n| T508 | y |"),
    );
    expect(ofT).toMatchObject({ passed: 1, leftOut: 1, failed: [], missing: [] });
    expect(ofC).toMatchObject({ passed: 0, diverging: 0, failed: ["C507"], missing: ["C508"] });
  });

  it("takes no other number for a case's", () => {
    expect(numbersIn("T103 answers 404 for T1034, C012 and XT555")).toEqual(["T103", "C012"]);
  });
});
