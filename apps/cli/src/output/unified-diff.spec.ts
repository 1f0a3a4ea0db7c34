import { describe, expect, it } from "@jest/globals";

import { unifiedDiff } from "./unified-diff.ts";

const side = (title: string, ...lines: readonly string[]) => ({
  title,
  text: lines.map((line) => `${line}\n`).join(""),
});

describe("a unified diff", () => {
  it("shows what differs, with three lines around it", () => {
    const before = side("stored", "a", "b", "c", "d", "e", "f");
    const after = side("wanted", "a", "b", "c", "d", "x", "f");
    expect(unifiedDiff(before, after, false)).toBe(
      ["--- stored", "+++ wanted", "@@ -2,5 +2,5 @@", " b", " c", " d", "-e", "+x", " f", ""].join("\n"),
    );
  });

  it("is nothing when nothing differs", () => {
    expect(unifiedDiff(side("a", "x"), side("b", "x"), true)).toBe("");
  });

  it("is the whole text where there was none", () => {
    expect(unifiedDiff(side("a"), side("b", "x", "y"), false)).toBe(
      "--- a\n+++ b\n@@ -0,0 +1,2 @@\n+x\n+y\n",
    );
  });

  it("is painted where colour is wanted", () => {
    const painted = unifiedDiff(side("a", "x"), side("b", "y"), true);
    expect(painted).toContain("\u001B[1m--- a\u001B[22m\n");
    expect(painted).toContain("\u001B[31m-x\u001B[39m\n\u001B[32m+y\u001B[39m\n");
  });

  it("lets no line move the cursor, and keeps quotes and spaces of titles", () => {
    const text = unifiedDiff(side('svc/"a b"', "x"), side("b", "y\u001B[2J"), false);
    expect(text).toBe('--- svc/"a b"\n+++ b\n@@ -1,1 +1,1 @@\n-x\n+y�[2J\n');
  });

  it("gives up where too much differs, and says so", () => {
    const lines = (letter: string) => Array.from({ length: 6_000 }, (_, index) => `${letter}${index}`);
    expect(unifiedDiff(side("a", ...lines("a")), side("b", ...lines("b")), false)).toBe(
      "--- a\n+++ b\nmore than 5000 lines differ\n",
    );
  });
});
