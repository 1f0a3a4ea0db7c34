import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";

import { alternatives, nearest } from "./nearest.ts";

describe("the nearest names", () => {
  it.each([
    ["prefix", ["prefixes", "names", "filter"], ["prefixes"]],
    ["taget_port", ["targetPort", "virtualPort"], ["targetPort"]],
    ["prots", ["ports", "posts"], ["ports"]],
    ["x", ["name"], []],
    ["aaa", ["aa", "aaa"], ["aaa", "aa"]],
    ["catalog.v1.Servce", ["catalog.v1.Service", "catalog.v1.Node"], ["catalog.v1.Service"]],
  ])("to %j among %j are %j", (word, candidates, expected) => {
    expect(nearest(word, candidates)).toEqual(expected);
  });

  it("are at most three, each once", () => {
    expect(nearest("aa", ["ab", "ab", "ac", "ad", "ae"])).toEqual(["ab", "ac", "ad"]);
  });

  it("have a word itself first", () => {
    const word = fc.stringMatching(/^[a-z]{1,12}$/);
    fc.assert(
      fc.property(word, fc.array(word), (wanted, others) => {
        expect(nearest(wanted, [...others, wanted])[0]).toBe(wanted);
      }),
    );
  });

  it("are listed as people do", () => {
    expect([["a"], ["a", "b"], ["a", "b", "c"]].map(alternatives)).toEqual([
      '"a"',
      '"a" or "b"',
      '"a", "b" or "c"',
    ]);
  });
});
