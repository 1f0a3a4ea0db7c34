import { describe, expect, it } from "@jest/globals";
import { toVersion } from "@trellis/storage";
import fc from "fast-check";

import { type SessionState, Sessions } from "./sessions.ts";

/** What is seen of a session. */
interface Seen {
  readonly id: string;
  readonly openedAt: number;
  readonly lastUsed: number;
  readonly lowestUnanswered: number;
  /** Sequence and version, in the order in which they are remembered. */
  readonly results: readonly (readonly number[])[];
}

const seen = ({ id, openedAt, lastUsed, lowestUnanswered, results }: SessionState): Seen => ({
  id,
  openedAt,
  lastUsed,
  lowestUnanswered,
  results: [...results].map(([sequence, { version }]) => [sequence, version]),
});

describe("sessions that are used for long", () => {
  it("remember what a plain list of them remembers, in the order of their last use, also in what was captured", () => {
    const step = fc.record({
      id: fc.constantFrom("a", "a", "a", "a", "b", "b", "c"),
      requests: fc.integer({ min: 1, max: 60 }),
      outstanding: fc.nat(20),
      end: fc.constantFrom("goes on", "goes on", "goes on", "is captured", "is closed"),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 30, maxLength: 60 }), (steps) => {
        const sessions = new Sessions();
        let model: Seen[] = [];
        const captured: { readonly taken: readonly SessionState[]; readonly expected: readonly Seen[] }[] =
          [];
        let index = 1;
        for (const { id, requests, outstanding, end } of steps) {
          const { openedAt } = sessions.open(id, ++index);
          let own: Seen | undefined = model.find((one) => one.id === id);
          own ??= { id, openedAt, lastUsed: index, lowestUnanswered: 1, results: [] };
          const next = Math.max(own.lowestUnanswered, ...own.results.map(([sequence = 0]) => sequence + 1));
          for (let sequence = next; sequence < next + requests; sequence++) {
            const lowestUnanswered = Math.max(own.lowestUnanswered, sequence - outstanding);
            const request = { session: { id, openedAt }, sequence, lowestUnanswered };
            expect(sessions.recall(request, ++index)).toBeUndefined();
            sessions.remember(request, { outcome: "applied", version: toVersion(index) });
            const results: readonly (readonly number[])[] = own.results.filter(
              ([number = 0]) => number >= lowestUnanswered,
            );
            own = { ...own, lowestUnanswered, results: [...results, [sequence, index]] };
          }
          own = { ...own, lastUsed: index };
          model = [...model.filter((one) => one.id !== id), own];
          if (end === "is captured") captured.push({ taken: sessions.capture(), expected: model });
          if (end === "is closed") {
            expect(sessions.close([{ id, lastUsed: index }])).toBe(1);
            model = model.filter((one) => one.id !== id);
          }
        }
        captured.push({ taken: sessions.capture(), expected: model });
        for (const { taken, expected } of captured) expect(taken.map(seen)).toEqual(expected);
      }),
      { numRuns: 40 },
    );
  });
});
