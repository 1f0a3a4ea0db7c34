import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";

import { CallTable } from "./call-table.ts";

describe("the calls of a stream", () => {
  it("are those of a map, however often the table is begun anew", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.boolean(), fc.nat(40)), { minLength: 400, maxLength: 600 }),
        (steps) => {
          const table = new CallTable<number, string>();
          const model = new Map<number, string>();
          for (const [isAdded, id] of steps) {
            if (isAdded) table.set(id, `call ${id}`);
            else table.delete(id);
            if (isAdded) model.set(id, `call ${id}`);
            else model.delete(id);
            expect([table.size, table.get(id), table.has(id)]).toEqual([
              model.size,
              model.get(id),
              model.has(id),
            ]);
          }
          expect(table.all()).toEqual([...model.values()]);
        },
      ),
      { numRuns: 50 },
    );
  });
});
