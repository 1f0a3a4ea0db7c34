import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";

import { SessionWindow } from "./session-window.ts";

describe("the window of a session", () => {
  it("says the lowest request without an answer, whatever the order of the answers", () => {
    const step = fc.record({
      takes: fc.nat(40),
      answers: fc.array(fc.nat(2_000), { minLength: 10, maxLength: 40 }),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 60, maxLength: 120 }), (steps) => {
        const session = { id: "s", openedAt: 2 };
        const window = new SessionWindow(session);
        const unanswered: number[] = [];
        let last = 0;
        const faults: string[] = [];
        const said: (readonly [number, number])[] = [];
        for (const { takes, answers } of steps) {
          for (let count = 0; count < takes; count++) {
            const lowest = unanswered[0] ?? last + 1;
            if (window.hasRoom !== last + 1 - lowest <= 1_023) faults.push(`room at ${last} of ${lowest}`);
            if (!window.hasRoom) break;
            last = window.take();
            unanswered.push(last);
            said.push([window.request(last).lowestUnanswered, unanswered[0] ?? 0]);
          }
          for (const answer of answers) {
            // Now and then one that was answered long before, and has the place of one that waits.
            const waits = unanswered[answer % (answer % 2 === 0 ? 3 : unanswered.length)];
            const sequence = waits !== undefined && answer % 5 === 0 ? waits - 1_024 : waits;
            if (sequence === undefined || sequence < 1) continue;
            window.done(sequence);
            const at = unanswered.indexOf(sequence);
            if (at >= 0) unanswered.splice(at, 1);
          }
          if (last > 0) {
            const lowestUnanswered = Math.min(unanswered[0] ?? last + 1, last);
            said.push([window.request(last).lowestUnanswered, lowestUnanswered]);
          }
        }
        expect(faults).toEqual([]);
        expect(said.filter(([found, expected]) => found !== expected)).toEqual([]);
      }),
    );
  });
});
