import { describe, expect, it } from "@jest/globals";

import { compileRe2, rememberMatches } from "./remembered-matches.ts";

describe("remembered matches", () => {
  function counting(maxRemembered?: number) {
    const asked: string[] = [];
    const matches = rememberMatches((pattern) => {
      const match = compileRe2(pattern);
      asked.push(pattern);
      return (text) => {
        asked.push(`${pattern} ${text}`);
        return match(text);
      };
    }, maxRemembered);
    return { asked, matches };
  }

  it("compiles a pattern once, asks it once about a text, and gives the same answer again", () => {
    const { asked, matches } = counting();
    for (const _ of [1, 2]) {
      expect(matches("^a+$", "aa")).toBe(true);
      expect(matches("^a+$", "ab")).toBe(false);
      expect(matches("^ab$", "ab")).toBe(true);
    }
    expect(asked).toEqual(["^a+$", "^a+$ aa", "^a+$ ab", "^ab$", "^ab$ ab"]);
  });

  it("forgets everything, patterns too, rather than grow without a bound", () => {
    const { asked, matches } = counting(4);
    for (const pattern of ["a", "b", "c", "d", "e", "a"]) matches(pattern, "a");
    expect(asked.filter((each) => each === "a")).toHaveLength(2);
    for (const text of ["f", "g", "h", "i", "j", "f"]) matches("a", text);
    expect(asked.filter((each) => each === "a f")).toHaveLength(2);
    expect([matches("a", "f"), matches("a", "a")]).toEqual([false, true]);
  });

  it("keeps no long text", () => {
    const { asked, matches } = counting();
    const long = "a".repeat(257);
    expect([matches("^a+$", long), matches("^a+$", long)]).toEqual([true, true]);
    expect(asked).toHaveLength(3);
  });

  it("remembers nothing of a pattern that is none", () => {
    const { asked, matches } = counting();
    for (const _ of [1, 2]) expect(() => matches("(", "a")).toThrow(/missing closing/);
    expect(asked).toEqual([]);
  });
});
