import { describe, expect, it } from "@jest/globals";

import { randomFaults } from "./random-faults.ts";
import { seededRandom } from "./seeded-random.ts";
import { createVirtualClock } from "./virtual-clock.ts";

const CALLS = 1_000;
const call = { method: "Read", header: new Headers(), timeoutMs: undefined };

/** How many calls, answers and messages arrive, and how long the last of them took. */
async function send(likelihood: number, end = false) {
  const clock = createVirtualClock();
  const faults = randomFaults({ clock, random: seededRandom(1), likelihood, maxDelayMs: 20 });
  if (end) faults.end();
  const arrived = { request: 0, answer: 0, message: 0, afterMs: 0 };
  for (let sent = 0; sent < CALLS; sent++)
    for (const what of ["request", "answer", "message"] as const)
      void Promise.resolve(faults[what]?.(call, 0)).then(
        () => {
          arrived[what] += 1;
          arrived.afterMs = clock.monotonic();
        },
        () => undefined,
      );
  await clock.advance(1_000);
  return arrived;
}

describe("faults at random", () => {
  it("lose the part that they are told to, and half as much of streams, and are late by some milliseconds", async () => {
    const { request, answer, message, afterMs } = await send(0.2);
    for (const arrived of [request, answer]) expect(Math.abs(arrived - 0.8 * CALLS)).toBeLessThan(50);
    expect(Math.abs(message - 0.9 * CALLS)).toBeLessThan(50);
    expect(afterMs).toBe(20);
  });

  it("lose nothing when they are told so, nor once they are ended", async () => {
    expect(await send(0)).toEqual({ request: CALLS, answer: CALLS, message: CALLS, afterMs: 20 });
    expect(await send(0.2, true)).toEqual({ request: CALLS, answer: CALLS, message: CALLS, afterMs: 0 });
  });
});
