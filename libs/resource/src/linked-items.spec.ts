import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";

import { Linked, LinkedItems } from "./linked-items.ts";

class Named extends Linked {
  readonly name: number;

  constructor(name: number) {
    super();
    this.name = name;
  }
}

describe("linked items", () => {
  it("are those of a set, in its order, whatever comes and goes", () => {
    const step = fc.record({ add: fc.boolean(), name: fc.nat(9) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const items = Array.from({ length: 10 }, (_, name) => new Named(name));
        const list = new LinkedItems<Named>();
        const model = new Set<number>();
        for (const { add, name } of steps) {
          const item = items[name] as Named;
          if (!add) list.remove(item);
          else if (!model.has(name)) list.add(item);
          if (add) model.add(name);
          else model.delete(name);
          expect(list.all().map((one) => one.name)).toEqual([...model]);
          expect([list.size, list.first?.name]).toEqual([model.size, [...model][0]]);
        }
      }),
    );
  });

  it("hold nothing that was taken out, and what was taken out holds nothing", () => {
    const list = new LinkedItems<Named>();
    const [first, middle, last] = [new Named(1), new Named(2), new Named(3)];
    for (const item of [first, middle, last]) list.add(item);
    list.remove(middle);
    expect([middle.previous, middle.next]).toEqual([undefined, undefined]);
    expect([first.next, last.previous]).toEqual([last, first]);
  });
});
