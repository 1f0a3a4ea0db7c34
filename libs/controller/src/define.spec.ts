import { describe, expect, it } from "@jest/globals";

import { sharded } from "./controller.ts";
import { defineController, defineDomain, index, on, watch } from "./define.ts";
import { byIndex, byName, byOwner, byReader } from "./mappers.ts";
import { source } from "./source.ts";
import { Album, Artist, Festival } from "./test-support/run.ts";

const reconcile = async (): Promise<void> => {};
const outside = source({ name: "outside", open: async function* () {}, map: () => [] });
const titles = index({ name: "titles", type: Album, keys: ({ data }) => [data.title] });

describe("a controller's definition", () => {
  it("is plain data", () => {
    const definition = { name: "a", type: Artist, watches: [watch(Album, byOwner())], reconcile };
    expect(defineController(definition)).toBe(definition);
  });

  it.each([
    ["no name", { name: " " }, "needs a name"],
    ["no workers", { concurrency: 0 }, "concurrency"],
    ["half a worker", { concurrency: 1.5 }, "concurrency"],
    ["too many workers", { concurrency: 100_000 }, "concurrency"],
    ["no type", { type: undefined as never }, "resourceType(…Schema)"],
    ["an owned type that is none", { owns: ["Album"] }, "resourceType(…Schema)"],
    ["an owned type twice", { owns: [Album, Album] }, "leave one out"],
    ["a watch without a mapper", { watches: [watch(Album, undefined as never)] }, "byReader()"],
    ["a watch of nothing", { watches: ["Album"] }, "resourceType(…Schema)"],
    [
      "a selector that cannot be read",
      { watches: [watch(Album, byOwner(), { selector: "a=b,," })] },
      "selector",
    ],
    [
      "a filter that is none",
      { watches: [watch(Album, byOwner(), { when: true as never })] },
      "when of watch(Album",
    ],
    ["a part of what it manages", { watches: [watch(Artist, byName(), { selector: "a" })] }, "use when"],
    [
      "two parts of one type",
      { watches: [watch(Album, byName(), { selector: "a" }), watch(Album, byOwner())] },
      "make them the same",
    ],
    ["a key of two words", { key: "my key" }, "one word"],
    ["a name that is no finalizer", { name: "my artists", finalize: reconcile }, "add key"],
    ["a handler that is none", { absent: {} }, "absent must be a function"],
    ["no time to run in", { timeoutMs: 0 }, "timeoutMs"],
    ["a resync all the time", { resyncMs: 0 }, "resyncMs"],
    ["an interval that shrinks", { minIntervalMs: { first: 5, longest: 1 } }, "first <= longest"],
    ["an interval of nothing", { minIntervalMs: { first: 0, longest: 1 } }, "0 < first"],
    ["a rate of nothing", { rateLimit: { perSecond: 0, burst: 1 } }, "rateLimit"],
    ["a place that is none", { placement: "everywhere" }, "sharded(n)"],
    ["a finalizer that nobody may write", { placement: "everyMember", finalize: reconcile }, "only reads"],
    ["no shards", { placement: sharded(0) }, "sharded(n)"],
    ["two sources of a name", { sources: [outside, outside] }, "rename"],
    ["an index of a type that it does not see", { indexes: [titles] }, "add watch(Album"],
    ["two indexes of a name", { watches: [watch(Album, byOwner())], indexes: [titles, titles] }, "rename"],
    ["a backoff that shrinks", { backoff: { baseMs: 5, maxMs: 1 } }, "backoff"],
    ["a backoff of nothing", { backoff: { baseMs: 0, maxMs: 1 } }, "backoff"],
    ["a backoff without an end", { backoff: { baseMs: 5, maxMs: Infinity } }, "backoff"],
    ["a rate without an end", { rateLimit: { perSecond: Infinity, burst: 1 } }, "rateLimit"],
    ["a loop that is none", { hotLoop: { runs: 0 } }, "hotLoop.runs must be a number above 0, found 0"],
    ["a loop of no time", { hotLoop: { windowMs: NaN } }, "hotLoop.windowMs"],
    ["a watch that is not there", { watches: [undefined] }, "each of watches must be a resource type"],
    ["a source that is none", { sources: [undefined] }, "each of sources must be made by source(…)"],
    ["a source of its own making", { sources: [{ name: "x" }] }, 'source "x": open must be a function'],
    ["an index that is none", { indexes: [undefined] }, "each of indexes must be made by index(…)"],
    [
      "an index without keys",
      { watches: [Album], indexes: [{ name: "x", type: Album }] },
      'index "x": keys must be a function',
    ],
    ["watches that are no list", { watches: Album }, "watches must be a list, found object"],
    ["owned types that are no list", { owns: Album }, "owns must be a list, found object"],
    ["sources that are no list", { sources: outside }, "sources must be a list, found object"],
    ["indexes that are no list", { indexes: titles }, "indexes must be a list, found object"],
    ["no placement", { placement: null }, "placement must be"],
    ["C014: no reconcile", { reconcile: undefined as never }, "no reconcile function"],
  ])("is refused with %s", (_, wrong, told) => {
    expect(() => defineController({ name: "a", type: Artist, reconcile, ...(wrong as object) })).toThrow(
      told,
    );
  });
});

