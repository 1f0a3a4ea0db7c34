import { afterAll, describe, expect, it } from "@jest/globals";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findScripts, kindOfScript } from "./find-scripts.ts";

describe("finding scripts", () => {
  const root = mkdtempSync(join(tmpdir(), "raft-scripts-"));
  afterAll(() => rmSync(root, { recursive: true }));

  it("takes all text files below a folder, in order, and a file as itself", () => {
    const files = ["interaction/b.txt", "interaction/a.txt", "quorum/testdata/c.txt", "notes.md"].map(
      (name) => join(root, name),
    );
    for (const folder of ["interaction", "quorum/testdata"])
      mkdirSync(join(root, folder), { recursive: true });
    for (const file of files) writeFileSync(file, "");
    const [b = "", a = "", c = ""] = files;
    expect(findScripts(root)).toEqual([a, b, c]);
    expect(findScripts(b)).toEqual([b]);
  });

  it("lets the nearest folder that is named after a kind tell, then the first command", () => {
    const text = "vote cfg=(1)\n----\n";
    expect(kindOfScript("/quorum/interaction/a.txt", text)).toBe("interaction");
    expect(kindOfScript("/confchange/testdata/a.txt", text)).toBe("confchange");
    expect(kindOfScript("/elsewhere/a.txt", text)).toBe("quorum");
  });
});
