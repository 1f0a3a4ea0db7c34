import { Code } from "@connectrpc/connect";
import { describe, expect, it } from "@jest/globals";
import { seededRandom } from "@trellis/testing";

import { ENVELOPE_BYTES, envelopeInPlace, EnvelopeReader } from "./envelopes.ts";

const MAX_BYTES = 1_000;

function enveloped(message: Uint8Array, flags = 0): Uint8Array {
  const bytes = Buffer.alloc(ENVELOPE_BYTES + message.length);
  bytes.set(message, ENVELOPE_BYTES);
  envelopeInPlace(bytes);
  bytes[0] = flags;
  return bytes;
}

function taken(reader: EnvelopeReader): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let next = reader.next(); next !== undefined; next = reader.next()) found.push(next);
  return found;
}

describe("messages in envelopes", () => {
  it("come out as they went in, whatever the pieces in which they come", () => {
    const random = seededRandom(14);
    const below = (bound: number): number => Math.floor(random() * bound);
    for (let run = 0; run < 300; run++) {
      const messages = Array.from({ length: below(6) }, () =>
        Uint8Array.from({ length: below(3) === 0 ? below(4) : below(MAX_BYTES + 1) }, () => below(256)),
      );
      const bytes = Buffer.concat(messages.map((message) => enveloped(message)));
      const reader = new EnvelopeReader(MAX_BYTES);
      const found: Uint8Array[] = [];
      for (let at = 0; at < bytes.length;) {
        const end = at + below(below(4) === 0 ? 5 : 700);
        reader.push(bytes.subarray(at, end));
        at = end;
        // Not always at once: several pieces may wait.
        if (below(3) > 0) found.push(...taken(reader));
      }
      found.push(...taken(reader));
      expect(found).toEqual(messages);
      expect([reader.isBetweenMessages, reader.waitingBytes]).toEqual([true, 0]);
    }
  });

  it("have memory of their own, not that of what was read", () => {
    const reader = new EnvelopeReader(MAX_BYTES);
    const read = Buffer.concat([enveloped(Buffer.from("one")), enveloped(Buffer.from("two"))]);
    reader.push(read);
    const [one] = taken(reader);
    expect(one?.buffer.byteLength).toBe(3);
    read.fill(0);
    expect(Buffer.from(one ?? []).toString()).toBe("one");
  });

  it("that are too large are refused as soon as their length is there", () => {
    const reader = new EnvelopeReader(MAX_BYTES);
    reader.push(enveloped(new Uint8Array(MAX_BYTES)));
    expect(taken(reader)).toHaveLength(1);
    const [, ...head] = enveloped(new Uint8Array(MAX_BYTES + 1)).subarray(0, ENVELOPE_BYTES);
    reader.push(Uint8Array.of(0));
    expect(taken(reader)).toEqual([]);
    reader.push(Uint8Array.from(head));
    expect(() => reader.next()).toThrow(expect.objectContaining({ code: Code.ResourceExhausted }));
  });

  it("that are compressed are refused: nobody offered to take them", () => {
    const reader = new EnvelopeReader(MAX_BYTES);
    reader.push(enveloped(Buffer.from("zip"), 1));
    expect(() => reader.next()).toThrow(expect.objectContaining({ code: Code.Internal }));
  });

  it("are known to be cut when what came ends within one", () => {
    const bytes = enveloped(Buffer.from("abc"));
    for (let length = 1; length < bytes.length; length++) {
      const reader = new EnvelopeReader(MAX_BYTES);
      reader.push(bytes.subarray(0, length));
      expect(taken(reader)).toEqual([]);
      expect(reader.isBetweenMessages).toBe(false);
    }
  });
});
