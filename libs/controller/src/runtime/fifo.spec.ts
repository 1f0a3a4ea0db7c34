import { describe, expect, it } from "@jest/globals";
import { seededRandom } from "@trellis/testing";
import fc from "fast-check";

import { Fifo } from "./fifo.ts";

describe("a line of names", () => {
  it("is served in order, and goes on when it has been empty", () => {
    const line = new Fifo();
    expect(line.take()).toBeUndefined();
    for (const name of ["b", "a", "b"]) line.add(name);
    expect([line.take(), line.take(), line.take()]).toEqual(["b", "a", undefined]);
    line.add("b");
    expect([line.size, line.take(), line.size]).toEqual([1, "b", 0]);
  });

  it("agrees with an array, whoever comes, leaves, and is taken", () => {
    const step = fc.record({
      kind: fc.constantFrom("add", "add", "take", "delete", "clear"),
      name: fc.nat(20),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const line = new Fifo();
        let model: string[] = [];
        for (const { kind, name } of steps) {
          const one = `${name}`;
          if (kind === "take") expect(line.take()).toBe(model.shift());
          else if (kind === "add") {
            line.add(one);
            if (!model.includes(one)) model.push(one);
          } else if (kind === "delete") {
            expect(line.delete(one)).toBe(model.includes(one));
            model = model.filter((other) => other !== one);
          } else if (name === 0) {
            line.clear();
            model = [];
          }
          expect(line.size).toBe(model.length);
        }
      }),
      { numRuns: 300, seed: 4 },
    );
  });

  it("gives any of its names when asked to, each once", () => {
    const line = new Fifo();
    for (const name of ["a", "b", "c", "d"]) line.add(name);
    const random = seededRandom(2);
    const taken = Array.from({ length: 5 }, () => line.takeAny(random));
    expect(new Set(taken.slice(0, 4))).toEqual(new Set(["a", "b", "c", "d"]));
    expect([taken[4], line.size]).toEqual([undefined, 0]);
  });
});
