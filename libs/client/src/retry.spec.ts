import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { NetworkCall } from "@trellis/testing";
import { errorReason } from "@trellis/resource";

import { Artist, createSetup, failure, rejection, type Setup, throwing } from "./test-support/setup.ts";

let setup: Setup;
beforeEach(async () => {
  setup = createSetup();
  await setup.server.client.write(Artist, { name: "korn", data: { name: "Korn" } });
});
afterEach(() => setup.close());

const read = () => setup.client.read(Artist, { name: "korn" });
const write = () => setup.client.write(Artist, { name: "issues", data: { name: "Issues" } });
/** The client's first wait is at most 50 ms and at least 25, and doubles. */
const LONG_MS = 20_000;

/** Lets time pass until a call is through. */
async function through<T>(call: Promise<T>, milliseconds = LONG_MS): Promise<T> {
  const settled = call.then(
    () => undefined,
    () => undefined,
  );
  await setup.clock.advance(milliseconds);
  await settled;
  return call;
}

describe("a failed read", () => {
  it.each([
    ["the server is away for a moment", failure("UNAVAILABLE", undefined, 10)],
    ["a limit is reached", failure("LIMIT_REACHED", undefined, 10)],
    ["the outcome is unknown", failure("OUTCOME_UNKNOWN", "unknown")],
    ["the connection is refused", new ConnectError("refused", Code.Unavailable)],
    ["the connection is reset", new ConnectError("reset", Code.Aborted)],
  ])("is repeated when %s", async (_, error) => {
    const fault = throwing(error, error);
    setup.faults = { request: fault };
    expect((await through(read())).data.name).toBe("Korn");
    expect(fault.calls).toBe(3);
  });

  it.each([
    ["what it asks cannot be", failure("INVALID_REQUEST")],
    ["nothing is there", failure("RESOURCE_NOT_FOUND")],
    ["it may not", failure("PERMISSION_DENIED")],
    ["the answer is too large", failure("REQUEST_TOO_LARGE")],
    ["the server has a defect", failure("INTERNAL")],
    ["the answer is larger than the client takes", new ConnectError("too large", Code.ResourceExhausted)],
  ])("is not repeated when %s", async (_, error) => {
    const fault = throwing(error);
    setup.faults = { request: fault };
    expect(await rejection(through(read()))).toBe(error);
    expect(fault.calls).toBe(1);
  });

  it("is given up after five tries, with the last error", async () => {
    const errors = Array.from({ length: 6 }, () => failure("UNAVAILABLE"));
    const fault = throwing(...errors);
    setup.faults = { request: fault };
    expect(await rejection(through(read()))).toBe(errors[4]);
    expect(fault.calls).toBe(5);
  });

  it("waits longer each time, between half of a bound that doubles and all of it", async () => {
    const times: number[] = [];
    setup.faults = {
      request() {
        times.push(setup.clock.monotonic());
        throw failure("UNAVAILABLE");
      },
    };
    await rejection(through(read()));
    const waits = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    for (const [index, wait] of waits.entries()) {
      expect(wait).toBeGreaterThanOrEqual(25 * 2 ** index);
      expect(wait).toBeLessThanOrEqual(50 * 2 ** index);
    }
    expect(waits).toHaveLength(4);
  });

  it("waits as long as the server asks", async () => {
    setup.faults = { request: throwing(failure("UNAVAILABLE", undefined, 3_000)) };
    let answered = false;
    const call = read().then(() => (answered = true));
    await setup.clock.advance(2_990);
    expect(answered).toBe(false);
    await through(call, 20);
    expect(answered).toBe(true);
  });
});

