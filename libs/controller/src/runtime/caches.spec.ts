import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { afterEach, describe, expect, it } from "@jest/globals";
import type { ResourceType, TypedResource } from "@trellis/resource";

import type { Transform } from "../controller.ts";
import { index } from "../define.ts";
import { createPool, type Pool } from "../test-support/pool.ts";
import { Album, Artist } from "../test-support/run.ts";
import { cacheKey } from "./type-cache.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

let pool: Pool;
afterEach(() => pool.close());

const album = async (name: string, { title = "x", color = "" } = {}): Promise<TypedResource> => {
  const metadata: Record<string, string> = color === "" ? {} : { color };
  return (await pool.client.write(Album, { name, metadata, data: { title } })).resource;
};
const titles = ({ informer: { cache } }: Awaited<ReturnType<Pool["share"]>>): unknown[] =>
  cache.keys().map((key) => (cache.get(key)?.data as { title?: string } | undefined)?.title);

describe("a pool of caches", () => {
  it("opens one watch for all who want the same, and keeps one store for them", async () => {
    pool = createPool();
    const [left, right] = [await pool.share({ type: Album }), await pool.share({ type: Album })];
    await album("one");
    await pool.clock.flush();
    expect([pool.watches(), pool.caches.size]).toEqual([1, 1]);
    expect(left.informer).toBe(right.informer);
    expect(titles(left)).toEqual(["x"]);
  });

  it("opens another for another type, selector or transform", async () => {
    pool = createPool();
    const transform: Transform = (resource) => resource;
    for (let twice = 0; twice < 2; twice++) {
      await pool.share({ type: Album });
      await pool.share({ type: Artist });
      await pool.share({ type: Album, selector: "color=red" });
      await pool.share({ type: Album, selector: "color=blue" });
      await pool.share({ type: Album, transform });
      await pool.share({ type: Album, transform: (resource) => resource });
    }
    expect([pool.watches(), pool.caches.size]).toEqual([7, 7]);
  });

  it("opens none before somebody starts a share", async () => {
    pool = createPool();
    const share = pool.caches.acquire({ type: Album });
    await pool.clock.flush();
    expect([pool.watches(), share.informer.isSynced]).toEqual([0, false]);
  });

  it("ends the watch when the last share is given back, and not before", async () => {
    pool = createPool();
    const [left, right] = [await pool.share({ type: Album }), await pool.share({ type: Album })];
    await left.release();
    await left.release();
    await album("one");
    await pool.clock.flush();
    expect([titles(right), pool.caches.size]).toEqual([["x"], 1]);
    await right.release();
    await album("two", { title: "y" });
    await pool.clock.advance(60_000);
    expect([titles(right), pool.caches.size, pool.watches()]).toEqual([["x"], 0, 1]);
  });

  it("begins anew for who comes after the last has gone", async () => {
    pool = createPool();
    await album("one");
    await (await pool.share({ type: Album })).release();
    await pool.client.delete(Album, { name: "one" });
    await album("two", { title: "y" });
    const share = await pool.share({ type: Album });
    expect([titles(share), pool.watches()]).toEqual([["y"], 2]);
  });

  it("keeps an index as long as somebody who wants it has a share, over what was there before too", async () => {
    pool = createPool();
    const byTitle = index({ name: "title", type: Album, keys: ({ data }) => [data.title] }) as never;
    const broken = index({
      name: "broken",
      type: Album,
      keys: () => {
        throw new Error("broken");
      },
    }) as never;
    await album("one");
    const plain = await pool.share({ type: Album });
    const [first, second] = [
      await pool.share({ type: Album, indexes: [byTitle, byTitle] }),
      await pool.share({ type: Album, indexes: [byTitle, broken] }),
    ];
    const find = (): readonly string[] => plain.informer.cache.entriesOf(byTitle).find("x");
    expect(find()).toHaveLength(1);
    expect(pool.lines.map(({ fields }) => fields["index"])).toEqual(["broken"]);
    await first.release();
    expect(find()).toHaveLength(1);
    await second.release();
    expect(find).toThrow("not declared");
  });

  it("keeps of a resource what the transform leaves, and its identity whatever it does", async () => {
    pool = createPool();
    const transform: Transform = ({ data }) =>
      ({ data: { ...data, title: "" }, status: {}, version: "0", id: undefined }) as never;
    const share = await pool.share({ type: Album as ResourceType, transform });
    const written = await album("one", { title: "long", color: "red" });
    await pool.clock.flush();
    const cached = share.informer.cache.get(cacheKey(written));
    expect(cached).toMatchObject({ id: written.id, version: written.version, metadata: { color: "red" } });
    expect(titles(share)).toEqual([""]);
  });

  it("keeps a resource whole whose transform throws, and tells it", async () => {
    pool = createPool();
    const transform: Transform = () => {
      throw new Error("broken");
    };
    const share = await pool.share({ type: Album, transform });
    await album("one");
    await pool.clock.flush();
    expect(titles(share)).toEqual(["x"]);
    expect(pool.lines).toMatchObject([{ level: "error", fields: { resource: { name: "one" } } }]);
  });

  it.each([
    ["nothing", undefined],
    ["a promise", Promise.resolve({})],
    ["a part of it", { data: {} }],
  ])("keeps a resource whole whose transform returns %s, and tells it", async (_, returned) => {
    pool = createPool();
    const share = await pool.share({ type: Album, transform: () => returned as never });
    await album("one");
    await pool.clock.flush();
    expect(titles(share)).toEqual(["x"]);
    expect(pool.lines.map(({ fields }) => String(fields["err"]))).toEqual([
      "TypeError: a transform must return a resource, with data and status; found none",
    ]);
  });

  it("lets go of what its transform leaves out, though the watch goes on", async () => {
    pool = createPool();
    const whole: WeakRef<object>[] = [];
    const transform: Transform = (resource) => {
      whole.push(new WeakRef(resource));
      return { ...resource, data: { ...(resource.data as object), title: "" } as never };
    };
    const share = await pool.share({ type: Album as ResourceType, transform });
    for (let number = 0; number < 20; number++) await album(`n${number}`);
    await pool.clock.flush();
    await new Promise(setImmediate);
    collectGarbage();
    expect(titles(share)).toHaveLength(20);
    expect(whole).toHaveLength(20);
    expect(whole.slice(0, -2).filter((resource) => resource.deref() !== undefined)).toHaveLength(0);
  });

  it("has of a selection what is in it, and lets go what leaves it", async () => {
    pool = createPool();
    await album("red", { color: "red" });
    await album("blue", { color: "blue" });
    const share = await pool.share({ type: Album, selector: "color=red" });
    expect(share.informer.cache.keys().map((key) => key.split("\0")[2])).toEqual(["red"]);
    await album("red", { color: "blue" });
    await album("blue", { color: "red" });
    await pool.clock.flush();
    expect(share.informer.cache.keys().map((key) => key.split("\0")[2])).toEqual(["blue"]);
  });

  it("comes to a version that a write outside of the selection made, when it is asked to", async () => {
    pool = createPool();
    const share = await pool.share({ type: Album, selector: "color=red" });
    const { version } = await album("blue", { color: "blue" });
    const before = share.informer.version;
    share.informer.refresh();
    await pool.clock.advance(1_000);
    expect(share.informer.isSelective).toBe(true);
    expect(Number(before)).toBeLessThan(Number(version));
    expect(Number(share.informer.version)).toBeGreaterThanOrEqual(Number(version));
  });
});
