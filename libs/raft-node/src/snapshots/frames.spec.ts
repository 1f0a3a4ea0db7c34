import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";

import {
  END_FRAME,
  type Frame,
  FrameDecoder,
  FrameEncoder,
  HEADER_FRAME,
  MAGIC,
  MAX_FRAME_BYTES,
} from "./frames.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function file(...payloads: readonly Uint8Array[]): Buffer {
  const encoder = new FrameEncoder();
  const frames = payloads.flatMap((payload, at) => encoder.encode(at === 0 ? HEADER_FRAME : 2, payload));
  return Buffer.concat([MAGIC, ...frames, ...encoder.end()]);
}

function decode(whole: Uint8Array, pieceBytes = whole.length): Frame[] {
  const decoder = new FrameDecoder("the file");
  const frames: Frame[] = [];
  // Each piece comes in the place of the one before.
  const buffer = new Uint8Array(pieceBytes);
  for (let from = 0; from < whole.length; from += pieceBytes) {
    const piece = whole.subarray(from, from + pieceBytes);
    buffer.set(piece);
    for (const { kind, payload } of decoder.push(buffer.subarray(0, piece.length)))
      frames.push({ kind, payload: Uint8Array.from(payload) });
  }
  decoder.finish();
  return frames;
}

describe("the frames of a snapshot", () => {
  it("come out as they went in, in pieces of any size", () => {
    const part = fc.uint8Array({ maxLength: 300 });
    fc.assert(
      fc.property(
        fc.array(part, { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 1, max: 700 }),
        (parts, piece) => {
          const found = decode(file(...parts), piece);
          expect(found.map(({ kind }) => kind)).toEqual([
            HEADER_FRAME,
            ...parts.slice(1).map(() => 2),
            END_FRAME,
          ]);
          expect(found.slice(0, -1).map(({ payload }) => payload)).toEqual(
            parts.map((each) => Uint8Array.from(each)),
          );
        },
      ),
    );
  });

  const whole = file(bytes("header"), bytes("one"), bytes("two"));

  it("show each changed bit as damage", () => {
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const damaged = Buffer.from(whole);
      damaged.writeUInt8(damaged.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(() => decode(damaged)).toThrow(/the file is damaged at byte \d+/);
    }
  });

  it("show each missing end, and each byte behind it", () => {
    for (let length = 0; length < whole.length; length++)
      expect(() => decode(whole.subarray(0, length))).toThrow("the file is damaged");
    expect(() => decode(Buffer.concat([whole, Buffer.alloc(1)]))).toThrow("behind its end");
    expect(() => decode(Buffer.concat([whole, whole.subarray(MAGIC.length)]))).toThrow("behind its end");
  });

  it("show frames that are missing, twice, or in another order", () => {
    const encoder = new FrameEncoder();
    const [head, one, two, end] = [
      Buffer.concat(encoder.encode(HEADER_FRAME, bytes("header"))),
      Buffer.concat(encoder.encode(2, bytes("one"))),
      Buffer.concat(encoder.encode(2, bytes("two"))),
      Buffer.concat(encoder.end()),
    ];
    for (const frames of [
      [head, two, end],
      [head, one, end],
      [head, two, one, end],
      [head, one, one, two, end],
      [one, two, end],
    ])
      expect(() => decode(Buffer.concat([MAGIC, ...frames]))).toThrow("damaged");
    const second = new FrameEncoder();
    second.encode(HEADER_FRAME, bytes("header"));
    const headerTwice = [head, ...second.encode(HEADER_FRAME, bytes("again")), ...second.end()];
    expect(() => decode(Buffer.concat([MAGIC, ...headerTwice]))).toThrow("header is not where it belongs");
  });

  it("are not read with a length that is out of all reason, nor written", () => {
    const absurd = Buffer.concat([MAGIC, Buffer.from([0xff, 0xff, 0xff, 0x7f, 0])]);
    expect(() => decode(absurd)).toThrow("a frame of 2147483647 bytes");
    const encoder = new FrameEncoder();
    expect(() => encoder.encode(2, new Uint8Array(MAX_FRAME_BYTES + 1))).toThrow("too large for a snapshot");
  });
});
