import { describe, expect, it } from "@jest/globals";
import { createVirtualClock } from "@trellis/testing";

import { Supervisor } from "./supervisor.ts";

/** A supervised task that does as it is told. */
function create({
  random = 0,
  task,
}: { random?: number; task?: (signal: AbortSignal) => Promise<void> } = {}) {
  const clock = createVirtualClock();
  const startsMs: number[] = [];
  const waits: number[] = [];
  const errors: unknown[] = [];
  let under = 0;
  let most = 0;
  let signal: AbortSignal | undefined;
  const supervisor = new Supervisor({
    clock,
    random: () => random,
    async run(given) {
      signal = given;
      startsMs.push(clock.monotonic());
      most = Math.max(most, (under += 1));
      try {
        await (task ?? untilAborted)(given);
      } finally {
        under -= 1;
      }
    },
    onEnd({ error, waitMs }) {
      waits.push(waitMs);
      errors.push(error);
    },
  });
  return { clock, supervisor, startsMs, waits, errors, most: () => most, signal: () => signal };
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

const broken = async (): Promise<void> => {
  throw new Error("broken");
};

describe("a supervisor", () => {
  it("C024: does not run its task before it is started", async () => {
    const { clock, supervisor, startsMs } = create();
    await clock.advance(500);
    expect([startsMs, supervisor.state]).toEqual([[], "stopped"]);
  });

  it("C025: runs it at once when it is started, and does not end it", async () => {
    const { clock, supervisor, startsMs, waits } = create();
    supervisor.start();
    supervisor.start();
    await clock.advance(500);
    expect([startsMs, waits, supervisor.state]).toEqual([[0], [], "running"]);
  });

  it("C026, C029: aborts it at once when it is stopped, and does not run it again", async () => {
    const { clock, supervisor, startsMs, waits, signal } = create();
    supervisor.start();
    await clock.flush();
    await supervisor.stop();
    expect(signal()?.aborted).toBe(true);
    await clock.advance(500_000);
    expect([startsMs, waits, supervisor.state, clock.pending()]).toEqual([[0], [], "stopped", 0]);
  });

  it("C027: runs it at once when it is started anew, without a wait for the end that was asked for", async () => {
    const { clock, supervisor, startsMs } = create();
    supervisor.start();
    await supervisor.stop();
    await clock.advance(10);
    supervisor.start();
    await clock.flush();
    expect(startsMs).toEqual([0, 10]);
  });

  it("C028: runs it again when it fails, within two seconds", async () => {
    const { clock, supervisor, startsMs, errors } = create({ task: broken });
    supervisor.start();
    await clock.advance(500);
    expect(startsMs).toEqual([0, 500]);
    expect(errors[0]).toEqual(new Error("broken"));
    expect(supervisor.lastError).toEqual(new Error("broken"));
    expect(supervisor.state).toBe("waiting");
  });

  it("waits 500 ms, then twice as long each time, 60 s at most", async () => {
    const { clock, supervisor, waits } = create({ task: broken });
    supervisor.start();
    await clock.advance(400_000);
    expect(waits.slice(0, 10)).toEqual([
      500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000,
    ]);
  });

  it("adds up to a quarter at random, from the second wait on", async () => {
    const { clock, supervisor, waits } = create({ task: broken, random: 0.5 });
    supervisor.start();
    await clock.advance(400_000);
    expect(waits.slice(0, 8)).toEqual([500, 1_125, 2_250, 4_500, 9_000, 18_000, 36_000, 67_500]);
  });

  it("runs a task that ended after more than two seconds again at once, with waits that begin anew", async () => {
    const runMs = [0, 0, 2_001, 0, 2_000];
    const { clock, supervisor, waits } = create({
      task: () => new Promise((resolve) => void clock.after(runMs.shift() ?? 0, resolve)),
    });
    supervisor.start();
    await clock.advance(20_000);
    expect(waits.slice(0, 5)).toEqual([500, 1_000, 0, 500, 1_000]);
  });

  it("waits after a task that only returned, too", async () => {
    const { clock, supervisor, waits, errors } = create({ task: async () => undefined });
    supervisor.start();
    await clock.advance(1_500);
    expect([waits, errors]).toEqual([
      [500, 1_000, 2_000],
      [undefined, undefined, undefined],
    ]);
  });

  it("does not run a task beside its former run that has not ended yet", async () => {
    const gate = Promise.withResolvers<void>();
    const { clock, supervisor, startsMs, most } = create({ task: () => gate.promise });
    supervisor.start();
    let stopped = false;
    void supervisor.stop().then(() => (stopped = true));
    supervisor.start();
    await clock.advance(60_000);
    expect([startsMs, stopped, supervisor.state]).toEqual([[0], false, "ending"]);
    gate.resolve();
    await clock.flush();
    expect([startsMs.slice(0, 2), stopped, most()]).toEqual([[0, 60_000], true, 1]);
  });

  it("does not run it again when it was stopped while it waited to", async () => {
    const { clock, supervisor, startsMs } = create({ task: broken });
    supervisor.start();
    await clock.advance(100);
    await supervisor.stop();
    await clock.advance(100_000);
    expect([startsMs, supervisor.state, clock.pending()]).toEqual([[0], "stopped", 0]);
  });

  it("lets nothing out: neither what the task throws before it waits nor what its listener does", async () => {
    const clock = createVirtualClock();
    let runs = 0;
    const supervisor = new Supervisor({
      clock,
      random: () => 0,
      run() {
        runs += 1;
        throw new Error("at once");
      },
      onEnd() {
        throw new Error("who was told");
      },
    });
    supervisor.start();
    await clock.advance(1_500);
    expect(runs).toBe(3);
  });
});