describe("a failed mutation", () => {
  it.each(["UNAVAILABLE", "LIMIT_REACHED", "NO_SPACE", "CONFLICT", "SHUTTING_DOWN"] as const)(
    "is repeated when the server says %s and that nothing was applied",
    async (reason) => {
      const fault = throwing(failure(reason, "no"));
      setup.faults = { request: fault };
      await through(write());
      expect(fault.calls).toBe(2);
    },
  );

  it.each([
    ["nobody knows whether it was applied", failure("OUTCOME_UNKNOWN", "unknown")],
    ["the server does not say", failure("UNAVAILABLE")],
    ["a proxy had the last word", new ConnectError("bad gateway", Code.Unavailable)],
    ["the connection is reset", new ConnectError("reset", Code.Aborted)],
    ["its version is not the stored one", failure("VERSION_MISMATCH", "no")],
    ["its deadline passed", failure("DEADLINE_EXCEEDED", "unknown")],
  ])("is left to its caller when %s", async (_, error) => {
    const fault = throwing(error);
    setup.faults = { request: fault };
    expect(await rejection(through(write()))).toBe(error);
    expect(fault.calls).toBe(1);
  });

  it("is repeated when there was nobody to send it to", async () => {
    const refused = new ConnectError("refused", Code.Unavailable);
    refused.cause = Object.assign(new Error("connect"), { code: "ECONNREFUSED" });
    const fault = throwing(refused);
    setup.faults = { request: fault };
    await through(write());
    expect(fault.calls).toBe(2);
  });

  it("is repeated when a server that stops had not begun with it", async () => {
    const refused = new ConnectError(
      "http/2 stream closed with error code REFUSED_STREAM (0x7)",
      Code.Unavailable,
    );
    const fault = throwing(refused);
    setup.faults = { request: fault };
    await through(write());
    expect(fault.calls).toBe(2);
  });

  it("is repeated without knowing the outcome when it is a dry run, or a delete of one incarnation", async () => {
    const { resource } = await through(write());
    const lost = (): unknown => failure("OUTCOME_UNKNOWN", "unknown");
    setup.faults = { answer: throwing(lost()) };
    await through(setup.client.write(Artist, { name: "dry", data: { name: "Dry" } }, { dryRun: true }));
    setup.faults = { answer: throwing(lost()) };
    await through(setup.client.delete(Artist, { name: "issues", uid: resource.id.uid }));
    expect(await setup.server.client.find(Artist, { name: "issues" })).toBeUndefined();
    setup.faults = { answer: throwing(lost()) };
    const blind = through(setup.client.delete(Artist, { name: "korn" }));
    expect(errorReason(await rejection(blind))).toBe("OUTCOME_UNKNOWN");
  });

  it("was applied once when its answer was lost and the caller looks", async () => {
    setup.faults = { answer: throwing(new ConnectError("reset", Code.Aborted)) };
    await rejection(through(write()));
    expect(await setup.client.find(Artist, { name: "issues" })).toBeDefined();
  });
});

describe("a deadline", () => {
  it("is sent in whole milliseconds, and bounds all tries together", async () => {
    const calls: NetworkCall[] = [];
    setup.faults = {
      request(call) {
        calls.push(call);
        throw failure("UNAVAILABLE");
      },
    };
    const call = setup.client.read(Artist, { name: "korn" }, { timeoutMs: 200 });
    expect(errorReason(await rejection(through(call, 300)))).toBe("UNAVAILABLE");
    const timeouts = calls.map(({ timeoutMs }) => timeoutMs ?? -1);
    expect(timeouts[0]).toBe(200);
    expect(timeouts.length).toBeGreaterThan(1);
    for (const timeout of timeouts) {
      expect(Number.isInteger(timeout)).toBe(true);
      expect(timeout).toBeGreaterThan(0);
    }
    expect(timeouts).toEqual([...timeouts].sort((a, b) => b - a));
  });

  it("counts the time that a try took: no wait goes beyond it", async () => {
    setup.faults = {
      async request() {
        await new Promise<void>((resolve) => void setup.clock.after(190, resolve));
        throw failure("UNAVAILABLE");
      },
    };
    let endedAtMs: number | undefined;
    const startedAtMs = setup.clock.monotonic();
    const call = setup.client.read(Artist, { name: "korn" }, { timeoutMs: 200 });
    const ended = rejection(call).then(() => (endedAtMs = setup.clock.monotonic()));
    await through(ended, 1_000);
    expect((endedAtMs ?? 0) - startedAtMs).toBe(190);
  });

  it("is 30 seconds for a call that names none, or what the client was made with", async () => {
    const timeouts: unknown[] = [];
    setup.faults = { request: ({ timeoutMs }) => void timeouts.push(timeoutMs) };
    await read();
    await setup.connect({ timeoutMs: 1_000 }).read(Artist, { name: "korn" });
    expect(timeouts).toEqual([30_000, 1_000]);
  });

  it("that has passed is never taken for none", async () => {
    for (const timeoutMs of [0, -5]) {
      const error = await rejection(setup.client.read(Artist, { name: "korn" }, { timeoutMs }));
      expect(error).toMatchObject({ code: Code.DeadlineExceeded });
    }
  });

  it("is kept on the machine's own clock, whose times are no whole numbers", async () => {
    const { systemClock } = await import("@trellis/resource");
    const client = setup.connect({ clock: systemClock });
    expect(await client.read(Artist, { name: "korn" }, { timeoutMs: 5_000 })).toBeDefined();
  });
});

describe("a signal", () => {
  it("ends the wait before the next try", async () => {
    setup.faults = { request: throwing(failure("UNAVAILABLE", undefined, 60_000)) };
    const stop = new AbortController();
    const call = setup.client.read(Artist, { name: "korn" }, { signal: stop.signal, timeoutMs: 100_000 });
    const ended = rejection(call);
    await setup.clock.flush();
    stop.abort();
    expect(await ended).toMatchObject({ code: Code.Canceled });
  });

  it("of the client ends its calls, and refuses new ones", async () => {
    const stop = new AbortController();
    const client = setup.connect({ signal: stop.signal });
    setup.faults = { request: () => new Promise((resolve) => void setup.clock.after(1_000, resolve)) };
    const call = rejection(through(client.read(Artist, { name: "korn" }), 2_000));
    stop.abort();
    expect(await call).toMatchObject({ code: Code.Canceled });
    setup.faults = {};
    expect(await rejection(client.read(Artist, { name: "korn" }))).toMatchObject({ code: Code.Canceled });
  });
});
