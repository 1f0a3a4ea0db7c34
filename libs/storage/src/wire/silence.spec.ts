import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { Clock } from "@trellis/resource";

import { failure, keyOf, type OpenWire, openWire, put } from "./test-support/open-wire.ts";
import { turns, until } from "./test-support/test-wire.ts";

describe("a server that says nothing", () => {
  let open: OpenWire;

  beforeEach(async () => {
    open = await openWire();
  });
  afterEach(() => open.close());

  it("for three seconds is not there any more: its link ends", async () => {
    const { link, wire, clock, endpoint } = open;
    endpoint.hold();
    const calls = [failure(link.commit([put("a")])), failure(link.read(keyOf("a")))];
    await until(() => endpoint.underWay === 2);
    wire.isSilent = true;
    let ended: Error | undefined;
    void link.ended.then((error) => {
      ended = error;
    });
    await clock.advance(3_000);
    expect(ended).toBeUndefined();
    await clock.advance(500);
    expect(ended).toMatchObject({
      code: "unavailable",
      message: "server:7511 has said nothing for 3000 ms",
    });
    expect(await calls[0]).toMatchObject({ code: "outcome-unknown" });
    expect(await calls[1]).toMatchObject({ code: "unavailable" });
    await until(() => wire.listeners === 0);
    expect(clock.pending()).toBe(0);
  });

  it("but twice a second where it stands keeps its links for hours", async () => {
    const { link, wire, clock } = open;
    await clock.advance(60_000);
    expect(wire.answered.length).toBeGreaterThanOrEqual(120);
    expect(wire.answered.every(({ message }) => message.status !== undefined)).toBe(true);
    expect((await link.commit([put("a")])).outcome).toBe("applied");
  });

  it("and then says something is there: the silence is counted anew", async () => {
    const { link, wire, clock } = open;
    for (let round = 0; round < 4; round++) {
      wire.isSilent = true;
      await clock.advance(2_400);
      wire.isSilent = false;
      await clock.advance(600);
    }
    expect((await link.commit([put("a")])).outcome).toBe("applied");
  });

  it("tells of a change at once, and says each of many within a turn once", async () => {
    const { link, wire } = open;
    const terms: number[] = [];
    const end = link.onStatus(({ term }) => terms.push(term));
    wire.say({ term: 2 });
    wire.say({ term: 3 });
    await turns(5);
    expect(terms).toEqual([3]);
    expect(link.status.term).toBe(3);
    end();
    wire.say({ term: 4 });
    await turns(5);
    expect(terms).toEqual([3]);
  });
});

describe("a client that stalls", () => {
  it("for a minute does not take its own silence for the server's", async () => {
    const open = await openWire();
    const { clock: serverClock, wire } = open;
    const clock = new StallingClock();
    const link = await wire.link(clock);
    let isEnded = false;
    void link.ended.then(() => {
      isEnded = true;
    });
    for (let stall = 0; stall < 5; stall++) {
      clock.stall(60_000);
      // What came meanwhile is read once the process goes on.
      await serverClock.advance(500);
      await turns(5);
    }
    expect(isEnded).toBe(false);
    expect((await link.commit([put("a")])).outcome).toBe("applied");
    await link.close();
    await open.close();
  });
});

/** The clock of a process that does not run for a while, and then finds its timers due, each once. */
class StallingClock implements Clock {
  #nowMs = 0;
  #timers = new Set<{ readonly atMs: number; readonly callback: () => void }>();

  now(): number {
    return this.#nowMs;
  }

  monotonic(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, callback };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Nothing runs for so long; then what is due does. */
  stall(milliseconds: number): void {
    this.#nowMs += milliseconds;
    const due = Array.from(this.#timers).filter(({ atMs }) => atMs <= this.#nowMs);
    for (const timer of due) {
      this.#timers.delete(timer);
      timer.callback();
    }
  }
}
