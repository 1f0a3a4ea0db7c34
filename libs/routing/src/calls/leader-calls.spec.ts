import { describe, expect, it } from "@jest/globals";

import { openRouted, outcomeOf, put, type RoutedCluster } from "../test-support/routed.ts";

const RECORD_BYTES = 4_000_000;
/** One commit, handed over again and again: only its size counts here. */
const LARGE = [put("large", "x".repeat(RECORD_BYTES))];
/** As many as fit into 128 MiB, with 256 bytes beside each record. */
const FIT = 33;

/** A forwarder, and how to submit to it: each under a sequence of its own. */
async function openForwarder() {
  const routed = await openRouted({ isForwarded: true });
  const { endpoint } = routed.forwarder ?? fail();
  const session = await endpoint.openSession("s".repeat(32));
  let sequence = 0;
  const submit = (operations = LARGE, signal?: AbortSignal) => {
    const request = { session, sequence: ++sequence, lowestUnanswered: sequence };
    return endpoint.submit(request, operations, { signal });
  };
  return { ...routed, submit, endpoint };
}

function fail(): never {
  throw new Error("no forwarder");
}

/** As many large commits as fit, without an answer. */
async function fill(
  { cluster }: RoutedCluster,
  submit: (operations: typeof LARGE, signal: AbortSignal) => Promise<unknown>,
) {
  const caller = new AbortController();
  const filling = Array.from({ length: FIT }, () => outcomeOf(submit(LARGE, caller.signal)));
  await cluster.clock.flush();
  return { filling, giveUp: () => caller.abort() };
}

const statesOf = (outcomes: readonly { readonly state: string }[]) =>
  new Set(outcomes.map(({ state }) => state));

describe("calls for the leader", () => {
  it("wait with at most 128 MiB; more is refused, small ones still wait with them, and all are done in the end", async () => {
    const open = await openForwarder();
    const { cluster, submit } = open;
    cluster.lead(undefined);
    await cluster.clock.advance(600);
    const { filling } = await fill(open, submit);
    await expect(submit()).rejects.toMatchObject({
      code: "resource-exhausted",
      message: expect.stringMatching(
        /^at most 134217728 bytes of commits wait here at once, 136008704 with this one, for a leader: .*; try again in a second$/,
      ) as unknown,
    });
    const small = outcomeOf(submit([put("small")]));
    await cluster.clock.flush();
    expect([statesOf(filling), small.state]).toEqual([new Set(["pending"]), "pending"]);
    cluster.lead(2);
    await cluster.clock.advance(2_000);
    expect([statesOf(filling), small.state]).toEqual([new Set(["done"]), "done"]);
    await submit();
  });

  it("count as well once they are sent, until they are answered", async () => {
    const open = await openForwarder();
    const { cluster, submit } = open;
    cluster.network.faults(cluster.node(1).address).isStuck = true;
    const { filling } = await fill(open, submit);
    await expect(submit()).rejects.toMatchObject({
      code: "resource-exhausted",
      message: expect.stringContaining("for answers; try again") as unknown,
    });
    expect(statesOf(filling)).toEqual(new Set(["pending"]));
  });

  it("give their bytes back when their callers give up", async () => {
    const open = await openForwarder();
    const { cluster, submit } = open;
    cluster.lead(undefined);
    await cluster.clock.advance(600);
    for (let round = 0; round < 3; round++) {
      const { filling, giveUp } = await fill(open, submit);
      expect(statesOf(filling)).toEqual(new Set(["pending"]));
      giveUp();
      await cluster.clock.flush();
      expect(statesOf(filling)).toEqual(new Set(["unavailable"]));
    }
  });

  it("give their bytes back when their time is over, and when they are refused", async () => {
    const open = await openForwarder();
    const { cluster, endpoint, submit } = open;
    cluster.lead(undefined);
    await cluster.clock.advance(600);
    const evaluate = () => endpoint.commit(LARGE, { evaluateOnly: true });
    const { filling } = await fill(open, evaluate);
    for (let count = 0; count < 100; count++)
      await expect(submit()).rejects.toMatchObject({ code: "resource-exhausted" });
    await cluster.clock.advance(30_000);
    expect(statesOf(filling)).toEqual(new Set(["unavailable"]));
    expect(statesOf((await fill(open, submit)).filling)).toEqual(new Set(["pending"]));
  });
});
