import { describe, expect, it } from "@jest/globals";
import { createVirtualClock, seededRandom } from "@trellis/testing";
import fc from "fast-check";

import { Timetable } from "./timetable.ts";

function create() {
  const clock = createVirtualClock();
  const due: string[] = [];
  const timetable = new Timetable<string>(clock, (name, value) => void due.push(`${name}=${value}`));
  return { clock, timetable, due };
}

describe("a timetable", () => {
  it("tells who is due in order of time, those of one moment in the order in which they were set", async () => {
    const { clock, timetable, due } = create();
    timetable.set("late", 30, "1");
    timetable.set("b", 20, "2");
    timetable.set("a", 20, "3");
    timetable.set("soon", 10, "4");
    await clock.advance(20);
    expect(due).toEqual(["soon=4", "b=2", "a=3"]);
    expect(timetable.size).toBe(1);
    await clock.advance(10);
    expect(due.at(-1)).toBe("late=1");
  });

  it("keeps the newest time of a name, be it sooner or later", async () => {
    const { clock, timetable, due } = create();
    timetable.set("sooner", 100, "old");
    timetable.set("sooner", 10, "new");
    timetable.set("later", 10, "old");
    timetable.set("later", 100, "new");
    await clock.advance(99);
    expect(due).toEqual(["sooner=new"]);
    await clock.advance(1);
    expect(due).toEqual(["sooner=new", "later=new"]);
  });

  it("forgets who is taken out, and has the clock wait for one time at most", async () => {
    const { clock, timetable, due } = create();
    for (let place = 0; place < 1_000; place++) timetable.set(`${place}`, 1_000 - place, "");
    expect(clock.pending()).toBe(1);
    expect([timetable.has("5"), timetable.get("5")]).toEqual([true, ""]);
    for (let place = 0; place < 1_000; place++) timetable.delete(`${place}`);
    expect([clock.pending(), timetable.has("5"), timetable.get("5")]).toEqual([0, false, undefined]);
    timetable.set("a", 1, "");
    timetable.clear();
    await clock.advance(10);
    expect([due, clock.pending()]).toEqual([[], 0]);
  });

  it("may be set anew by who is told", async () => {
    const clock = createVirtualClock();
    const dueMs: number[] = [];
    const timetable = new Timetable<number>(clock, (name, left) => {
      dueMs.push(clock.monotonic());
      if (left > 0) timetable.set(name, 10, left - 1);
    });
    timetable.set("a", 10, 2);
    await clock.advance(1_000);
    expect(dueMs).toEqual([10, 20, 30]);
  });

  it("agrees with a sorted list, whatever is set, moved and taken out", async () => {
    const step = fc.record({ name: fc.nat(30), delayMs: fc.nat(50), remove: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 100 }), async (steps) => {
        const { clock, timetable, due } = create();
        const model = new Map<string, number>();
        for (const { name, delayMs, remove } of steps) {
          // Deleted first, so that the map has its names in the order in which they were set.
          model.delete(`${name}`);
          if (remove) timetable.delete(`${name}`);
          else {
            timetable.set(`${name}`, delayMs, "");
            model.set(`${name}`, delayMs);
          }
        }
        await clock.advance(100);
        expect(due).toEqual([...model].sort(([, a], [, b]) => a - b).map(([name]) => `${name}=`));
      }),
      { numRuns: 50, seed: 11 },
    );
  });

  it("takes 100,000 names without a timer for each", () => {
    const { clock, timetable } = create();
    const random = seededRandom(1);
    for (let place = 0; place < 100_000; place++) timetable.set(`${place}`, random() * 1e6, "");
    for (let place = 0; place < 100_000; place += 2) timetable.delete(`${place}`);
    expect([timetable.size, clock.pending()]).toEqual([50_000, 1]);
  });
});
