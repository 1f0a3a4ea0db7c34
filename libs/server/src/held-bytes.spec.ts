import { describe, expect, it } from "@jest/globals";
import { errorApplied, errorReason, errorRetryAfterMs } from "@trellis/resource";

import { createHeldBytes } from "./held-bytes.ts";

const KIB = 1024;
const MAX = 1024 * KIB;
const bounded = () => createHeldBytes({ maxHeldBytes: MAX, maxRequestBytes: 256 * KIB });

function refusalOf(act: () => void): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe("the bytes of all requests", () => {
  it("are bounded, and the refusal says when to try again and that nothing was done", () => {
    const held = bounded();
    for (let count = 0; count < 3; count++) held.open().take(256 * KIB);
    const error = refusalOf(() => held.open().take(17 * KIB));
    expect([errorReason(error), errorRetryAfterMs(error), errorApplied(error)]).toEqual([
      "LIMIT_REACHED",
      1_000,
      "no",
    ]);
  });

  it("leave the last quarter to small requests, whose bound is the whole", () => {
    const held = bounded();
    for (let count = 0; count < 3; count++) held.open().take(256 * KIB);
    for (let count = 0; count < 16; count++) held.open().take(16 * KIB);
    expect(refusalOf(() => held.open().take(1))).toBeDefined();
  });

  it("have no room in that quarter for a large request that comes in small pieces", () => {
    const held = bounded();
    for (let count = 0; count < 3; count++) held.open().take(256 * KIB);
    const large = held.open();
    large.take(16 * KIB);
    expect(refusalOf(() => large.take(1))).toBeDefined();
  });

  it("are given back in part or whole, once, and a request that is over takes none", () => {
    const held = bounded();
    const others = held.open();
    others.take(512 * KIB);
    const one = held.open();
    one.take(256 * KIB);
    one.keep(300 * KIB);
    expect(refusalOf(() => others.take(1))).toBeDefined();
    one.keep(255 * KIB);
    others.take(1 * KIB);
    one.end();
    one.end();
    one.take(200 * KIB);
    others.take(255 * KIB);
    expect(refusalOf(() => others.take(1))).toBeDefined();
  });

  it("are nobody's by being announced, but what would find no room is refused before it is sent", () => {
    const held = bounded();
    for (let count = 0; count < 1_000; count++) held.open().expect(256 * KIB);
    held.open().take(600 * KIB);
    expect(errorReason(refusalOf(() => held.open().expect(200 * KIB)))).toBe("LIMIT_REACHED");
    held.open().expect(168 * KIB);
  });

  it("say nothing of a request that is too large however little is held", () => {
    const held = bounded();
    held.open().take(700 * KIB);
    held.open().expect(257 * KIB);
  });

  it("have room for the largest request whatever the bound is said to be", () => {
    const held = createHeldBytes({ maxHeldBytes: 1, maxRequestBytes: 256 * KIB });
    const one = held.open();
    one.take(256 * KIB);
    one.take(256 * KIB);
  });
});
