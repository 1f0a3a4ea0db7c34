import { afterEach, describe, expect, it, jest } from "@jest/globals";
import {
  type CommitTaker,
  toVersion,
  type Watch,
  type WatchBatch,
  type WatchSleeper,
} from "@trellis/storage";

import { ALL, openRouted, outcomeOf, putAll, snapshotOf, take } from "../test-support/routed.ts";
import { TestLink } from "../test-support/test-link.ts";

const sleeper = (wake: () => void): WatchSleeper => ({ wake });

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
});

describe("routed watches of one name", () => {
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

describe("what a routed watch offers at once", () => {
  it("moves on where a watch resumes, and what its reads show", async () => {
    const { cluster, backend, follow, turns } = await setUp({ servers: ["node-3:7511", "node-2:7511"] });
    cluster.node(2).isBehind = true;
    const watch = await follow({}, { bookmarkIntervalMs: 1_000 });
    const [version] = await putAll(backend, ["a"]);
    await turns();
    const taker: CommitTaker = { takeCommits: () => true };
    expect(watch.offer?.(taker)).toBe(true);
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
