import { afterEach, describe, expect, it, jest } from "@jest/globals";
import {
  type CommitBatch,
  type CommitTaker,
  toVersion,
  type Watch,
  type WatchBatch,
  type WatchSleeper,
} from "@trellis/storage";

import { ALL, openRouted, outcomeOf, putAll, snapshotOf, take } from "../test-support/routed.ts";
import { TestLink } from "../test-support/test-link.ts";

const sleeper = (wake: () => void): WatchSleeper => ({ wake });
const taker = (takeCommits: CommitTaker["takeCommits"]): CommitTaker => ({ takeCommits });

const namesOf = (batch: WatchBatch | undefined): readonly string[] =>
  batch?.kind === "commit" ? batch.events.map(({ record }) => record.key.name) : [];

/** All that is at hand. */
function takeAll(watch: Watch): readonly string[] {
  const names: string[] = [];
  for (let batch = watch.take(); batch !== undefined; batch = watch.take()) names.push(...namesOf(batch));
  return names;
}

/** A cluster, and how to open a watch that has seen the present. */
async function setUp(options: Parameters<typeof openRouted>[0] = {}) {
  const { cluster, backend } = await openRouted(options);
  const follow = async (query: object = {}, more: object = {}): Promise<Watch> => {
    const watch = backend.watch({ ...ALL, ...query }, more);
    await snapshotOf(watch);
    return watch;
  };
  return { cluster, backend, follow, turns: () => cluster.clock.flush() };
}

