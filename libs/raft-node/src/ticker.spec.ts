import { describe, expect, it } from "@jest/globals";

import { VirtualProcess, VirtualTime } from "./test-support/virtual-time.ts";
import { Ticker } from "./ticker.ts";

function ticking() {
  const time = new VirtualTime();
  const clock = new VirtualProcess(time);
  let due = 0;
  const ticker = new Ticker({ clock, tickMs: 25, onDue: () => due++ });
  ticker.start();
  return { time, clock, ticker, due: () => due };
}

describe("the ticker", () => {
  it("counts one tick a turn, however many have passed", async () => {
    const { time, ticker } = ticking();
    await time.pass(25);
    expect([ticker.isDue, ticker.take(), ticker.take()]).toEqual([true, true, false]);
    await time.pass(75);
    expect([ticker.take(), ticker.take()]).toEqual([true, false]);
    expect(ticker.lastTickMs).toBe(100);
  });

  it("waits after a stall until what lay in the sockets was taken in", async () => {
    const { time, clock, ticker } = ticking();
    clock.stall(3_000);
    await time.pass(3_001);
    expect(ticker.isDue).toBe(true);
    // Three turns in which messages are looked at, and no time passes.
    expect([ticker.take(), ticker.take(), ticker.take(), ticker.take()]).toEqual([false, false, false, true]);
    await time.pass(25);
    expect(ticker.take()).toBe(true);
  });

  it("goes on counting where every turn takes as long as a stall", async () => {
    const { time, clock, ticker } = ticking();
    const taken: boolean[] = [];
    for (let turn = 0; turn < 8; turn++) {
      clock.stall(120);
      await time.pass(121);
      taken.push(ticker.take());
    }
    expect(taken).toEqual([false, false, false, true, false, false, false, true]);
  });

  it("says when a tick is due, until it is stopped", async () => {
    const { time, ticker, due } = ticking();
    await time.pass(100);
    expect(due()).toBe(4);
    ticker.stop();
    await time.pass(100);
    expect(due()).toBe(4);
  });
});
