import { describe, expect, it } from "@jest/globals";
import { encodeEnvelope } from "@connectrpc/connect/protocol";
import { seededRandom } from "@trellis/testing";

import { createMessageFrames } from "./message-frames.ts";

const LENGTHS = [0, 1, 5, 300, 0, 7_000, 4];

/** Cuts a body of messages into pieces of so many bytes, and expects of each piece what is known after it. */
function expectFollowed(nextBytes: () => number): void {
  const messages = LENGTHS.map((length) => Buffer.from(encodeEnvelope(0, new Uint8Array(length).fill(255))));
  const body = Buffer.concat(messages);
  const ends = messages.map((_, index) =>
    messages.slice(0, index + 1).reduce((sum, { byteLength }) => sum + byteLength, 0),
  );
  const frames = createMessageFrames();
  for (let at = 0; at < body.byteLength;) {
    const next = Math.min(body.byteLength, at + nextBytes());
    frames.push(body.subarray(at, next));
    at = next;
    const whole = ends.filter((end) => end <= at);
    expect([frames.whole(), frames.unfinishedBytes()]).toEqual([whole.length, at - (whole.at(-1) ?? 0)]);
  }
}

describe("the messages of a streamed body", () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])("are told apart wherever it is cut, seed %i", (seed) => {
    const random = seededRandom(seed);
    expectFollowed(() => 1 + Math.floor(random() ** 8 * 8_000));
  });

  it.each([2, 3, 4])("are told apart when it comes in pieces of %i bytes", (bytes) => {
    expectFollowed(() => bytes);
  });
});
