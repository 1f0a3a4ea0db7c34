import { describe, expect, it } from "@jest/globals";
import { createVirtualClock } from "@trellis/testing";
import fc from "fast-check";

import { encodeCommand } from "./command-codec.ts";
import { emptyContent } from "./snapshot/first-content.ts";
import type { StateHash } from "./state-marks.ts";
import { StorageMachine } from "./storage-machine.ts";
import { command } from "./test-support/arbitraries.ts";
import { STORE_ID } from "./test-support/cluster.ts";
import { put } from "./test-support/contents.ts";
import { nextTurn } from "./test-support/turns.ts";

async function formed(): Promise<StorageMachine> {
  const machine = new StorageMachine({ clock: createVirtualClock(), nextTurn });
  (await machine.restore(emptyContent(STORE_ID), 1)).install();
  return machine;
}

/** What happens to a replica after an entry, besides. */
const interlude = fc.constantFrom("nothing", "nothing", "reached", "capture", "hash", "restart");

describe("replicas", () => {
  it("that apply the same entries give the same answers and have the same hash, whatever else they do", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(command, interlude), { maxLength: 40 }), async (steps) => {
        const plain = await formed();
        let busy = await formed();
        const captures: Promise<StateHash>[] = [];
        const expected: Promise<StateHash>[] = [];
        for (const [position, [one, meanwhile]] of steps.entries()) {
          const index = position + 2;
          const bytes = encodeCommand(one).subarray(1);
          expect(busy.apply(bytes, index)).toEqual(plain.apply(bytes, index));
          plain.reached(index);
          if (meanwhile !== "nothing") busy.reached(index);
          // Not waited for: what follows happens while the chunks are made.
          if (meanwhile === "capture" || meanwhile === "hash") {
            captures.push(busy.hashState());
            expected.push(plain.hashState());
          }
          if (meanwhile === "restart") {
            const next = await formed();
            (await next.restore(busy.capture().chunks(), index)).install();
            busy = next;
          }
        }
        busy.reached(steps.length + 1);
        expect(await Promise.all(captures)).toEqual(await Promise.all(expected));
        expect(await busy.hashState()).toEqual(await plain.hashState());
      }),
      { numRuns: 150 },
    );
  }, 60_000);

  it("that differ in one byte, one version or one session have different hashes", async () => {
    const hashes = new Set<string>();
    const open = { kind: "open-session", id: "s" } as const;
    for (const [operation, index, session] of [
      [put("a", "x"), 2, undefined],
      [put("a", "y"), 2, undefined],
      [put("a", "x"), 3, undefined],
      [put("b", "x"), 2, undefined],
      [put("a", "x"), 2, open],
    ] as const) {
      const machine = await formed();
      const commit = { kind: "commit", request: undefined, operations: [operation] } as const;
      machine.apply(encodeCommand(commit).subarray(1), index);
      if (session !== undefined) machine.apply(encodeCommand(session).subarray(1), 4);
      machine.reached(5);
      hashes.add((await machine.hashState()).hash);
    }
    expect(hashes.size).toBe(5);
  });

  it("have one hash for one state, by whatever way they got there", async () => {
    const [one, other] = [await formed(), await formed()];
    const apply = (machine: StorageMachine, index: number, ...operations: ReturnType<typeof put>[]) =>
      machine.apply(encodeCommand({ kind: "commit", request: undefined, operations }).subarray(1), index);
    apply(one, 5, put("a", "x"), put("b", "y"));
    apply(other, 3, put("b", "before"), put("a", "before"));
    apply(other, 5, put("b", "y"), put("a", "x"));
    expect((await one.hashState()).hash).toBe((await other.hashState()).hash);
  });
});
