import { describe, expect, it } from "@jest/globals";
import { type Operation, toVersion } from "@trellis/storage";
import fc from "fast-check";

import { createStore } from "./store.ts";

const KEPT = 100;

function operation(name: string, generation: string, isDeletion: boolean): Operation {
  const key = { group: "g", kind: "k", partition: "p", namespace: "n", name };
  if (isDeletion) return { kind: "delete", key, preconditions: [] };
  const record = { uid: "u", groupVersion: "v1", generation, marked: false, bytes: new Uint8Array() };
  return { kind: "put", key, record, preconditions: [] };
}

describe("the history", () => {
  it("shows each commit that it keeps as it was, in whatever order they are looked at", () => {
    const commit = fc.array(fc.record({ name: fc.nat(4), isDeletion: fc.boolean() }), { maxLength: 3 });
    const look = fc.record({ looks: fc.array(fc.nat(KEPT - 1), { maxLength: 4 }), commit });
    let looked = 0;
    fc.assert(
      fc.property(fc.array(look, { minLength: 150, maxLength: 300 }), (steps) => {
        const store = createStore({ storeId: "s", version: toVersion(0) }, { historyCommits: KEPT });
        const generations = new Map<string, string>();
        const told: { readonly version: number; readonly events: readonly string[] }[] = [];
        for (const [at, { looks, commit: changes }] of steps.entries()) {
          const distinct = new Map(changes.map((one) => [`n${one.name}`, one.isDeletion]));
          const events: string[] = [];
          for (const [name, isDeletion] of distinct) {
            const former = generations.get(name);
            if (isDeletion && former === undefined) continue;
            events.push(isDeletion ? `delete ${name} ${former}` : `put ${name} ${at} ${former}`);
            if (isDeletion) generations.delete(name);
            else generations.set(name, `${at}`);
          }
          store.apply([...distinct].map(([name, isDeletion]) => operation(name, `${at}`, isDeletion)));
          if (events.length > 0) told.push({ version: store.version, events });
          const { first, next } = store.history;
          expect(next).toBe(told.length);
          for (const back of looks) {
            const position = next - 1 - back;
            if (position < first) continue;
            const { version, events: found } = store.history.at(position);
            const words = found.map((event) => {
              const { name, generation } = event.record;
              if (event.kind === "delete") return `delete ${name} ${generation}`;
              return `put ${name} ${generation} ${event.previous?.generation}`;
            });
            expect({ version, events: words }).toEqual(told[position]);
            looked += 1;
          }
        }
      }),
      { numRuns: 30 },
    );
    expect(looked).toBeGreaterThan(1_000);
  });
});
