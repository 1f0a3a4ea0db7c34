import { describe, expect, it } from "@jest/globals";

import type { Figure } from "./figure.ts";
import { figureText } from "./figure.ts";
import { figuresTable } from "./figures-table.ts";

describe("a figure", () => {
  it.each<[Pick<Figure, "value" | "unit">, string]>([
    [{ value: 1.456, unit: "×" }, "1.46×"],
    [{ value: 41.26, unit: "µs" }, "41.3 µs"],
    [{ value: 9.994, unit: "s" }, "9.99 s"],
    [{ value: 1_199.6, unit: "bytes" }, "1,200 bytes"],
    [{ value: 12_345.6, unit: "/s" }, "12,346/s"],
  ])("%j reads %s", (figure, text) => {
    expect(figureText(figure)).toBe(text);
  });
});

describe("the table of figures", () => {
  it("says for what has a target whether it is met", () => {
    const figures: readonly Figure[] = [
      { what: "a write: ratio", value: 1.5, unit: "×", target: 1.5 },
      { what: "start", value: 10.01, unit: "s", target: 10, note: "by the log" },
      { what: "events", value: 5, unit: "/s" },
    ];
    const result = { part: "cost", figures, failures: [] };
    expect(
      figuresTable([result, { part: "list", figures: [], failures: ["it failed"] }]).split("\n"),
    ).toEqual([
      "| part | what           | figure  | at most | met | besides    |",
      "| ---- | -------------- | ------- | ------- | --- | ---------- |",
      "| cost | a write: ratio | 1.50×   | 1.50×   | yes |            |",
      "| cost | start          | 10.01 s | 10.00 s | no  | by the log |",
      "| cost | events         | 5/s     |         |     |            |",
    ]);
  });
});
