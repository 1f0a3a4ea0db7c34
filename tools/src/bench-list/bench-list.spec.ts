import { describe, expect, it } from "@jest/globals";

import { type Compared, compare, median, raisedMs } from "./compare.ts";
import { Lister } from "./lister.ts";
import type { RunFigures } from "./run.ts";
import { ARTIST, createWorld, draftOf, nameOf, type World } from "./world.ts";

/** The promise, in milliseconds. By processor time it holds however busy the machine is; `npm run bench:list` also measures by the clock. */
const MAX_RAISED_MS = 20;
/** How often a run is measured. Each time there is a whole list, so that what a list does to others shows in the quietest too. */
const TIMES = 8;

describe("100,000 resources that are listed in pages during writes", () => {
  it("are exactly the set of one version, and hold up nobody for long", async () => {
    const compared = await compare({
      resources: 100_000,
      seconds: 1,
      times: TIMES,
      rounds: 2,
      pageSize: 10_000,
    });
    for (const run of compared.with) {
      expect(run.lists).toBeGreaterThanOrEqual(TIMES);
      expect(run.pages).toBeGreaterThanOrEqual(10 * TIMES);
      expect(run.writes).toBeGreaterThan(100);
    }
    expect(raisedMs(compared, "cpuMs")).toBeLessThan(MAX_RAISED_MS);
  }, 300_000);
});

describe("the lister", () => {
  /** A world whose answers a test changes. */
  async function withLists(
    change: (page: Awaited<ReturnType<World["rpc"]["list"]>>, index: number) => void,
    test: (lister: Lister) => Promise<void>,
  ): Promise<void> {
    const world = await createWorld(10);
    let index = 0;
    const list: World["rpc"]["list"] = async (request, options) => {
      const page = await world.rpc.list(request, options);
      change(page, index++);
      return page;
    };
    try {
      await test(new Lister({ ...world, rpc: { ...world.rpc, list } }, { resources: 10, pageSize: 4 }));
    } finally {
      await world.close();
    }
  }

  it("is content with what is right", async () => {
    await withLists(
      () => undefined,
      async (lister) => expect(await lister.list()).toEqual({ pages: 3, resources: 10 }),
    );
  });

  it.each([
    ["a resource is missing", /has 9 resources; expected 10/, (page) => void page.resources.shift()],
    ["a resource is there twice", /expected it once/, (page) => void page.resources.push(...page.resources)],
    [
      "a resource was never there",
      /expected it once/,
      (page) => Object.assign(page.resources[0]?.id ?? {}, { name: nameOf(10) }),
    ],
    ["a page is of another version", /expected pages of one version/, (page) => (page.version += "0")],
  ] as readonly (readonly [string, RegExp, (page: Awaited<ReturnType<World["rpc"]["list"]>>) => unknown])[])(
    "says so when %s",
    async (_, words, spoil) => {
      await withLists(
        (page, index) => void (index === 1 && spoil(page)),
        async (lister) => await expect(lister.list()).rejects.toThrow(words),
      );
    },
  );

  it("knows the versions of what was changed", async () => {
    const world = await createWorld(3);
    try {
      const lister = new Lister(world, { resources: 3, pageSize: 2 });
      await world.rpc.write({ resource: draftOf(nameOf(7), "New") });
      await world.rpc.delete({ id: { type: ARTIST, name: nameOf(0) } });
      await world.rpc.delete({ id: { type: ARTIST, name: nameOf(1) } });
      expect(await lister.list()).toEqual({ pages: 1, resources: 2 });
    } finally {
      await world.close();
    }
  });
});

describe("the figure of a comparison", () => {
  it("is the difference of the medians, so that one bad round does not decide", () => {
    const runs = (...figures: number[]) => figures.map((cpuMs) => ({ cpuMs }) as RunFigures);
    const compared: Compared = { without: runs(1, 2, 3), with: runs(7, 5, 900) };
    expect(raisedMs(compared, "cpuMs")).toBe(5);
    expect(median([4, 1])).toBe(1);
  });
});
