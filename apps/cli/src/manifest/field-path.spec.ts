import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";

import { parsePath, pathText, type Step } from "./field-path.ts";

describe("a field's path", () => {
  it("is read as servers write it", () => {
    expect(parsePath('resource.data.ports[0].target_port["a.b"].x[trellis.dev/key]')).toEqual([
      { field: "resource" },
      { field: "data" },
      { field: "ports" },
      { index: 0 },
      { field: "target_port" },
      { key: "a.b" },
      { field: "x" },
      { key: "trellis.dev/key" },
    ]);
  });

  it.each(["", "a b", "a[", "[", "ü"])("is not one: %j", (text) => {
    expect(parsePath(text)).toBeUndefined();
  });

  it("is read back as it was written", () => {
    const field = fc.stringMatching(/^[A-Za-z_]\w{0,6}$/);
    const step: fc.Arbitrary<Step> = fc.oneof(
      fc.record({ field }),
      fc.record({ index: fc.nat() }),
      fc.record({ key: fc.string({ unit: "grapheme" }) }),
    );
    fc.assert(
      fc.property(field, fc.array(step, { maxLength: 5 }), (first, rest) => {
        const steps = [{ field: first }, ...rest];
        expect(parsePath(pathText(steps))).toEqual(steps);
      }),
    );
  });
});
