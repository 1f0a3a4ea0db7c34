import { describe, expect, it } from "@jest/globals";
import { createVirtualClock } from "@trellis/testing";

import { HOLD_MS, Patiences } from "./patience.ts";

/** Whose end is told to a list of words. */
function open(options: Parameters<Patiences["begin"]>[0]) {
  const clock = createVirtualClock();
  const patiences = new Patiences(clock);
  const patience = patiences.begin(options);
  const told: string[] = [];
  const note = (): void => void told.push("over");
  patience.addEventListener("abort", note);
  return { clock, patiences, patience, told, note };
}

describe("the patience of a call", () => {
  it("ends when its caller says so, who is asked now and then", async () => {
    const caller = { aborted: false };
    const { clock, patience, told } = open({ caller });
    await clock.advance(10 * HOLD_MS);
    expect([patience.aborted, told]).toEqual([false, []]);
    caller.aborted = true;
    expect(patience.aborted).toBe(true);
    await clock.advance(20);
    expect(told).toEqual(["over"]);
    await clock.advance(1_000);
    expect([told, clock.pending()]).toEqual([["over"], 0]);
  });

  it("makes no signal of a caller who can be asked", () => {
    const options = {
      caller: { aborted: false },
      get signal(): AbortSignal {
        throw new Error("expected nobody to ask for the signal");
      },
    };
    expect(open(options).patience.aborted).toBe(false);
  });

  it("ends with its caller's signal", () => {
    const given = new AbortController();
    const { clock, patience, told } = open({ signal: given.signal });
    given.abort();
    expect([patience.aborted, told, clock.pending()]).toEqual([true, ["over"], 0]);
  });

  it("of a caller who says nothing ends after a time", async () => {
    const { clock, patience, told } = open({});
    await clock.advance(HOLD_MS - 1);
    expect([patience.aborted, told]).toEqual([false, []]);
    await clock.advance(1);
    expect([patience.aborted, told]).toEqual([true, ["over"]]);
  });

  it("is over in silence once the call is", async () => {
    for (const options of [{ caller: { aborted: false } }, {}]) {
      const { clock, patiences, patience, told, note } = open(options);
      patience.removeEventListener("abort", note);
      patiences.end(patience);
      await clock.advance(2 * HOLD_MS);
      expect([told, clock.pending()]).toEqual([[], 0]);
    }
  });

  it("is waited for by one at a time", () => {
    const { patience } = open({});
    expect(() => patience.addEventListener("abort", () => undefined)).toThrow("one at a time");
  });
});
