import { describe, expect, it } from "@jest/globals";

import { everyRegistry } from "../test-support/every-kind.ts";
import { messageOf, typeText } from "./type-text.ts";

const fields = everyRegistry.getMessage("test.v1.Every")?.fields ?? [];

describe("a field's type in words", () => {
  it("is what manifests take", () => {
    expect(Object.fromEntries(fields.map((field) => [field.jsonName, typeText(field)]))).toMatchObject({
      flag: "bool",
      large: "int64",
      rawBytes: "bytes (base64)",
      colour: "Colour",
      colours: "list of Colour",
      words: "list of string",
      counts: "map of string to int64",
      byNumber: "map of int32 to string",
      parts: "map of string to Every",
      nested: "Every",
      list: "list of Every",
      moment: "time (RFC 3339)",
      span: 'duration ("1.5s")',
      free: "map of anything",
      wrappedCount: "int64, or absent",
    });
  });

  it("has fields only where they are written as fields", () => {
    const withFields = fields
      .filter((field) => messageOf(field) !== undefined)
      .map(({ jsonName }) => jsonName);
    expect(withFields).toEqual(["parts", "nested", "list"]);
  });
});
