import { describe, expect, it } from "@jest/globals";

import { jsonTextViolations } from "./json-text-violations.ts";

/** The paths of what is wrong with a text that JSON.parse takes. */
function pathsOf(text: string, limit = 100): readonly string[] {
  JSON.parse(text);
  return jsonTextViolations(text, limit).map(({ field }) => field);
}

describe("keys that an object has twice", () => {
  it.each([
    ["at the root", '{"a":1,"a":2}', ["a"]],
    ["inside", '{"b":{"a":1,"a":{}},"a":1}', ["b.a"]],
    ["in a list", '{"l":[{"a":1},[{"a":"x","a":2}]]}', ["l[1][0].a"]],
    ["in another spelling", String.raw`{"a":1,"\u0061":2}`, ["a"]],
    ["that no plain object may have", '{"__proto__":1,"__proto__":2}', ["__proto__"]],
    ["never in two objects", '[{"a":1},{"a":1}]', []],
    ["never in a value", String.raw`{"a":"a","b":"\"a\":1,{","c":["a","a"]}`, []],
  ])("are found: %s", (_, text, paths) => {
    expect(pathsOf(text)).toEqual(paths);
  });

  it("are found up to a limit", () => {
    expect(pathsOf(`{${Array.from({ length: 50 }, () => '"a":1').join(",")}}`, 3)).toHaveLength(3);
  });
});

describe("text with half of a surrogate pair", () => {
  it.each([
    ["in a value", String.raw`{"m":{"a":"x\ud800"}}`, ["m.a"]],
    ["in a list", String.raw`{"l":["","\uDC00"]}`, ["l[1]"]],
    ["in a key, which is told without it", String.raw`{"m":{"\ud800":"x"}}`, ["m.\ufffd"]],
    ["never in a whole pair", String.raw`{"a":"\ud83d\ude00😀"}`, []],
    ["never behind an escaped backslash", String.raw`{"a":"\\ud800"}`, []],
  ])("is found: %s", (_, text, paths) => {
    expect(pathsOf(text)).toEqual(paths);
  });
});
