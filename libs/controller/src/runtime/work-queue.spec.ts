import { describe, expect, it } from "@jest/globals";
import { createVirtualClock } from "@trellis/testing";
import fc from "fast-check";

import { RateLimiter } from "./rate-limiter.ts";
import {
  LOWEST_EVERY,
  moreUrgent,
  PRIORITIES,
  type Priority,
  RETRY_JITTER,
  WorkQueue,
  type WorkQueueOptions,
} from "./work-queue.ts";

const BACKOFF = { baseMs: 1, maxMs: 1_000_000 };

function create(backoff = BACKOFF, options: WorkQueueOptions = {}) {
  const clock = createVirtualClock();
  let ready = 0;
  const queue = new WorkQueue(clock, backoff, () => (ready += 1), options);
  return { clock, queue, ready: () => ready };
}

/** Takes and finishes all that can be taken. */
function drain(queue: WorkQueue): string[] {
  const taken: string[] = [];
  for (let name = queue.take(); name !== undefined; name = queue.take()) {
    taken.push(name);
    queue.finish(name);
  }
  return taken;
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

describe("the priorities of the work queue", () => {
  it("hand out the most urgent first, those of one in the order in which they came", () => {
    const { queue } = create();
    for (const priority of PRIORITIES.toReversed()) {
      queue.add(`${priority}-1`, priority);
      queue.add(`${priority}-2`, priority);
    }
    expect(drain(queue)).toEqual(PRIORITIES.flatMap((priority) => [`${priority}-1`, `${priority}-2`]));
  });

  it("rise with a more urgent reason, and never fall with a less urgent one", () => {
    const { queue } = create();
    queue.add("a", "resync");
    queue.add("b", "start");
    queue.add("a", "change");
    queue.add("a", "resync");
    expect(queue.waiting).toBe(2);
    expect(drain(queue)).toEqual(["a", "b"]);
  });

  it("rise for a name that is worked on, too", () => {
    const { queue } = create();
    queue.add("a");
    queue.take();
    queue.add("a", "resync");
    queue.add("b", "dependency");
    queue.add("a", "change");
    queue.finish("a");
    expect(drain(queue)).toEqual(["a", "b"]);
  });

  it("let one in sixteen that are taken be of the lowest that waits: none waits for ever", () => {
    const { queue } = create();
    queue.add("quiet", "resync");
    const taken: string[] = [];
    for (let turn = 0; turn < 2 * LOWEST_EVERY && !taken.includes("quiet"); turn++) {
      queue.add(`busy-${turn}`);
      const name = queue.take() ?? "";
      taken.push(name);
      queue.finish(name);
    }
    expect(taken.indexOf("quiet")).toBe(LOWEST_EVERY - 1);
  });

  it("put another try behind changes and before what is only there", async () => {
    const { clock, queue } = create();
    queue.addAfterFailure("failed");
    queue.addAfter("later", 1);
    queue.addAfter("quiet", 1, "resync");
    await clock.advance(1);
    queue.add("there", "start");
    queue.add("changed", "change");
    expect(drain(queue)).toEqual(["changed", "failed", "later", "there", "quiet"]);
  });
});

describe("the waits of the work queue", () => {
  it("after failures are shortened at random by up to a tenth", async () => {
    const { clock, queue } = create({ baseMs: 1_000, maxMs: 10_000 }, { random: () => 0.5 });
    queue.addAfterFailure("a");
    await clock.advance(1_000 * (1 - RETRY_JITTER / 2) - 1);
    expect(queue.waiting).toBe(0);
    await clock.advance(1);
    expect(queue.waiting).toBe(1);
  });

  it("count only those after failures as tries to come, whichever way they end", async () => {
    const { clock, queue } = create({ baseMs: 10, maxMs: 10 });
    for (const name of ["elapses", "taken", "replaced", "now"]) queue.addAfterFailure(name);
    expect(queue.retrying).toBe(4);
    queue.add("taken");
    queue.take();
    queue.addAfter("replaced", 20);
    queue.addAfter("now", 0);
    expect(queue.retrying).toBe(1);
    await clock.advance(10);
    expect(queue.retrying).toBe(0);
    queue.addAfterFailure("stopped");
    queue.stop();
    expect(queue.retrying).toBe(0);
  });

  it("of 100,000 names take one timer of the clock, and telling how many fail takes no look at each", () => {
    const { clock, queue } = create({ baseMs: 1_000, maxMs: 1_000_000 });
    for (let place = 0; place < 100_000; place++) queue.addAfterFailure(`${place}`);
    expect([clock.pending(), queue.retrying]).toEqual([1, 100_000]);
    queue.stop();
    expect(clock.pending()).toBe(0);
  });

  it("between two takings of one name last the least interval, and others go on meanwhile", async () => {
    const { clock, queue, ready } = create(BACKOFF, { minIntervalMs: 100 });
    queue.add("a");
    expect(drain(queue)).toEqual(["a"]);
    queue.add("a", "resync");
    queue.add("a", "change");
    expect([queue.waiting, queue.pending]).toEqual([0, 1]);
    queue.add("b");
    expect(drain(queue)).toEqual(["b"]);
    const before = ready();
    await clock.advance(99);
    expect(drain(queue)).toEqual([]);
    await clock.advance(1);
    expect(ready()).toBe(before + 1);
    expect(drain(queue)).toEqual(["a"]);
    await clock.advance(100);
    expect([drain(queue), clock.pending()]).toEqual([[], 0]);
  });

  it("between two takings of one name last longer and longer, until it has had a pause", async () => {
    const { clock, queue } = create(BACKOFF, { minIntervalMs: { first: 25, longest: 200 } });
    const taken: number[] = [];
    async function follow(forMs: number): Promise<void> {
      for (const endsMs = clock.monotonic() + forMs; clock.monotonic() < endsMs; await clock.advance(1)) {
        queue.add("a");
        if (drain(queue).length > 0) taken.push(clock.monotonic());
      }
    }
    await follow(600);
    expect(taken).toEqual([0, 25, 75, 175, 375, 575]);
    taken.length = 0;
    await clock.advance(175);
    // Not a pause yet: it was due 200 ms after the last one.
    await follow(10);
    expect(taken).toEqual([775]);
    taken.length = 0;
    await clock.advance(400);
    await follow(40);
    expect(taken).toEqual([1_185, 1_210]);
    // Handed out late is not calm.
    await clock.advance(190);
    await follow(60);
    expect(taken.slice(2)).toEqual([1_415]);
    await clock.advance(1_000);
    expect(clock.pending()).toBe(0);
  });

  it("go on from the start of a run that takes longer than the interval", async () => {
    const { clock, queue } = create(BACKOFF, { minIntervalMs: 100 });
    queue.add("a");
    queue.take();
    queue.add("a");
    await clock.advance(150);
    expect(queue.take()).toBeUndefined();
    queue.finish("a");
    expect(queue.take()).toBe("a");
  });

  it("hold back a name that was told to rest, also one that waits already", async () => {
    const { clock, queue } = create();
    queue.add("hot");
    queue.holdBack("hot", 1_000);
    queue.add("hot");
    expect([queue.take(), queue.pending]).toEqual([undefined, 1]);
    await clock.advance(1_000);
    expect(drain(queue)).toEqual(["hot"]);
  });

  it("hold everybody back while the rate limit is used up, and say when it no longer is", async () => {
    const clock = createVirtualClock();
    let ready = 0;
    const rateLimiter = new RateLimiter({ perSecond: 10, burst: 2 }, clock);
    const queue = new WorkQueue(clock, BACKOFF, () => (ready += 1), { rateLimiter });
    for (const name of ["a", "b", "c", "d"]) queue.add(name);
    expect(drain(queue)).toEqual(["a", "b"]);
    expect([queue.waiting, clock.pending()]).toEqual([2, 1]);
    const before = ready;
    await clock.advance(100);
    expect(ready).toBe(before + 1);
    expect(drain(queue)).toEqual(["c"]);
    queue.stop();
    expect(clock.pending()).toBe(0);
  });

  it("take nothing off the rate when nobody waits", () => {
    const clock = createVirtualClock();
    const rateLimiter = new RateLimiter({ perSecond: 1, burst: 1 }, clock);
    const queue = new WorkQueue(clock, BACKOFF, () => undefined, { rateLimiter });
    for (let turn = 0; turn < 10; turn++) expect(queue.take()).toBeUndefined();
    queue.add("a");
    expect(queue.take()).toBe("a");
  });
});

type Command =
  | { readonly kind: "add"; readonly name: string; readonly priority: Priority }
  | { readonly kind: "fail" | "forget" | "finish"; readonly name: string }
  | { readonly kind: "later"; readonly name: string; readonly delayMs: number }
  | { readonly kind: "take" }
  | { readonly kind: "pass"; readonly milliseconds: number };

const name = fc.constantFrom("a", "b", "c");
const command: fc.Arbitrary<Command> = fc.oneof(
  fc.record({ kind: fc.constant("add" as const), name, priority: fc.constantFrom(...PRIORITIES) }),
  fc.record({ kind: fc.constantFrom("fail" as const, "forget" as const), name }),
  fc.record({ kind: fc.constant("finish" as const), name }),
  fc.record({ kind: fc.constant("later" as const), name, delayMs: fc.nat(20) }),
  fc.constant({ kind: "take" as const }),
  fc.record({ kind: fc.constant("pass" as const), milliseconds: fc.nat(20) }),
);

/** The queue as one would write it down: who waits in order, who is worked on, who is to come when. */
class Model {
  waiting: { readonly name: string; readonly priority: Priority }[] = [];
  readonly again = new Map<string, Priority>();
  readonly working = new Set<string>();
  readonly due = new Map<string, number>();
  readonly failures = new Map<string, number>();
  taken = 0;
  nowMs = 0;

  add(one: string, priority: Priority): void {
    if (this.working.has(one)) {
      this.again.set(one, moreUrgent(this.again.get(one) ?? priority, priority));
      return;
    }
    const former = this.waiting.find((waiting) => waiting.name === one);
    if (former !== undefined && moreUrgent(former.priority, priority) === former.priority) return;
    this.waiting = [...this.waiting.filter((waiting) => waiting !== former), { name: one, priority }];
  }

  later(one: string, delayMs: number): void {
    this.due.delete(one);
    if (delayMs === 0) this.add(one, "retry");
    else this.due.set(one, this.nowMs + delayMs);
  }

  take(): string | undefined {
    const waiting = PRIORITIES.filter((priority) => this.waiting.some((one) => one.priority === priority));
    const priority = waiting.at(this.taken % LOWEST_EVERY === LOWEST_EVERY - 1 ? -1 : 0);
    const one = this.waiting.find((some) => some.priority === priority);
    if (one === undefined) return undefined;
    this.taken += 1;
    this.waiting = this.waiting.filter((some) => some !== one);
    this.working.add(one.name);
    this.due.delete(one.name);
    return one.name;
  }

  finish(one: string): void {
    this.working.delete(one);
    const priority = this.again.get(one);
    this.again.delete(one);
    if (priority !== undefined) this.add(one, priority);
  }

  pass(milliseconds: number): void {
    const untilMs = this.nowMs + milliseconds;
    const due = [...this.due].filter(([, atMs]) => atMs <= untilMs).sort(([, a], [, b]) => a - b);
    for (const [one] of due) {
      this.due.delete(one);
      this.add(one, "retry");
    }
    this.nowMs = untilMs;
  }
}

describe("the work queue against its model", () => {
  it("agrees after any sequence of commands; no name is worked on twice at a time", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 40 }), async (commands) => {
        const { clock, queue } = create({ baseMs: 2, maxMs: 16 });
        const model = new Model();
        for (const one of commands) {
          await perform(one, { clock, queue, model });
          expect(queue.waiting).toBe(model.waiting.length);
          expect(queue.processing).toBe(model.working.size);
          expect(queue.pending).toBe(model.waiting.length + model.again.size);
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
      queue.add(one.name, one.priority);
      model.add(one.name, one.priority);
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
