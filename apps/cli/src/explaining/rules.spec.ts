import { describe, expect, it } from "@jest/globals";

import { fieldRuleTexts } from "./rules.ts";

describe("the rules of a field", () => {
  it.each([
    [{ required: true }, ["required"]],
    [{ uint32: { lte: 65535 } }, ["at most 65535"]],
    [{ int64: { gte: "1", lte: "9" } }, ["from 1 to 9"]],
    [{ int32: { gt: 0 } }, ["more than 0"]],
    [{ string: { minLen: "1", maxLen: "63" } }, ["not empty", "at most 63 characters"]],
    [{ string: { pattern: "^$&a*$" } }, ["matches ^$&a*$"]],
    [{ string: { in: ["a", "b"] } }, ["one of a, b"]],
    [{ string: { email: true, hostname: false } }, ["an e-mail address"]],
    [{ enum: { definedOnly: true } }, ["one of the named values"]],
    [
      { repeated: { minItems: "1", maxItems: "4", unique: true, items: { string: { ip: true } } } },
      ["at least one item", "at most 4 items", "no item twice", "each: an IP address"],
    ],
    [
      { map: { minPairs: "2", keys: { string: { minLen: "2" } }, values: { required: true } } },
      ["at least 2 entries", "each key: at least 2 characters", "each value: required"],
    ],
    [
      { cel: [{ id: "x", message: "must be well", expression: "this.ok" }], celExpression: ["this > 1"] },
      ["must be well", "this > 1"],
    ],
    [{ cel: [{ id: "x", expression: "this.ok" }] }, ["this.ok"]],
    [{ string: { example: ["a"] }, ignore: "IGNORE_ALWAYS" }, []],
  ])("%j are %j", (rules, texts) => {
    expect(fieldRuleTexts(rules)).toEqual(texts);
  });
});
