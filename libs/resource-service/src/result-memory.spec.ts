import { describe, expect, it } from "@jest/globals";

import { MAX_SPARE_PIECES, PIECE_BYTES, ResultMemory } from "./result-memory.ts";

describe("the memory of results", () => {
  it("gives a piece that came back to the next who asks, and to no two at a time", () => {
    const memory = new ResultMemory();
    const piece = memory.take();
    expect(piece).toHaveLength(PIECE_BYTES);
    expect(memory.take()).not.toBe(piece);
    memory.give(piece);
    expect(memory.take()).toBe(piece);
    expect(memory.take()).not.toBe(piece);
  });

  it("keeps pieces of one size only, and no more than its bound", () => {
    const memory = new ResultMemory();
    memory.give(Buffer.alloc(10));
    expect(memory.take()).toHaveLength(PIECE_BYTES);
    const pieces = new Set(Array.from({ length: MAX_SPARE_PIECES + 1 }, () => memory.take()));
    expect(pieces.size).toBe(MAX_SPARE_PIECES + 1);
    for (const piece of pieces) memory.give(piece);
    let kept = 0;
    while (pieces.has(memory.take())) kept += 1;
    expect(kept).toBe(MAX_SPARE_PIECES);
  });
});
