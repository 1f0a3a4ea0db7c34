import { describe, expect, it } from "@jest/globals";

import { clip, pageWidth, wrap } from "./wrap.ts";

describe("text for a width", () => {
  it("is broken between words", () => {
    expect(wrap("the quick brown fox", 10)).toEqual(["the quick", "brown fox"]);
    expect(wrap("one\n\ntwo three", 20)).toEqual(["one", "", "two three"]);
    expect(wrap("a incomprehensible b", 6)).toEqual(["a", "incomprehensible", "b"]);
  });

  it("is cut where it must fit, wide letters counted", () => {
    expect([clip("abc", 3), clip("abcd", 3), clip("日本語", 5)]).toEqual(["abc", "ab…", "日本…"]);
  });

  it("has the terminal's width, within what can be read", () => {
    expect([undefined, 10, 72, 300].map(pageWidth)).toEqual([80, 30, 72, 100]);
  });
});
