import { describe, expect, it } from "@jest/globals";
import type { CommitTaker, Operation, Watch, WatchBatch } from "@trellis/storage";

import { createMemoryBackend } from "./memory-backend.ts";
import { createManualClock, fixedRandom } from "./test-support/manual-clock.ts";

const ALL = { group: "g", kind: "k", partition: "*", namespace: "*" };

function putOf(name: string): Operation {
  const key = { group: "g", kind: "k", partition: "p", namespace: "n", name };
  const record = { uid: "u", groupVersion: "v1", generation: "g", marked: false, bytes: new Uint8Array(10) };
  return { kind: "put", key, record, preconditions: [] };
}

function setUp() {
  const clock = createManualClock();
  const backend = createMemoryBackend({ clock, random: fixedRandom });
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

const MANY = 200;

describe("many watches of one name, whose bookmarks are due before they are woken", () => {
  it("get them all the same, when what happened was in another tenancy", async () => {
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
    const watches = await Promise.all(Array.from({ length: MANY }, open));
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
  it("is not looked for by who is far behind, or has not come to the present", async () => {
    const { backend, follow, put } = setUp();
    const watch = await follow();
    const version = await put("a");
    const taker: CommitTaker = { takeCommits: () => true };
    expect(backend.watch(ALL, { since: { version } }).offer?.(taker)).toBe(false);
    expect(backend.watch(ALL).offer?.(taker)).toBe(false);
    for (let count = 0; count < 100; count++) await put("b");
    expect(watch.offer?.(taker)).toBe(false);
    expect(namesOf(watch.take())).toEqual(["a"]);
  });
});
