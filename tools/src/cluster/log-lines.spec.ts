import { describe, expect, it } from "@jest/globals";

import { LogLines } from "./log-lines.ts";

function linesOf(...pieces: readonly string[]): string {
  let written = "";
  const lines = new LogLines(
    { name: "node-1", kind: "node", columns: 9 },
    { colour: false, write: (text) => (written += text) },
  );
  for (const piece of pieces) lines.take(piece);
  return written;
}

describe("the log of a cluster", () => {
  it("shows a JSON line as time, text and fields, behind its process's name", () => {
    const record = { level: "info", time: "2026-11-25T18:00:01.250Z", name: "trellis-storage-node", pid: 7 };
    expect(linesOf(`${JSON.stringify({ ...record, term: 3, what: "two words", msg: "leads" })}\n`)).toBe(
      'node-1     18:00:01.250  leads  term=3 what="two words"\n',
    );
  });

  it("puts a line together that comes in pieces, and passes on what is no JSON", () => {
    expect(linesOf("Error: it", " broke\n    at once\n{not json\nrest")).toBe(
      "node-1     Error: it broke\nnode-1         at once\nnode-1     {not json\n",
    );
  });

  it("shows an error by its message, and cuts what is longer than a line", () => {
    const line = JSON.stringify({
      level: "error",
      err: { message: "x".repeat(300), stack: "…" },
      msg: "failed",
    });
    expect(linesOf(`${line}\n`)).toBe(`node-1       failed  err=${"x".repeat(200)}…\n`);
  });
});
