import { createHandlerContext, type HandlerContext } from "@connectrpc/connect";
import { describe, expect, it } from "@jest/globals";
import { ResourceService } from "@trellis/protos/trellis/resource/v1/resource_service_pb.js";
import { createVirtualClock } from "@trellis/testing";

import { Deadline } from "./deadline.ts";

/** The context of a call whose caller waits for so long. */
function waitingFor(timeoutMs: number): HandlerContext {
  const context = createHandlerContext({
    service: ResourceService,
    method: ResourceService.method.write,
    protocolName: "connect",
    requestMethod: "POST",
    url: "http://trellis.invalid/",
  });
  return { ...context, timeoutMs: () => timeoutMs };
}

describe("the work of a call", () => {
  it.each([
    [10_000, 9_800],
    [1_000, 950],
    [300_000, 299_800],
    [200, 170],
    [40, 20],
  ])(
    "whose caller waits for %i ms ends after %i ms: there is somebody to be told why",
    async (callersMs, workMs) => {
      const clock = createVirtualClock();
      const deadline = new Deadline(clock, waitingFor(callersMs));
      await clock.advance(workMs - 1);
      expect(deadline.signal.aborted).toBe(false);
      await clock.advance(1);
      expect(deadline.signal.aborted).toBe(true);
      deadline.dispose();
    },
  );

  it("has its time from the beginning, whenever somebody first asks how it stands", async () => {
    const clock = createVirtualClock();
    const deadline = new Deadline(clock, waitingFor(1_000));
    await clock.advance(900);
    expect(deadline.signal.aborted).toBe(false);
    await clock.advance(50);
    expect(deadline.signal.aborted).toBe(true);
    const late = new Deadline(clock, waitingFor(1_000));
    await clock.advance(5_000);
    expect(late.signal.aborted).toBe(true);
  });

  it("ends with its caller, and is over when it is done", async () => {
    const clock = createVirtualClock();
    const leaving = new AbortController();
    const context = { ...waitingFor(1_000), signal: leaving.signal };
    const [early, done, late] = [1, 2, 3].map(() => new Deadline(clock, context)) as [
      Deadline,
      Deadline,
      Deadline,
    ];
    const { signal } = early;
    const over = done.signal;
    done.dispose();
    leaving.abort(new Error("gone"));
    await clock.advance(2_000);
    expect([signal.aborted, over.aborted, late.signal.aborted]).toEqual([true, false, true]);
    expect(late.signal.reason).toEqual(new Error("gone"));
  });

  it("says how it stands without a signal, as a signal would", async () => {
    const clock = createVirtualClock();
    const leaving = new AbortController();
    const timed = new Deadline(clock, waitingFor(1_000));
    const left = new Deadline(clock, { ...waitingFor(1_000), signal: leaving.signal });
    const told = new Deadline(clock, Object.assign(waitingFor(1_000), { isAborted: true }));
    await clock.advance(949);
    expect([timed.isAborted, left.isAborted, told.isAborted]).toEqual([false, false, true]);
    leaving.abort();
    expect([timed.isAborted, left.isAborted]).toEqual([false, true]);
    await clock.advance(1);
    expect([timed.isAborted, timed.signal.aborted, timed.isAborted]).toEqual([true, true, true]);
    expect(clock.pending()).toBe(0);
  });
});
