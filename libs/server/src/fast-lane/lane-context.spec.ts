import { describe, expect, it } from "@jest/globals";
import { Health } from "@trellis/protos/grpc/health/v1/health_pb";
import { createVirtualClock } from "@trellis/testing";

import { LaneContext } from "./lane-context.ts";
import { UNARY_PROTOCOLS } from "./lane-head.ts";

function contextOf(timeoutMs: number | undefined) {
  const clock = createVirtualClock();
  const protocol = UNARY_PROTOCOLS.get("application/grpc");
  if (protocol === undefined) throw new Error("expected gRPC among the protocols of the lane");
  const controller = new AbortController();
  const context = new LaneContext({
    clock,
    method: Health.method.check,
    head: { protocol, timeoutMs, compression: null },
    wire: { headers: { "x-one": "1" }, path: "/grpc.health.v1.Health/Check" },
    header: {},
    trailer: {},
    call: {
      signal: controller.signal,
      get isAborted() {
        return controller.signal.aborted;
      },
    },
  });
  return { clock, context, controller };
}

describe("the context of a call in the lane", () => {
  it("says how much time is left, also to a method that takes the function out of it", async () => {
    const { clock, context } = contextOf(1_000);
    const { timeoutMs } = context;
    await clock.advance(400);
    expect([timeoutMs(), context.timeoutMs()]).toEqual([600, 600]);
    const { timeoutMs: none } = contextOf(undefined).context;
    expect(none()).toBeUndefined();
  });

  it("lends what it has to an object that inherits from it", () => {
    const { context, controller } = contextOf(1_000);
    const heir = Object.create(context, { requestHeader: { value: new Headers() } }) as LaneContext;
    expect([heir.signal, heir.url]).toEqual([
      controller.signal,
      "http://trellis.invalid/grpc.health.v1.Health/Check",
    ]);
    expect([heir.requestHeader.get("x-one"), context.requestHeader.get("x-one")]).toEqual([null, "1"]);
    controller.abort();
    expect([heir.isAborted, heir.timeoutMs()]).toEqual([true, 1_000]);
  });
});