describe("a routed watch that sleeps without a promise", () => {
  it("is woken once for what comes together, and may sleep on", async () => {
    const { backend, follow, turns } = await setUp();
    const watch = await follow();
    const seen: (readonly string[])[] = [];
    const waking = sleeper(() => {
      seen.push(takeAll(watch));
      if (seen.length < 3) expect(watch.sleep?.(waking)).toBe(true);
    });
    expect(watch.sleep?.(waking)).toBe(true);
    for (const name of ["a", "b", "c"]) {
      await putAll(backend, [name]);
      await turns();
    }
    expect(seen).toEqual([["a"], ["b"], ["c"]]);
    // It did not sleep on: nobody tells it.
    await putAll(backend, ["d"]);
    await turns();
    expect(seen).toHaveLength(3);
    expect(await take(watch, 1)).toEqual(["put d"]);
  });

  it("does not sleep before the present, nor over what is there, nor twice; and has one consumer", async () => {
    const { backend, follow, turns } = await setUp();
    const never = sleeper(() => expect("woken").toBe("never woken"));
    expect(backend.watch(ALL).sleep?.(never)).toBe(false);
    const watch = await follow();
    // The first to read a scope comes to the shared watch with its first look beyond the snapshot.
    await putAll(backend, ["a"]);
    expect(await take(watch, 1)).toEqual(["put a"]);
    await putAll(backend, ["b"]);
    await turns();
    expect(watch.sleep?.(never)).toBe(false);
    expect(takeAll(watch)).toEqual(["b"]);
    const quiet = sleeper(() => undefined);
    expect([watch.sleep?.(quiet), watch.sleep?.(quiet)]).toEqual([true, false]);
    await expect(watch.next()).rejects.toMatchObject({ code: "invalid" });
    watch.close();
    expect(watch.sleep?.(quiet)).toBe(false);
    expect(await watch.next()).toBeUndefined();
  });

  it("is woken when it is over, of which next tells", async () => {
    const { backend, follow } = await setUp();
    const leaving = new AbortController();
    const watches = [await follow({}, { signal: leaving.signal }), await follow(), await follow()];
    const woken = watches.map(() => 0);
    for (const [at, watch] of watches.entries())
      expect(watch.sleep?.(sleeper(() => (woken[at] = (woken[at] ?? 0) + 1)))).toBe(true);
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

  it("is told what came before its shared watch was lost, and then of the loss", async () => {
    const { cluster, backend, follow } = await setUp();
    const [late, quick] = [await follow(), await follow()];
    const woken: string[] = [];
    const seen: string[] = [];
    const again = sleeper(() => {
      woken.push("quick");
      seen.push(...takeAll(quick));
      quick.sleep?.(again);
    });
    expect([late.sleep?.(sleeper(() => woken.push("late"))), quick.sleep?.(again)]).toEqual([true, true]);
    await putAll(backend, ["a"]);
    await cluster.clock.flush();
    expect(woken).toEqual(["late", "quick"]);
    for (const address of cluster.addresses) cluster.network.setDown(address, true);
    await cluster.clock.advance(40_000);
    expect([woken, seen, takeAll(late)]).toEqual([["late", "quick", "quick"], ["a"], ["a"]]);
    for (const watch of [late, quick]) {
      expect(watch.sleep?.(sleeper(() => undefined))).toBe(false);
      await expect(watch.next()).rejects.toMatchObject({ code: "unavailable" });
    }
  });

  it("may be asked by a promise while it is being woken", async () => {
    const { backend, follow, turns } = await setUp();
    const watch = await follow();
    let next: Promise<unknown> = Promise.resolve();
    const waking = sleeper(() => {
      takeAll(watch);
      next = watch.next();
    });
    expect(watch.sleep?.(waking)).toBe(true);
    await putAll(backend, ["a"]);
    await turns();
    const seen = outcomeOf(next);
    await putAll(backend, ["b"]);
    await turns();
    expect(seen.state).toBe("done");
  });

  it("gets its bookmark", async () => {
    const { cluster, follow } = await setUp();
    const watch = await follow({}, { bookmarkIntervalMs: 100 });
    let woken = 0;
    expect(watch.sleep?.(sleeper(() => (woken += 1)))).toBe(true);
    await cluster.clock.advance(99);
    expect(woken).toBe(0);
    await cluster.clock.advance(1);
    expect([woken, watch.sleep?.(sleeper(() => undefined))]).toEqual([1, false]);
    expect(await watch.next()).toMatchObject({ kind: "bookmark" });
  });
});

describe("routed watches of one name", () => {
  const MANY = 200;

  it("are woken by it alone, and never slow for what happens to others", async () => {
    const { backend, follow, turns } = await setUp({ watchCommits: 4 });
    const [sleeping, waiting, other] = [
      await follow({ name: "mine" }),
      await follow({ name: "mine" }),
      await follow({ name: "other" }),
    ];
    let woken = 0;
    expect(sleeping.sleep?.(sleeper(() => (woken += 1)))).toBe(true);
    expect(other.sleep?.(sleeper(() => expect("woken").toBe("never woken")))).toBe(true);
    const next = waiting.next();
    const seen = outcomeOf(next);
    await putAll(
      backend,
      Array.from({ length: 10 }, (_, at) => `x${at}`),
    );
    await turns();
    expect([woken, seen.state]).toEqual([0, "pending"]);
    await putAll(backend, ["mine"]);
    await turns();
    expect([woken, takeAll(sleeping), namesOf(await next)]).toEqual([1, ["mine"], ["mine"]]);
  });

  it("are told of the loss of their shared watch, and not that they are slow", async () => {
    const { cluster, backend, follow, turns } = await setUp({ watchCommits: 4 });
    const watch = await follow({ name: "mine" });
    await putAll(backend, ["mine"]);
    expect(await take(watch, 1)).toEqual(["put mine"]);
    await putAll(
      backend,
      Array.from({ length: 10 }, (_, at) => `x${at}`),
    );
    await turns();
    for (const address of cluster.addresses) cluster.network.setDown(address, true);
    await cluster.clock.advance(40_000);
    await expect(watch.next()).rejects.toMatchObject({ code: "unavailable" });
  });

  it("hear of it also when their bookmarks are due before they are woken", async () => {
    const { cluster, backend, follow } = await setUp({ watchCommits: 4 });
    const open = () => follow({ name: "mine" }, { bookmarkIntervalMs: 100 });
    const watches: Watch[] = [];
    while (watches.length < MANY) watches.push(await open());
    const [first, ...others] = watches;
    const next = first?.next();
    let woken = 0;
    for (const watch of others) expect(watch.sleep?.(sleeper(() => (woken += 1)))).toBe(true);
    const beganMs = cluster.clock.monotonic();
    await putAll(
      backend,
      Array.from({ length: 10 }, (_, at) => `x${at}`),
    );
    await cluster.clock.advance(beganMs + 99.5 - cluster.clock.monotonic());
    await putAll(backend, ["mine"]);
    await cluster.clock.advance(5);
    expect([woken, namesOf(await next)]).toEqual([MANY - 1, ["mine"]]);
    expect(others.map(takeAll)).toEqual(others.map(() => ["mine"]));
  });
});

describe("a routed watch that is closed while its replica answers", () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  /** Opens a watch, closes it so many microtasks after its page or the end of its snapshot came, and counts the watches that stay open at replicas. */
  async function leftOpen(depth: number, resumes: boolean): Promise<number> {
    const { cluster, backend } = await setUp();
    const [version] = await putAll(backend, ["a", "b"]);
    let closeSoon = (): void => undefined;
    const open = new Set<Watch>();
    const links = TestLink.prototype;
    const [listAt, watchAt] = [Reflect.get(links, "list"), Reflect.get(links, "watch")] as const;
    jest.spyOn(links, "list").mockImplementation(async function (this: TestLink, ...asked) {
      const page = await listAt.apply(this, asked);
      closeSoon();
      return page;
    });
    jest.spyOn(links, "watch").mockImplementation(function (this: TestLink, ...asked) {
      const opened = watchAt.apply(this, asked);
      const [next, close] = [opened.next.bind(opened), opened.close.bind(opened)];
      open.add(opened);
      opened.next = async () => {
        const batch = await next();
        if (batch?.kind === "endOfSnapshot") closeSoon();
        return batch;
      };
      opened.close = () => {
        open.delete(opened);
        close();
      };
      return opened;
    });
    // Who resumes goes over to the watch that another reads.
    const other = resumes ? backend.watch(ALL) : undefined;
    if (other !== undefined) await snapshotOf(other);
    await cluster.clock.advance(600);
    const watch = backend.watch(ALL, resumes ? { since: { version: toVersion(version ?? 0) } } : {});
    closeSoon = () => {
      let left = depth;
      const step = (): void => (left-- === 0 ? watch.close() : queueMicrotask(step));
      step();
    };
    for (let batches = 0; batches < 3; batches++)
      await Promise.all([watch.next(), cluster.clock.advance(600)]);
    other?.close();
    await cluster.clock.advance(6_000);
    const left = open.size;
    jest.restoreAllMocks();
    await backend.close();
    return left;
  }

  it.each([false, true])("leaves nothing open there, whenever that is (resumes: %s)", async (resumes) => {
    const left: number[] = [];
    for (let depth = 0; depth < 16; depth++) left.push(await leftOpen(depth, resumes));
    expect(left).toEqual(left.map(() => 0));
  });
});

describe("what routed watches offer at once", () => {
  it("is the same for all that stand at the same point and ask alike, and counts once it is taken", async () => {
    const { backend, follow, turns } = await setUp();
    const watches = [await follow(), await follow(), await follow({ namePrefix: "b" })];
    await putAll(backend, ["a", "b"]);
    await turns();
    const offered: (readonly CommitBatch[])[] = [];
    const look = taker((commits) => offered.push(commits) > watches.length);
    for (const watch of watches) expect(watch.offer?.(look)).toBe(false);
    expect(offered.map((commits) => commits.map(namesOf))).toEqual([[["a"], ["b"]], [["a"], ["b"]], [["b"]]]);
    expect(offered[0]).toBe(offered[1]);
    const [first, ...others] = watches;
    expect(first?.offer?.(look)).toBe(true);
    expect([first?.take(), first?.offer?.(look)]).toEqual([undefined, false]);
    expect(others.map((watch) => namesOf(watch.take()))).toEqual([["a"], ["b"]]);
  });

  it("moves on where a watch resumes, and what its reads show", async () => {
    const { cluster, backend, follow, turns } = await setUp({ servers: ["node-3:7511", "node-2:7511"] });
    cluster.node(2).isBehind = true;
    const watch = await follow({}, { bookmarkIntervalMs: 1_000 });
    const [version] = await putAll(backend, ["a"]);
    await turns();
    expect(watch.offer?.(taker(() => true))).toBe(true);
    expect(watch.sleep?.(sleeper(() => undefined))).toBe(true);
    cluster.network.setDown("node-3:7511", true);
    await turns();
    const seen = outcomeOf(backend.read({ ...ALL, partition: "p", namespace: "n", name: "a" }));
    await turns();
    expect(seen.state).toBe("pending");
    cluster.node(2).isBehind = false;
    cluster.node(2).catchUp();
    await turns();
    expect([seen.state, version]).toEqual(["done", expect.any(Number)]);
  });
});
