import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { afterEach, describe, expect, it } from "@jest/globals";

import { defineController } from "../define.ts";
import { after, done } from "../result.ts";
import { Artist, createRun, type Run } from "../test-support/run.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

let run: Run;
afterEach(() => run.close());

describe("the signal of a run", () => {
  it.each([
    ["without a limit of time", undefined],
    ["with one", 60_000],
  ])("keeps nothing that listened to it once the run has ended, %s", async (_, timeoutMs) => {
    const listeners: WeakRef<object>[] = [];
    run = createRun([
      defineController({
        name: "listening",
        type: Artist,
        timeoutMs,
        async reconcile({ signal }) {
          const kept = { bytes: new Uint8Array(8) };
          listeners.push(new WeakRef(kept));
          signal.addEventListener("abort", () => kept.bytes.fill(0));
          return listeners.length < 20 ? after(1) : done;
        },
      }),
    ]);
    await run.artist("korn");
    await run.clock.advance(100);
    await new Promise(setImmediate);
    collectGarbage();
    expect(listeners).toHaveLength(20);
    expect(listeners.slice(0, -2).filter((kept) => kept.deref() !== undefined)).toHaveLength(0);
  });

  it("is aborted when the controller stops, for as long as the run is under way, and is the same whenever it is asked for", async () => {
    const signals: AbortSignal[] = [];
    const gate = Promise.withResolvers<void>();
    run = createRun([
      defineController({
        name: "listening",
        type: Artist,
        async reconcile(context) {
          if (context.request.name === "ended") {
            signals.push(context.signal);
            return;
          }
          await gate.promise;
          signals.push(context.signal, { ...context }.signal);
        },
      }),
    ]);
    await run.artist("ended");
    await run.settled();
    await run.artist("going");
    await run.clock.flush();
    const stopped = run.server.runtime.stop();
    gate.resolve();
    await stopped;
    const [ended, first, second] = signals;
    expect([ended?.aborted, first?.aborted, second === first]).toEqual([false, true, true]);
  });
});
