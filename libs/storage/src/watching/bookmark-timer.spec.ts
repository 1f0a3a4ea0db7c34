import { describe, expect, it } from "@jest/globals";
import { createVirtualClock } from "@trellis/testing";

import { type BookmarkedWatch, BookmarkTimer } from "./bookmark-timer.ts";

const INTERVAL_MS = 100;

/** The timer of a watch that somebody waits for, and when it was told that a bookmark is due. */
function setUp() {
  const clock = createVirtualClock();
  const dueMs: number[] = [];
  const state = { isAwaited: true, isAboutToBeWoken: false };
  const watch: BookmarkedWatch = {
    get isAwaited() {
      return state.isAwaited;
    },
    get isAboutToBeWoken() {
      return state.isAboutToBeWoken;
    },
    breakSilence: () => void dueMs.push(clock.monotonic()),
  };
  return { clock, dueMs, state, timer: new BookmarkTimer({ clock, intervalMs: INTERVAL_MS }, watch) };
}

describe("the timer of a watch's bookmarks", () => {
  it("tells who waits once the silence has lasted, once", async () => {
    const { clock, dueMs, timer } = setUp();
    await clock.advance(30);
    timer.arm();
    await clock.advance(69);
    expect([timer.isDue, dueMs]).toEqual([false, []]);
    await clock.advance(1);
    expect([timer.isDue, dueMs]).toEqual([true, [INTERVAL_MS]]);
    await clock.advance(1_000);
    expect([dueMs, clock.pending()]).toEqual([[INTERVAL_MS], 0]);
  });

  it("keeps one timer at most, however often somebody waits", async () => {
    const { clock, dueMs, timer } = setUp();
    for (let waits = 0; waits < 10; waits++) {
      timer.arm();
      timer.delivered();
      expect(clock.pending()).toBe(1);
      await clock.advance(1);
    }
    await clock.advance(1_000);
    expect(dueMs).toEqual([9 + INTERVAL_MS]);
  });

  it("finds that the silence began later than when it was set", async () => {
    const { clock, dueMs, timer } = setUp();
    timer.arm();
    await clock.advance(70);
    timer.delivered();
    await clock.advance(99);
    expect([timer.isDue, dueMs]).toEqual([false, []]);
    await clock.advance(1);
    expect([timer.isDue, dueMs]).toEqual([true, [170]]);
  });

  it("tells of each silence for which somebody waits", async () => {
    const { clock, dueMs, timer } = setUp();
    for (let silence = 0; silence < 3; silence++) {
      timer.arm();
      await clock.advance(INTERVAL_MS);
      timer.delivered();
    }
    expect(dueMs).toEqual([100, 200, 300]);
  });

  it("is set when somebody waits only, and tells nobody of a silence that nobody waits through", async () => {
    const { clock, dueMs, state, timer } = setUp();
    expect(clock.pending()).toBe(0);
    timer.arm();
    state.isAwaited = false;
    await clock.advance(1_000);
    expect([timer.isDue, dueMs, clock.pending()]).toEqual([true, [], 0]);
    state.isAwaited = true;
    timer.arm();
    await clock.advance(0);
    expect(dueMs).toEqual([1_000]);
  });

  it("leaves who is about to be woken to his waking, and is set again when he waits on", async () => {
    const { clock, dueMs, state, timer } = setUp();
    timer.arm();
    state.isAboutToBeWoken = true;
    await clock.advance(INTERVAL_MS);
    expect([timer.isDue, dueMs, clock.pending()]).toEqual([true, [], 0]);
    state.isAboutToBeWoken = false;
    timer.delivered();
    timer.arm();
    await clock.advance(INTERVAL_MS);
    expect(dueMs).toEqual([200]);
  });

  it("is set again for a silence that began later also while its watch is about to be woken", async () => {
    const { clock, dueMs, state, timer } = setUp();
    timer.arm();
    await clock.advance(50);
    timer.delivered();
    state.isAboutToBeWoken = true;
    await clock.advance(50);
    expect(clock.pending()).toBe(1);
    state.isAboutToBeWoken = false;
    await clock.advance(50);
    expect(dueMs).toEqual([150]);
  });

  it("tells nothing once the watch is over", async () => {
    const { clock, dueMs, timer } = setUp();
    timer.arm();
    timer.cancel();
    timer.cancel();
    expect(clock.pending()).toBe(0);
    await clock.advance(1_000);
    expect(dueMs).toEqual([]);
  });
});
