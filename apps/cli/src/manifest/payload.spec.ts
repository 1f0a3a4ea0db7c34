import { fromBinary, toJson } from "@bufbuild/protobuf";
import { describe, expect, it } from "@jest/globals";

import { everyRegistry } from "../test-support/every-kind.ts";
import { readText } from "../test-support/manifests.ts";

const START = "type: test.v1.Every\nname: a\ndata: ";

/** The payload in protobuf's JSON, or what is wrong with it; columns count from the payload's first character. */
function read(data: string): unknown {
  const { resources, problems } = readText(`${START}${data}\n`);
  if (problems.length > 0)
    return problems.map((problem) =>
      problem.replace(/^3:(\d+)/, (_, column: string) => String(Number(column) - "data: ".length)),
    );
  const schema = everyRegistry.getMessage("test.v1.Every");
  const payload = resources[0]?.data;
  if (schema === undefined || payload === undefined) throw new Error("there is no payload");
  return toJson(schema, fromBinary(schema, payload.value), { registry: everyRegistry });
}

describe("a payload in a manifest", () => {
  it.each([
    ["{small_unsigned: 1}", { smallUnsigned: 1 }],
    ["{smallUnsigned: 4294967295}", { smallUnsigned: 4_294_967_295 }],
    ["{small: -2147483648}", { small: -2_147_483_648 }],
    ["{small: 0x50}", { small: 80 }],
    ['{small: "80"}', { small: 80 }],
    ["{small: 80.0}", { small: 80 }],
    ["{large: 9223372036854775807}", { large: "9223372036854775807" }],
    ['{large: "-9223372036854775808"}', { large: "-9223372036854775808" }],
    ["{largeUnsigned: 18446744073709551615}", { largeUnsigned: "18446744073709551615" }],
    ["{precise: 1.5, rough: .inf}", { precise: 1.5, rough: "Infinity" }],
    ['{precise: "NaN", rough: 3}', { precise: "NaN", rough: 3 }],
    ["{precise: 12345678901234567890}", { precise: 12_345_678_901_234_567_000 }],
    ["{text: 'yes', flag: true}", { text: "yes", flag: true }],
    ["{rawBytes: +/8=}", { rawBytes: "+/8=" }],
    ["{raw_bytes: -_8}", { rawBytes: "+/8=" }],
    [
      "{colour: COLOUR_RED, colours: [2, COLOUR_RED]}",
      { colour: "COLOUR_RED", colours: ["COLOUR_DARK_BLUE", "COLOUR_RED"] },
    ],
    ["{colour: 77}", { colour: 77 }],
    ["{numbers: [1, 2], words: []}", { numbers: [1, 2] }],
    ["{counts: {a: 1, 2: '3'}}", { counts: { a: "1", 2: "3" } }],
    ["{byNumber: {-5: x}, bySwitch: {true: y}}", { byNumber: { "-5": "x" }, bySwitch: { true: "y" } }],
    ["{parts: {a: {left: x}}}", { parts: { a: { left: "x" } } }],
    ["{right: 0}", { right: 0 }],
    ["{left: x, right: ~}", { left: "x" }],
    ["{nested: {nested: {text: x}}}", { nested: { nested: { text: "x" } } }],
    ["{moment: 2026-01-31T12:00:00Z, span: 1.5s}", { moment: "2026-01-31T12:00:00Z", span: "1.500s" }],
    ["{free: {a: [1, x, ~, {b: true}]}}", { free: { a: [1, "x", null, { b: true }] } }],
    ["{anything: ~}", { anything: null }],
    ["{mask: 'text,rawBytes'}", { mask: "text,rawBytes" }],
    ["{wrappedCount: 0, wrappedText: ''}", { wrappedCount: "0", wrappedText: "" }],
    ["{wrappedCount: 9007199254740993}", { wrappedCount: "9007199254740993" }],
    [
      "{other: {'@type': type.googleapis.com/test.v1.Every, text: x}}",
      { other: { "@type": "type.googleapis.com/test.v1.Every", text: "x" } },
    ],
  ])("%s is read", (data, expected) => {
    expect(read(data)).toEqual(expected);
  });

  it.each([
    ["{small: 2147483648}", "9 data.small: expected a whole number (int32), found the number 2147483648"],
    ["{small: 1.5}", "9 data.small: expected a whole number (int32), found the number 1.5"],
    [
      "{smallUnsigned: -1}",
      "17 data.smallUnsigned: expected a whole number from 0 (uint32), found the number -1",
    ],
    [
      "{smallUnsigned: eighty}",
      '17 data.smallUnsigned: expected a whole number from 0 (uint32), found the string "eighty"',
    ],
    [
      "{large: 9223372036854775808}",
      "9 data.large: expected a whole number (int64), found the number 9223372036854775808",
    ],
    [
      `{small: ${"9".repeat(400)}}`,
      `9 data.small: expected a whole number (int32), found the number ${"9".repeat(39)}…`,
    ],
    ["{flag: 'true'}", '8 data.flag: expected true or false, found the string "true"'],
    ["{flag: yes}", '8 data.flag: expected true or false, found the string "yes"'],
    ["{text: 5}", "8 data.text: expected a string, found the number 5; put it in quotes"],
    ["{text: 1.10}", "8 data.text: expected a string, found the number 1.10; put it in quotes"],
    ["{text: {}}", "8 data.text: expected a string, found a map"],
    ["{rawBytes: 'no!'}", '12 data.rawBytes: expected bytes in base64, found the string "no!"'],
    ["{precise: much}", '11 data.precise: expected a number, found the string "much"'],
    ["{colour: red}", '10 data.colour: expected a Colour (did you mean COLOUR_RED?), found the string "red"'],
    [
      "{colour: dark-blue}",
      '10 data.colour: expected a Colour (did you mean COLOUR_DARK_BLUE?), found the string "dark-blue"',
    ],
    [
      "{colour: mauve}",
      '10 data.colour: expected one of COLOUR_UNSPECIFIED, COLOUR_RED, COLOUR_DARK_BLUE, found the string "mauve"',
    ],
    ["{numbers: 5}", "11 data.numbers: expected a list of whole numbers (int32), found the number 5"],
    ["{numbers: [1, x]}", '15 data.numbers[1]: expected a whole number (int32), found the string "x"'],
    ["{words: [~]}", "10 data.words[0]: expected a string, found nothing"],
    ["{counts: [1]}", "10 data.counts: expected a map to whole numbers (int64), found a list"],
    ["{counts: {'a.b': x}}", '18 data.counts["a.b"]: expected a whole number (int64), found the string "x"'],
    ["{byNumber: {x: y}}", '13 data.byNumber["x"]: expected a whole number (int32) as the key'],
    ["{bySwitch: {on: y}}", '13 data.bySwitch["on"]: expected true or false as the key'],
    ["{left: x, right: 5}", "11 data.right: excludes left, which is set beside it"],
    ["{raw_bytes: AA, rawBytes: AA}", "17 data.rawBytes: set twice, as raw_bytes and rawBytes"],
    ["{nested: {txt: x}}", '11 data.nested.txt: Every has no such field; did you mean "text"?'],
    ["{list: [{wrds: []}]}", '10 data.list[0].wrds: Every has no such field; did you mean "words"?'],
    ["{<<: {text: x}}", "2 data.<<: merge keys are not read; write the fields out"],
    [
      "{moment: yesterday}",
      '10 data.moment: expected a time such as "2026-01-31T12:00:00Z", found the string "yesterday"',
    ],
    [
      "{moment: 2026-01-31T25:00:00Z}",
      '10 data.moment: expected a time such as "2026-01-31T12:00:00Z", found the string "2026-01-31T25:00:00Z"',
    ],
    ["{span: 5}", '8 data.span: expected a duration in seconds such as "1.5s", found the number 5'],
    ["{free: x}", '8 data.free: expected a map, found the string "x"'],
    ["{wrappedCount: x}", '16 data.wrappedCount: expected a whole number (int64), found the string "x"'],
    [
      "{other: {text: x}}",
      "9 data.other: expected a map with @type and the fields of that message, found a map",
    ],
  ])("%s is refused", (data, problem) => {
    expect(read(data)).toEqual([problem]);
  });

  it("has every mistake told at once", () => {
    const data = "{small: x, flag: 1, list: [{text: 5}, {text: 6}]}";
    expect(read(data)).toHaveLength(4);
  });

  it("lists the fields when no name is close", () => {
    expect(read("{zzzzzzzz: 1}")).toEqual([
      "2 data.zzzzzzzz: Every has no such field; it has flag, small, smallUnsigned, large, largeUnsigned, precise, rough, text, …",
    ]);
  });
});