it("a controller that is not there is refused", () => {
  expect(() => defineController(undefined as never)).toThrow("a controller needs a name");
});

describe("a source's definition", () => {
  it.each([
    ["no name", { name: "" }, "needs a name"],
    ["nothing to open", { open: undefined }, "open must be a function"],
    ["a key that is none", { keyOf: "id" }, "keyOf must be a function"],
  ])("is refused with %s", (_, wrong, told) => {
    const definition = { name: "outside", open: async function* () {}, map: () => [], ...wrong };
    expect(() => source(definition as never)).toThrow(told);
  });
});

describe("the compiler", () => {
  // Each function only has to compile: an error that does not come is one itself.
  it("knows the data of what is managed, owned and watched, and what may be said of it", () => {
    const compiled = () =>
      defineController({
        name: "typed",
        type: Artist,
        owns: [Album],
        watches: [Festival, watch(Album, ({ resource }) => (resource.data.title === "" ? [] : []))],
        async reconcile({ resource, cache, children, status }) {
          const name: string = resource.data.name;
          // @ts-expect-error an artist has no title
          void resource.data.title;
          const years: number[] = cache.listByOwner(Album, resource.id).map(({ data }) => data.yearOfRelease);
          await children(Album).set([{ name, data: { title: name, yearOfRelease: years[0] ?? 0 } }]);
          // @ts-expect-error a year is a number
          await children(Album).set([{ name, data: { yearOfRelease: "1999" } }]);
          // @ts-expect-error a child has a name
          await children(Album).set([{ data: { title: "x" } }]);
          // @ts-expect-error festivals are not owned
          children(Festival);
          status.set("Ready", true, { reason: "Done" });
          // @ts-expect-error a condition is true, false or "unknown"
          status.set("Ready", "yes");
          // @ts-expect-error a reason is a text
          status.set("Ready", false, { reason: 1 });
        },
        // @ts-expect-error there is no resource
        absent: async ({ resource }) => void resource,
      });
    expect(compiled).toBeInstanceOf(Function);
  });

  it("knows what results, mappers, filters and options are", () => {
    const compiled = () => {
      // @ts-expect-error a text is no result
      defineController({ name: "a", type: Artist, reconcile: async () => "done" });
      // @ts-expect-error there is no such placement
      defineController({ name: "a", type: Artist, placement: "everywhere", reconcile });
      // @ts-expect-error there is no such option
      defineController({ name: "a", type: Artist, retries: 3, reconcile });
      // @ts-expect-error a mapper gives requests
      watch(Album, () => ["korn"]);
      // @ts-expect-error an album has no name of its own
      watch(Album, byReader(), { when: ({ next }) => next?.data.name === "" });
      // @ts-expect-error a key is a text
      index({ name: "years", type: Album, keys: ({ data }) => [data.yearOfRelease] });
      watch(Album, byIndex(titles, { keyOf: ({ data }) => data.title }));
      source<number>({
        name: "numbers",
        open: async function* () {
          yield 1;
        },
        // @ts-expect-error a number is no text
        keyOf: (event) => event,
        map: () => [],
      });
    };
    expect(compiled).toBeInstanceOf(Function);
  });
});

describe("a domain", () => {
  it("brings its types, hooks and controllers", () => {
    const controller = defineController({ name: "a", type: Artist, reconcile });
    const hooks = on(Artist, { validate: () => [] });
    expect(defineDomain({ types: [Artist], hooks: [hooks], controllers: [controller] })).toEqual({
      types: [Artist],
      hooks: [hooks],
      controllers: [controller],
    });
  });

  it("is refused with hooks of another's type, and with two controllers of a name", () => {
    expect(() => defineDomain({ types: [Album], hooks: [on(Artist, {})] })).toThrow("demo.v2.Artist");
    const controller = defineController({ name: "a", type: Artist, reconcile });
    expect(() => defineDomain({ types: [Artist], controllers: [controller, controller] })).toThrow('"a"');
  });

  it.each([
    ["types", { types: [undefined] }, "types[0] must be a resource type"],
    ["types at all", {}, "types must be a list"],
    ["hooks", { types: [Artist], hooks: [undefined] }, "hooks[0] must be made by on(…)"],
    [
      "controllers",
      { types: [], controllers: [undefined] },
      "controllers[0] must be made by defineController",
    ],
  ])("is refused without its %s", (_, domain, told) => {
    expect(() => defineDomain(domain as never)).toThrow(told);
  });

  it("is refused with two controllers that sign one type with one key", () => {
    const of = (name: string, type: typeof Artist) => defineController({ name, key: "x", type, reconcile });
    const others = [of("a", Artist), of("b", Album as never)];
    expect(defineDomain({ types: [Artist], controllers: others }).controllers).toHaveLength(2);
    expect(() => defineDomain({ types: [Artist], controllers: [...others, of("c", Artist)] })).toThrow(
      'the controllers "a" and "c" sign demo.v2.Artist with one key',
    );
  });
});
