import { describe, expect, it } from "@jest/globals";
import { createVirtualClock } from "@trellis/testing";
import fc from "fast-check";

import { WorkQueue } from "./work-queue.ts";

const BACKOFF = { baseMs: 1, maxMs: 1_000_000 };

function create(backoff = BACKOFF) {
  const clock = createVirtualClock();
  let ready = 0;
  const queue = new WorkQueue(clock, backoff, () => (ready += 1));
  return { clock, queue, ready: () => ready };
}

/** When the name can be taken again after a failure, in milliseconds. */
async function waitAfterFailure(name: string, { queue, clock }: ReturnType<typeof create>): Promise<number> {
  const from = clock.monotonic();
  queue.addAfterFailure(name);
  while (queue.waiting === 0) await clock.advance(1);
  queue.take();
  queue.finish(name);
  return clock.monotonic() - from;
}

describe("the work queue", () => {
  it("hands out names in the order in which they came, each once", () => {
    const { queue, ready } = create();
    for (const name of ["b", "a", "b", "c", "a"]) queue.add(name);
    expect(ready()).toBe(3);
    expect([queue.take(), queue.take(), queue.take(), queue.take()]).toEqual(["b", "a", "c", undefined]);
  });

  it("hands a name out exactly once more, however often it is added while it is worked on", () => {
    const { queue } = create();
    queue.add("a");
    queue.take();
    for (let time = 0; time < 5; time++) queue.add("a");
    expect(queue.take()).toBeUndefined();
    queue.finish("a");
    expect(queue.take()).toBe("a");
    queue.finish("a");
    expect(queue.take()).toBeUndefined();
  });

  it("adds later, and the newest word about when counts, be it sooner or later", async () => {
    const { clock, queue } = create();
    queue.addAfter("a", 100);
    queue.addAfter("a", 50);
    await clock.advance(50);
    expect(queue.take()).toBe("a");
    queue.finish("a");
    queue.addAfter("a", 50);
    queue.addAfter("a", 100);
    await clock.advance(99);
    expect(queue.waiting).toBe(0);
    await clock.advance(1);
    expect(queue.waiting).toBe(1);
  });

  it("drops the later time of a name that is taken before it", async () => {
    const { clock, queue } = create();
    queue.addAfter("a", 100);
    queue.add("a");
    queue.take();
    queue.finish("a");
    await clock.advance(1_000);
    expect(queue.waiting).toBe(0);
    expect(clock.pending()).toBe(0);
  });

  it("adds at once what is to be added after no time", () => {
    const { queue } = create();
    queue.addAfter("a", 0);
    expect(queue.take()).toBe("a");
  });

  it("C022: doubles the wait with each failure of a name, and begins anew when they are forgotten", async () => {
    const made = create();
    const waits: number[] = [];
    for (let failure = 0; failure < 5; failure++) waits.push(await waitAfterFailure("a", made));
    expect(waits).toEqual([1, 2, 4, 8, 16]);
    expect(await waitAfterFailure("b", made)).toBe(1);
    made.queue.forget("a");
    expect(await waitAfterFailure("a", made)).toBe(1);
  });

  it("C023: never waits longer than the longest wait", async () => {
    const { clock, queue } = create({ baseMs: 60_000, maxMs: 1_000_000 });
    for (let failure = 0; failure < 1_100; failure++) queue.addAfterFailure("a");
    expect(queue.failures("a")).toBe(1_100);
    await clock.advance(999_999);
    expect(queue.waiting).toBe(0);
    await clock.advance(1);
    expect(queue.waiting).toBe(1);
  });

  it("counts what waits for another try apart from what waits by its own wish", () => {
    const { queue } = create();
    queue.addAfter("a", 100);
    queue.addAfterFailure("b");
    expect([queue.waiting, queue.processing, queue.retrying]).toEqual([0, 0, 1]);
  });

  it("drops everything when it stops, and takes nothing more", async () => {
    const { clock, queue } = create();
    queue.add("a");
    queue.take();
    queue.add("a");
    queue.add("b");
    queue.addAfterFailure("c");
    queue.stop();
    queue.finish("a");
    queue.add("d");
    queue.addAfter("e", 1);
    await clock.advance(1_000);
    expect(queue.take()).toBeUndefined();
    expect(clock.pending()).toBe(0);
  });
});

