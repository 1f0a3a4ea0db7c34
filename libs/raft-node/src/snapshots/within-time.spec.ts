import { describe, expect, it } from "@jest/globals";

import { VirtualProcess, VirtualTime } from "../test-support/virtual-time.ts";
import { withinTime } from "./within-time.ts";

describe("pieces within time", () => {
  it("come as they come, and end as they end", async () => {
    const time = new VirtualTime();
    const clock = new VirtualProcess(time);
    let isEnded = false;
    async function* slow(): AsyncGenerator<number> {
      try {
        for (let at = 0; at < 3; at++) {
          await new Promise<void>((resolve) => clock.after(900, resolve));
          yield at;
        }
      } finally {
        isEnded = true;
      }
    }
    const found: number[] = [];
    const reading = (async () => {
      for await (const piece of withinTime(slow(), { clock, limitMs: 1_000 })) found.push(piece);
    })();
    await time.settle(reading);
    expect(found).toEqual([0, 1, 2]);
    expect(isEnded).toBe(true);
  });

  it("are given up when one does not come, though the source never says a word again", async () => {
    const time = new VirtualTime();
    const clock = new VirtualProcess(time);
    async function* silent(): AsyncGenerator<number> {
      yield 1;
      await new Promise(() => undefined);
    }
    const reading = (async () => {
      for await (const piece of withinTime(silent(), { clock, limitMs: 1_000 })) expect(piece).toBe(1);
    })();
    await expect(time.settle(reading)).rejects.toMatchObject({ code: "unavailable" });
    expect(time.nowMs).toBeLessThan(1_100);
  });

  it("pass a failure on", async () => {
    const clock = new VirtualProcess(new VirtualTime());
    async function* broken(): AsyncGenerator<number> {
      yield 1;
      throw new Error("the connection broke");
    }
    const reading = (async () => {
      for await (const piece of withinTime(broken(), { clock, limitMs: 1_000 })) expect(piece).toBe(1);
    })();
    await expect(reading).rejects.toThrow("the connection broke");
  });
});
