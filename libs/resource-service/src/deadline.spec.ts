import { createHandlerContext, type HandlerContext } from "@connectrpc/connect";
import { describe, expect, it } from "@jest/globals";
import { ResourceService } from "@trellis/protos/trellis/resource/v1/resource_service_pb.js";
import { createVirtualClock } from "@trellis/testing";

import { startDeadline } from "./deadline.ts";

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
  ])(
    "whose caller waits for %i ms ends after %i ms: there is somebody to be told why",
    async (callersMs, workMs) => {
      const clock = createVirtualClock();
      const deadline = startDeadline(clock, waitingFor(callersMs));
      await clock.advance(workMs - 1);
      expect(deadline.signal.aborted).toBe(false);
      await clock.advance(1);
      expect(deadline.signal.aborted).toBe(true);
      deadline.dispose();
    },
  );
});
