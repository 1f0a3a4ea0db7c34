import { describe, expect, it } from "@jest/globals";
import type { Entry, LogIndex, Term } from "@trellis/raft";

import { LogOutline } from "./log-outline.ts";
import { seededRandom } from "./test-support/seeded-random.ts";

const entry = (index: LogIndex, term: Term): Entry => ({
  index,
  term,
  type: "EntryNormal",
  data: new Uint8Array(4),
});

/** Every term that an outline tells, and what is around them. */
function termsOf(outline: LogOutline, from: LogIndex, to: LogIndex): readonly (Term | undefined)[] {
  return Array.from({ length: to - from + 1 }, (_, at) => outline.term(from + at));
}

describe("the outline of a log", () => {
  it("tells the term of each of its entries and of the one before them, and of no other", () => {
    const outline = new LogOutline({ index: 10, term: 1 });
    expect(termsOf(outline, 9, 11)).toEqual([undefined, 1, undefined]);
    outline.append([entry(11, 1), entry(12, 3), entry(13, 3), entry(14, 7)]);
    expect(termsOf(outline, 9, 15)).toEqual([undefined, 1, 1, 3, 3, 7, undefined]);
    outline.dropBefore(13);
    expect(termsOf(outline, 11, 15)).toEqual([undefined, 3, 3, 7, undefined]);
    outline.append([entry(14, 8)]);
    expect(termsOf(outline, 11, 15)).toEqual([undefined, 3, 3, 8, undefined]);
  });

  it("tells the terms of a log of many terms that is written, replaced and compacted at random", () => {
    const random = seededRandom(7);
    const below = (bound: number): number => Math.floor(random() * bound);
    const outline = new LogOutline({ index: 0, term: 0 });
    let terms: Term[] = [0];
    let [first, term] = [0, 1];
    for (let step = 0; step < 500; step++) {
      term += below(2);
      const last = first + terms.length - 1;
      const from = last + 1 - (below(5) === 0 ? below(terms.length) : 0);
      const written = Array.from({ length: 1 + below(4) }, (_, at) => entry(from + at, term));
      outline.append(written);
      terms = [...terms.slice(0, from - first), ...written.map((one) => one.term)];
      if (below(10) === 0) {
        const dropped = below(terms.length);
        outline.dropBefore(first + dropped + 1);
        terms = terms.slice(dropped);
        first += dropped;
      }
      expect(termsOf(outline, first - 1, first + terms.length)).toEqual([undefined, ...terms, undefined]);
    }
  });
});
