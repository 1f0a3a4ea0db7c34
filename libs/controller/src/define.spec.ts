import { describe, expect, it } from "@jest/globals";

import { defineController, defineDomain, index, on, watch } from "./define.ts";
import { byOwner } from "./mappers.ts";
import { Album, Artist } from "./test-support/run.ts";

const reconcile = async (): Promise<void> => {};
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
    ["an index of a type that it does not see", { indexes: [titles] }, "add watch(Album"],
    ["two indexes of a name", { watches: [watch(Album, byOwner())], indexes: [titles, titles] }, "rename"],
    ["a backoff that shrinks", { backoff: { baseMs: 5, maxMs: 1 } }, "backoff"],
    ["a backoff of nothing", { backoff: { baseMs: 0, maxMs: 1 } }, "backoff"],
    ["C014: no reconcile", { reconcile: undefined as never }, "no reconcile function"],
  ])("is refused with %s", (_, wrong, told) => {
    expect(() => defineController({ name: "a", type: Artist, reconcile, ...(wrong as object) })).toThrow(
      told,
    );
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
});
