import { describe, expect, it } from "@jest/globals";

import { matchesSelector, parseSelector, SelectorError } from "./selector.ts";

describe("a selector", () => {
  it.each([
    ["", {}, true],
    ["a=b", { a: "b" }, true],
    ["a=b", { a: "c" }, false],
    ["a == b", { a: "b" }, true],
    ["a=", { a: "" }, true],
    ["c!=d", {}, true],
    ["c!=d", { c: "d" }, false],
    ["e in (x, y)", { e: "y" }, true],
    ["e in (x,y)", {}, false],
    ["e notin (x,y)", { e: "y" }, false],
    ["e notin (x,y)", {}, true],
    ["f", { f: "" }, true],
    ["f", {}, false],
    ["!g", {}, true],
    ["!g", { g: "x" }, false],
    ["a=b,c!=d,e in (x,y),f,!g", { a: "b", e: "x", f: "1" }, true],
    ["in in (in)", { in: "in" }, true],
    ["acme.dev/team=web", { "acme.dev/team": "web" }, true],
    ["toString", {}, false],
  ])("%j over %j: %p", (text, metadata, expected) => {
    expect(matchesSelector(parseSelector(text), metadata)).toBe(expected);
  });

  it.each([
    ["a=b,", "at character 5: expected a key (letters, digits, . _ - /), found the end of the selector"],
    ["a in x", 'at character 6: expected "(" and the values, found "x"'],
    ["a in (x", 'at character 8: expected "," or ")", found the end of the selector'],
    ["a b", 'at character 3: expected "," or the end of the selector, found "b"'],
    ["=b", 'at character 1: expected a key (letters, digits, . _ - /), found "=b"'],
    ["finalizers=x", 'at character 1: the key "finalizers" is reserved and cannot be selected by'],
    [Array.from({ length: 17 }, (_, n) => `k${n}`).join(","), /at most 16 terms/],
    ["a".repeat(1025), "a selector has at most 1024 bytes, found 1025"],
  ])("%j is refused with its place", (text, message) => {
    expect(() => parseSelector(text)).toThrow(message);
    try {
      parseSelector(text);
    } catch (error) {
      expect(SelectorError.is(error)).toBe(true);
    }
  });
});
