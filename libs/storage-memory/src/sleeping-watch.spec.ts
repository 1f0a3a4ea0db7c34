import { describe, expect, it } from "@jest/globals";
import type { CommitBatch, CommitTaker, Operation, Watch, WatchBatch, WatchSleeper } from "@trellis/storage";

import type { StoreLimits } from "./limits.ts";
import { createMemoryBackend } from "./memory-backend.ts";
import { createManualClock, fixedRandom } from "./test-support/manual-clock.ts";

const ALL = { group: "g", kind: "k", partition: "*", namespace: "*" };

function putOf(name: string): Operation {
  const key = { group: "g", kind: "k", partition: "p", namespace: "n", name };
  const record = { uid: "u", groupVersion: "v1", generation: "g", marked: false, bytes: new Uint8Array(10) };
  return { kind: "put", key, record, preconditions: [] };
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

function setUp(limits: Partial<StoreLimits> = {}) {
  const clock = createManualClock();
  const backend = createMemoryBackend({ clock, random: fixedRandom }, limits);
  return {
    clock,
    backend,
    put: async (name: string) => (await backend.commit([putOf(name)])).version,
    /** A watch that has seen the present. */
    follow: async (query: object = {}, options: object = {}): Promise<Watch> => {
      const watch = backend.watch({ ...ALL, ...query }, options);
      for (let batch = await watch.next(); batch?.kind !== "endOfSnapshot";) batch = await watch.next();
      return watch;
    },
  };
}

const namesOf = (batch: WatchBatch | undefined): readonly string[] =>
  batch?.kind === "commit" ? batch.events.map(({ record }) => record.key.name) : [];

const sleeper = (wake: () => void): WatchSleeper => ({ wake });
const taker = (takeCommits: CommitTaker["takeCommits"]): CommitTaker => ({ takeCommits });

describe("a watch that sleeps without a promise", () => {
  it("is woken once, finds what happened, and may sleep on", async () => {
    const { put, follow } = setUp();
    const watch = await follow();
    const seen: (readonly string[])[] = [];
    let wakings = 0;
    const waking = sleeper(() => {
      wakings += 1;
      for (let batch = watch.take(); batch !== undefined; batch = watch.take()) seen.push(namesOf(batch));
      if (wakings < 3) expect(watch.sleep?.(waking)).toBe(true);
    });
    expect(watch.sleep?.(waking)).toBe(true);
    for (const name of ["a", "b"]) {
      await put(name);
      await put(`${name}2`);
      await turn();
    }
    expect([wakings, seen]).toEqual([2, [["a"], ["a2"], ["b"], ["b2"]]]);
    await put("c");
    await turn();
    // It did not sleep on: nobody tells it.
    await put("d");
    await turn();
    expect([wakings, seen.slice(4)]).toEqual([3, [["c"]]]);
    expect(namesOf(await watch.next())).toEqual(["d"]);
  });

  it("does not sleep before it has seen the present, nor while there is something to take", async () => {
    const { backend, put, follow } = setUp();
    const never = sleeper(() => expect("woken").toBe("never woken"));
    expect(backend.watch(ALL).sleep?.(never)).toBe(false);
    const watch = await follow();
    await put("a");
    expect(watch.sleep?.(never)).toBe(false);
    expect(namesOf(watch.take())).toEqual(["a"]);
    const waiting = watch.next();
    expect(watch.sleep?.(never)).toBe(false);
    watch.close();
    await waiting;
    expect(watch.sleep?.(never)).toBe(false);
  });

  it("has one consumer", async () => {
    const { follow } = setUp();
    const watch = await follow();
    const quiet = sleeper(() => undefined);
    watch.sleep?.(quiet);
    expect(watch.sleep?.(quiet)).toBe(false);
    await expect(watch.next()).rejects.toMatchObject({ code: "invalid" });
  });

  it("is woken when it is over, of which next tells", async () => {
    const { backend, follow } = setUp();
    const leaving = new AbortController();
    const watches = [await follow({}, { signal: leaving.signal }), await follow(), await follow()];
    const woken = watches.map(() => 0);
    for (const [at, watch] of watches.entries())
      watch.sleep?.(sleeper(() => (woken[at] = (woken[at] ?? 0) + 1)));
    const [aborted, closed, left] = watches;
    leaving.abort();
    closed?.close();
    await expect(aborted?.next()).rejects.toMatchObject({ code: "aborted" });
    expect(await closed?.next()).toBeUndefined();
    expect(woken).toEqual([1, 1, 0]);
    await backend.close();
    await expect(left?.next()).rejects.toMatchObject({ code: "watch-closed" });
    expect(woken).toEqual([1, 1, 1]);
  });

  it("is woken when a bookmark is due", async () => {
    const { clock, follow, put } = setUp();
    const watch = await follow({}, { bookmarkIntervalMs: 100 });
    let wakings = 0;
    expect(watch.sleep?.(sleeper(() => (wakings += 1)))).toBe(true);
    await clock.elapse(99);
    expect(wakings).toBe(0);
    await clock.elapse(1);
    expect([wakings, watch.sleep?.(sleeper(() => undefined))]).toEqual([1, false]);
    expect(await watch.next()).toMatchObject({ kind: "bookmark" });
    await put("a");
  });
});

describe("many watches of one name, whose bookmarks are due before they are woken for what has happened", () => {
  const MANY = 200;

  it.each(["by a promise", "without one"])(
    "hear of it when they wait %s, however much happened to others",
    async (how) => {
      const { clock, follow, put } = setUp({ historyCommits: 4 });
      const open = () => follow({ name: "mine" }, { bookmarkIntervalMs: 100 });
      const watches = await Promise.all(Array.from({ length: MANY }, open));
      let woken = 0;
      const waiting = watches.map((watch) => {
        if (how === "by a promise") return watch.next();
        expect(watch.sleep?.(sleeper(() => (woken += 1)))).toBe(true);
        return undefined;
      });
      await clock.elapse(99);
      for (let count = 0; count < 10; count++) await put(`other${count}`);
      await put("mine");
      await clock.elapse(1);
      const found = await Promise.all(waiting.map(async (batch, at) => (await batch) ?? watches[at]?.take()));
      expect(found.map(namesOf)).toEqual(found.map(() => ["mine"]));
      expect(woken).toBe(how === "by a promise" ? 0 : MANY);
    },
  );

  it("get a bookmark after the silence that follows, when what happened was in another tenancy", async () => {
    const { clock, backend, follow } = setUp();
    const open = () => follow({ name: "mine", namespace: "n" }, { bookmarkIntervalMs: 100 });
    const watches = await Promise.all(Array.from({ length: MANY }, open));
    const waiting = watches.map((watch) => watch.next());
    await clock.elapse(99);
    const elsewhere = { ...putOf("mine").key, namespace: "elsewhere" };
    await backend.commit([{ ...putOf("mine"), key: elsewhere } as Operation]);
    await clock.elapse(1);
    await clock.elapse(100);
    const kinds = await Promise.all(waiting.map(async (batch) => (await batch)?.kind));
    expect(kinds).toEqual(kinds.map(() => "bookmark"));
  });
});

describe("many watches that wakings for others never cease for", () => {
  it("get their bookmarks all the same", async () => {
    const { clock, put, follow } = setUp();
    const open = () => follow({ namePrefix: "mine" }, { bookmarkIntervalMs: 100 });
    const watches = await Promise.all(Array.from({ length: 200 }, open));
    const kinds: (string | undefined)[] = [];
    for (const watch of watches) void watch.next().then((batch) => kinds.push(batch?.kind));
    let passedMs = 0;
    for (; passedMs < 1_000 && kinds.length === 0; passedMs++) {
      await put("other");
      await clock.elapse(1);
    }
    expect(passedMs).toBeLessThanOrEqual(102);
    expect(kinds).toEqual(watches.map(() => "bookmark"));
  });
});

describe("what watches offer at once", () => {
  it("is the same for all that stand at the same point and ask alike, and counts once it is taken", async () => {
    const { follow, put } = setUp();
    const watches = await Promise.all([follow(), follow(), follow({ namePrefix: "b" })]);
    await put("a");
    await put("b");
    const offered: (readonly CommitBatch[])[] = [];
    const look = taker((commits) => offered.push(commits) > watches.length);
    for (const watch of watches) expect(watch.offer?.(look)).toBe(false);
    expect(offered.map((commits) => commits.map(namesOf))).toEqual([[["a"], ["b"]], [["a"], ["b"]], [["b"]]]);
    expect(offered[0]).toBe(offered[1]);
    const [first, ...others] = watches;
    expect(first?.offer?.(look)).toBe(true);
    expect([first?.take(), first?.offer?.(look)]).toEqual([undefined, false]);
    expect(others.map((watch) => namesOf(watch.take()))).toEqual([["a"], ["b"]]);
    // Who stands elsewhere is offered what it has not seen.
    expect(others[0]?.offer?.(look)).toBe(true);
    expect(offered.at(-1)?.map(namesOf)).toEqual([["b"]]);
  });

  it("is not looked for by who is far behind, or has not come to the present", async () => {
    const { backend, follow, put } = setUp();
    const watch = await follow();
    const version = await put("a");
    const take = taker(() => true);
    expect(backend.watch(ALL, { since: { version } }).offer?.(take)).toBe(false);
    expect(backend.watch(ALL).offer?.(take)).toBe(false);
    for (let count = 0; count < 100; count++) await put("b");
    expect(watch.offer?.(take)).toBe(false);
    expect(namesOf(watch.take())).toEqual(["a"]);
  });
});
