import { describe, expect, it } from "@jest/globals";

import { BodyMemory, kept, MAX_SPARE_BYTES } from "./body-memory.ts";

const KIB = 1024;

/** A body in so many chunks, each of one byte repeated. */
const chunksOf = (count: number, bytes: number): Buffer[] =>
  Array.from({ length: count }, (_, at) => Buffer.alloc(bytes, at + 1));

function join(memory: BodyMemory, chunks: readonly Buffer[]): Buffer {
  return memory.join(
    chunks,
    chunks.reduce((size, { byteLength }) => size + byteLength, 0),
  );
}

describe("a part of a body", () => {
  const read = Buffer.alloc(64 * KIB, "x");

  it("that is little of what was read is kept without the rest", () => {
    for (const bytes of [0, 1, 700, 8_000]) {
      const part = kept(read.subarray(3, 3 + bytes));
      expect(part.byteLength).toBe(bytes);
      expect(read.equals(Buffer.alloc(64 * KIB, "x")) && part.every((byte) => byte === 0x78)).toBe(true);
      expect(part.buffer).not.toBe(read.buffer);
      expect(part.buffer.byteLength).toBeLessThanOrEqual(Math.max(Buffer.poolSize, bytes));
    }
  });

  it("that is much of it, or part of little, is kept as it came", () => {
    const large = read.subarray(0, 8 * KIB);
    expect(kept(large)).toBe(large);
    const ofLittle = Buffer.alloc(16 * KIB).subarray(5, 6);
    expect(kept(ofLittle)).toBe(ofLittle);
  });
});

describe("the memory of bodies", () => {
  it.each([
    [2, 10],
    [3, 16 * KIB],
    [5, 13_001],
  ])("joins %i chunks of %i bytes", (count, bytes) => {
    const memory = new BodyMemory();
    const chunks = chunksOf(count, bytes);
    for (let again = 0; again < 3; again++) {
      const body = join(memory, chunks);
      expect(body.equals(Buffer.concat(chunks))).toBe(true);
      memory.give(body);
    }
  });

  it("has a body in memory that is hardly larger than it", () => {
    for (const bytes of [16 * KIB, 65_000, 300_001])
      expect(join(new BodyMemory(), [Buffer.alloc(bytes)]).buffer.byteLength - bytes).toBeLessThan(16 * KIB);
  });

  it("is used again by a body of about the size, and by no two at a time", () => {
    const memory = new BodyMemory();
    const first = join(memory, chunksOf(4, 16_001));
    memory.give(first);
    const second = join(memory, chunksOf(4, 16_300));
    expect(second.buffer).toBe(first.buffer);
    expect(join(memory, chunksOf(4, 16_001)).buffer).not.toBe(first.buffer);
  });

  it("keeps no small bodies", () => {
    const memory = new BodyMemory();
    const small = join(memory, chunksOf(2, 100));
    memory.give(small);
    expect(join(memory, chunksOf(2, 100)).buffer === small.buffer && small.byteOffset === 0).toBe(false);
  });

  it("keeps as much as its bound, of what came last", () => {
    const memory = new BodyMemory();
    const size = 1024 * KIB;
    const bodies = Array.from({ length: MAX_SPARE_BYTES / size }, () => join(memory, [Buffer.alloc(size)]));
    const other = join(memory, [Buffer.alloc(size / 2)]);
    for (const body of [...bodies, other]) memory.give(body);
    expect(join(memory, [Buffer.alloc(size / 2)]).buffer).toBe(other.buffer);
    const given = new Set(bodies.map(({ buffer }) => buffer));
    let kept = 0;
    while (given.has(join(memory, [Buffer.alloc(size)]).buffer)) kept += 1;
    expect(kept).toBe(bodies.length - 1);
    const huge = join(memory, [Buffer.alloc(2 * MAX_SPARE_BYTES)]);
    memory.give(huge);
    expect(join(memory, [Buffer.alloc(2 * MAX_SPARE_BYTES)]).buffer).not.toBe(huge.buffer);
  });
});
