import { describe, expect, it } from "@jest/globals";

import { Template } from "./template.ts";

describe("a template", () => {
  const template = new Template(Buffer.from("name=1111 again=1111 revision=999999"), ["1111", "999999"]);

  it("has its numbers filled in wherever they stand, as wide as they were", () => {
    expect(template.fill(42, 7).toString()).toBe("name=0042 again=0042 revision=000007");
    expect(template.fill(9_999, 123_456).toString()).toBe("name=9999 again=9999 revision=123456");
  });

  it("is refused when it lacks one of them", () => {
    expect(() => new Template(Buffer.from("nothing"), ["1111"])).toThrow('the template has no "1111"');
  });
});
