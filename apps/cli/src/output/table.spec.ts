import { describe, expect, it } from "@jest/globals";

import { createTable, pad, tableText, widthOf } from "./table.ts";

describe("a table", () => {
  it("is aligned, without spaces at the ends of lines", () => {
    expect(
      tableText(
        ["NAME", "PORTS", "AGE"],
        [
          ["api", "3", "2s"],
          ["legacy-billing", "-", "10m"],
        ],
        false,
      ),
    ).toBe(
      [
        "NAME             PORTS   AGE",
        "api              3       2s",
        "legacy-billing   -       10m",
        "",
      ].join("\n"),
    );
  });

  it("shows a cell that says what every object has", () => {
    expect(tableText(["NAME"], [["constructor"]], true)).toContain("constructor");
  });

  it("keeps its columns as rows come over time", () => {
    const table = createTable(["NAME", "EVENT"], false);
    expect(table.rows([["a-long-name", "added"]])).toBe("NAME          EVENT\na-long-name   added\n");
    expect(table.rows([["short", "deleted"]])).toBe("short         deleted\n");
    expect(table.rows([])).toBe("");
  });

  it("counts wide letters as two columns, marks as none", () => {
    expect(["abc", "日本", "🚀", "e\u0301", "é", ""].map(widthOf)).toEqual([3, 4, 2, 1, 1, 0]);
    expect(pad("日本", 6)).toBe("日本  ");
    expect(pad("longer", 2)).toBe("longer");
  });

  it("lets no cell move the cursor", () => {
    expect(tableText(["A", "B"], [["x\u001B[2Jy", "one\ntwo\u202Eevil"]], false)).toBe(
      "A        B\nx�[2Jy   one two�evil\n",
    );
  });

  it("is painted only where colour is wanted, and aligned all the same", () => {
    const painted = tableText(["NAME", "HEALTHY", "AGE"], [["api", "TRUE", "1s"]], true);
    expect(painted).toContain("\u001B[32mTRUE\u001B[39m");
    // oxlint-disable-next-line no-control-regex
    expect(painted.replaceAll(/\u001B\[\d+m/g, "")).toBe(
      tableText(["NAME", "HEALTHY", "AGE"], [["api", "TRUE", "1s"]], false),
    );
  });
});
