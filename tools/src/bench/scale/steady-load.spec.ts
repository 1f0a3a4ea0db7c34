import { describe, expect, it } from "@jest/globals";

import { CallFailure } from "../raw/call-failure.ts";
import { failuresOf, SteadyLoad } from "./steady-load.ts";

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe("a steady load", () => {
  it("tells of each stretch by itself, and with the second of the calls under way", async () => {
    let calls = 0;
    const held = Promise.withResolvers<void>();
    const load = new SteadyLoad({
      callers: 1,
      async call() {
        calls += 1;
        await (calls === 3 ? held.promise : nextTurn());
        return 2;
      },
    });
    while (calls < 3) await nextTurn();
    expect(load.take()).toMatchObject({ operations: 4, errors: {} });
    await nextTurn();
    const stalled = load.take();
    expect(stalled).toMatchObject({ operations: 0, p50Ms: 0 });
    expect(stalled.longestMs).toBeGreaterThan(0);
    held.resolve();
    await load.end();
    expect(load.take().operations).toBe(2);
  });

  it("counts calls that fail and goes on, and ends with what is no such failure", async () => {
    let calls = 0;
    const load = new SteadyLoad({
      callers: 1,
      async call() {
        calls += 1;
        await nextTurn();
        if (calls === 1) throw new CallFailure("HTTP 503", "full");
        throw new Error("a wrong answer");
      },
    });
    await expect(load.end()).resolves.toBeUndefined();
    const { errors } = load.take();
    expect(errors).toEqual({ "HTTP 503": 1 });
    expect(failuresOf("writes", { errors })).toEqual(["writes: 1 calls failed with HTTP 503"]);
  });

  it("throws a wrong answer at its end", async () => {
    const load = new SteadyLoad({ callers: 2, call: () => Promise.reject(new Error("a wrong answer")) });
    await expect(load.end()).rejects.toThrow("a wrong answer");
  });
});
