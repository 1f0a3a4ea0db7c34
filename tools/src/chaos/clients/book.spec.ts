import { beforeEach, describe, expect, it } from "@jest/globals";

import { Book, type Shown, type Written } from "./book.ts";

describe("the book of what clients were told", () => {
  let book: Book;
  let first: Written;
  let second: Written;
  const put = (written: Written): Shown => ({ kind: "put", written });

  beforeEach(() => {
    book = new Book();
    first = { name: "a", revision: book.ask("a"), version: 5 };
    book.acknowledge(first);
    second = { name: "a", revision: book.ask("a"), version: 7 };
    book.acknowledge(second);
  });

  function judge(shown: readonly Shown[], stored: readonly Written[], hasGap = false): string {
    return book.judge([{ name: "a reader", shown, hasGap }], stored).join("\n");
  }

  it("is content with a view that shows all once and in order", () => {
    expect(judge([put(first), put(second)], [second])).toBe("");
  });

  it("is content with a gap that was told of, when the view then equals the store", () => {
    expect(judge([put(second)], [second], true)).toBe("");
  });

  it.each([
    ["what was not shown", () => [put(second)], /was not shown a\/1 at 5, and was told of no gap/],
    ["what was shown twice", () => [put(first), put(second), put(second)], /shown a\/2 at 7 after 7/],
    ["what was shown out of order", () => [put(second), put(first)], /shown a\/1 at 5 after 7/],
    [
      "the end of what was not there",
      () => [{ kind: "delete" as const, name: "b" }, put(first), put(second)],
      /shown the end of b, which was not there/,
    ],
    ["a view that differs from the store", () => [put(first)], /has a at 5 at last; stored is 7/],
  ])("finds %s", (_, shown, finding) => {
    expect(judge(shown(), [second])).toMatch(finding);
  });

  it("finds what was acknowledged and is gone, unless somebody asked for its end", () => {
    expect(judge([put(first), put(second)], [first])).toMatch(/a\/2 was acknowledged at 7; stored is 5/);
  });

  it("leaves a deletion open that nobody answered", () => {
    book.askDelete("a");
    expect(judge([put(first), put(second), { kind: "delete", name: "a" }], [])).toBe("");
  });

  it("finds what is there twice, what nobody asked for, and what was said not to be applied", () => {
    const refused = book.ask("b");
    book.refuse(refused);
    const stored = [
      { ...second, version: 8 },
      { name: "b", revision: refused, version: 9 },
      { name: "c", revision: "c/9", version: 10 },
    ];
    const found = judge([put(first), put(second)], stored);
    expect(found).toMatch(/a\/2 is there twice, at 7 and at 8/);
    expect(found).toMatch(/b\/3 was said not to be applied, and is there at 9/);
    expect(found).toMatch(/c\/9 is there, and nobody asked for it/);
  });

  it("finds versions that do not grow", () => {
    book.acknowledge({ name: "a", revision: book.ask("a"), version: 6 });
    expect(book.findings).toEqual(["a/3 got version 6, and a/2 had 7 before"]);
  });
});
