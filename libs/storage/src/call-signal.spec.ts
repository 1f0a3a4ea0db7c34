import { describe, expect, it } from "@jest/globals";

import { CallEnding } from "./call-signal.ts";
import { CallUnderWay } from "./wire/call-under-way.ts";

describe("the end of a call", () => {
  it("is told once, to the one who waits for it", () => {
    const ending = new CallEnding();
    let told = 0;
    const note = (): void => void told++;
    ending.addEventListener("abort", note);
    expect(() => ending.addEventListener("abort", () => undefined)).toThrow("one at a time");
    ending.abort();
    ending.abort();
    expect([ending.aborted, told]).toEqual([true, 1]);
  });

  it("is not told to who has left", () => {
    const ending = new CallEnding();
    const [left, stays] = [() => told.push("left"), () => told.push("stays")];
    const told: string[] = [];
    ending.addEventListener("abort", left);
    ending.removeEventListener("abort", stays);
    ending.removeEventListener("abort", left);
    ending.addEventListener("abort", stays);
    ending.abort();
    expect(told).toEqual(["stays"]);
  });
});

describe("a call at its server", () => {
  it.each(["before", "after"])("has a signal that is aborted, made %s that", (when) => {
    const call = new CallUnderWay();
    if (when === "before") expect(call.signal.aborted).toBe(false);
    call.abort();
    expect([call.aborted, call.caller.aborted, call.signal.aborted]).toEqual([true, true, true]);
    expect(call.signal).toBe(call.signal);
  });
});