type Command =
  | { readonly kind: "add" | "fail" | "forget" | "finish"; readonly name: string }
  | { readonly kind: "later"; readonly name: string; readonly delayMs: number }
  | { readonly kind: "take" }
  | { readonly kind: "pass"; readonly milliseconds: number };

const name = fc.constantFrom("a", "b", "c");
const command: fc.Arbitrary<Command> = fc.oneof(
  fc.record({ kind: fc.constantFrom("add" as const, "fail" as const, "forget" as const), name }),
  fc.record({ kind: fc.constant("finish" as const), name }),
  fc.record({ kind: fc.constant("later" as const), name, delayMs: fc.nat(20) }),
  fc.constant({ kind: "take" as const }),
  fc.record({ kind: fc.constant("pass" as const), milliseconds: fc.nat(20) }),
);

/** The queue as one would write it down: who waits in order, who is worked on, who is to come when. */
class Model {
  waiting: string[] = [];
  readonly again = new Set<string>();
  readonly working = new Set<string>();
  readonly due = new Map<string, number>();
  readonly failures = new Map<string, number>();
  nowMs = 0;

  add(one: string): void {
    if (this.working.has(one)) this.again.add(one);
    else if (!this.waiting.includes(one)) this.waiting.push(one);
  }

  later(one: string, delayMs: number): void {
    this.due.delete(one);
    if (delayMs === 0) this.add(one);
    else this.due.set(one, this.nowMs + delayMs);
  }

  take(): string | undefined {
    const one = this.waiting.shift();
    if (one !== undefined) {
      this.working.add(one);
      this.due.delete(one);
    }
    return one;
  }

  finish(one: string): void {
    this.working.delete(one);
    if (this.again.delete(one)) this.add(one);
  }

  pass(milliseconds: number): void {
    const untilMs = this.nowMs + milliseconds;
    const due = [...this.due].filter(([, atMs]) => atMs <= untilMs).sort(([, a], [, b]) => a - b);
    for (const [one] of due) {
      this.due.delete(one);
      this.add(one);
    }
    this.nowMs = untilMs;
  }
}

describe("the work queue against its model", () => {
  it("agrees after any sequence of commands", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 40 }), async (commands) => {
        const { clock, queue } = create({ baseMs: 2, maxMs: 16 });
        const model = new Model();
        for (const one of commands) {
          await perform(one, { clock, queue, model });
          expect(queue.waiting).toBe(model.waiting.length);
          expect(queue.processing).toBe(model.working.size);
        }
      }),
      { numRuns: 200, seed: 7 },
    );
  }, 60_000);
});

async function perform(
  one: Command,
  { clock, queue, model }: Omit<ReturnType<typeof create>, "ready"> & { readonly model: Model },
): Promise<void> {
  switch (one.kind) {
    case "add":
      queue.add(one.name);
      model.add(one.name);
      return;
    case "later":
      queue.addAfter(one.name, one.delayMs);
      model.later(one.name, one.delayMs);
      return;
    case "fail": {
      const failures = model.failures.get(one.name) ?? 0;
      queue.addAfterFailure(one.name);
      model.later(one.name, Math.min(16, 2 * 2 ** failures));
      model.failures.set(one.name, failures + 1);
      return;
    }
    case "forget":
      queue.forget(one.name);
      model.failures.delete(one.name);
      return;
    case "take":
      expect(queue.take()).toBe(model.take());
      return;
    case "finish":
      if (!model.working.has(one.name)) return;
      queue.finish(one.name);
      model.finish(one.name);
      return;
    case "pass":
      await clock.advance(one.milliseconds);
      model.pass(one.milliseconds);
  }
}
