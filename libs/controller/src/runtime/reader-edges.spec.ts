import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "@jest/globals";
import { IDSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import type { TypedResource } from "@trellis/resource";
import fc from "fast-check";

import type { Cache, TenancyFilter } from "../cache.ts";
import { index } from "../define.ts";
import { Album, album, createAlbumCache, request } from "../test-support/albums.ts";
import { createReaderCache } from "./reader-cache.ts";
import { MAX_QUESTIONS, ReaderEdges } from "./reader-edges.ts";
import { cacheKey } from "./type-cache.ts";

const byTitle = index({ name: "title", type: Album, keys: ({ data }) => [data.title] });
const byTrack = index({ name: "track", type: Album, keys: ({ data }) => data.tracks });
const tenancy = { partition: "default", namespace: "default" };

/** A cache of albums, and who reads it. */
function createReaders() {
  const made = createAlbumCache(byTitle, byTrack);
  const edges = new ReaderEdges();
  const begin = (name: string) => {
    const run = edges.begin(name);
    const cache = createReaderCache(made.view, { types: new Set([Album.gvk]), record: run.record });
    return { cache, end: run.end };
  };
  return {
    ...made,
    edges,
    begin,
    /** A whole run of a name, which looks at something. */
    read: (name: string, look: (cache: Cache) => unknown, how: "well" | "failed" = "well"): void => {
      const { cache, end } = begin(name);
      look(cache);
      end(how);
    },
    /** Who a change concerns. */
    concerned: (resource: TypedResource | { readonly gone: TypedResource }): readonly string[] => {
      const change = "gone" in resource ? made.remove(resource.gone) : made.put(resource);
      return [...edges.concernedBy(Album.gvk, change)].sort();
    },
  };
}

describe("the readers of a cache", () => {
  it("C221: are nobody before anybody has looked, and forgetting a stranger is nothing", () => {
    const { edges, concerned } = createReaders();
    edges.forget("nobody");
    expect(concerned(album("one"))).toEqual([]);
    expect(edges.size).toEqual({ names: 0, questions: 0 });
  });

  it("C222, C223: are concerned by what they looked at, and by what was not there when they did", () => {
    const { read, concerned } = createReaders();
    const look = (cache: Cache): unknown => cache.get(Album, request("one"));
    read("a", look);
    expect(concerned(album("one"))).toEqual(["a"]);
    expect(concerned(album("two"))).toEqual([]);
    read("a", look);
    expect(concerned(album("one", {}, { version: "2" }))).toEqual(["a"]);
    expect(concerned({ gone: album("one") })).toEqual(["a"]);
    expect(concerned(album("one"))).toEqual(["a"]);
  });

  it("C224: are all those that looked at one thing", () => {
    const { read, concerned } = createReaders();
    for (const name of ["a", "b", "c"]) read(name, (cache) => cache.get(Album, request("one")));
    expect(concerned(album("one"))).toEqual(["a", "b", "c"]);
  });

  it("C225: are those of the last run: what it no longer looked at concerns them no longer", () => {
    const { edges, read, concerned } = createReaders();
    read("a", (cache) => [cache.get(Album, request("one")), cache.get(Album, request("two"))]);
    read("a", (cache) => cache.get(Album, request("two")));
    expect(concerned(album("one"))).toEqual([]);
    expect(concerned(album("two"))).toEqual(["a"]);
    expect(edges.size).toEqual({ names: 1, questions: 1 });
  });

  it("C227: are nobody once they are forgotten", () => {
    const { edges, read, concerned } = createReaders();
    for (const name of ["a", "b"]) read(name, (cache) => cache.get(Album, request("one")));
    edges.forget("a");
    expect(concerned(album("one"))).toEqual(["b"]);
    edges.forget("b");
    expect(edges.size).toEqual({ names: 0, questions: 0 });
  });

  it("C228: have questions about any type, each on its own", () => {
    const edges = new ReaderEdges();
    const run = edges.begin("a");
    run.record({ kind: "get", type: "demo.v1.Album", key: cacheKey(album("one")) });
    run.record({ kind: "list", type: "demo.v2.Artist" });
    run.end("well");
    const { put } = createAlbumCache();
    const change = put(album("one"));
    const concerned = ["demo.v1.Album", "demo.v2.Artist", "demo.v2.Album"].map(
      (type) => edges.concernedBy(type, change).size,
    );
    expect(concerned).toEqual([1, 1, 0]);
  });

  it("C229, C230, C231, C232, C233, C234, C235, C236, C237: are kept by type, which the compiler asks for", () => {
    const edges = new ReaderEdges();
    const run = edges.begin("a");
    const refused = [
      // @ts-expect-error C229, C231, C232: no type
      () => run.record({ kind: "list" }),
      // @ts-expect-error C230, C233: a number is no name
      () => edges.forget(1),
      // @ts-expect-error C234, C235: a question of no kind
      () => run.record({ kind: "guess", type: Album.gvk }),
      // @ts-expect-error C236, C237: no change
      () => edges.concernedBy(Album.gvk),
    ];
    expect(refused).toHaveLength(4);
  });

  it.each<[string, (cache: Cache) => unknown, TypedResource, TypedResource]>([
    ["a list", (cache) => cache.list(Album, tenancy), album("x"), album("x", {}, { namespace: "other" })],
    ["a prefix", (cache) => cache.listByPrefix(Album, "fo", tenancy), album("foo"), album("f")],
    [
      "an owner",
      (cache) => cache.listByOwner(Album, create(IDSchema, { uid: "u1" })),
      album("x", {}, { owner: "u1" }),
      album("y", {}, { owner: "u2" }),
    ],
    [
      "a key",
      (cache) => cache.byIndex(byTitle, "t"),
      album("x", { title: "t" }),
      album("y", { title: "tt" }),
    ],
    [
      "the beginning of a key",
      (cache) => cache.byIndexPrefix(byTrack, "fo"),
      album("x", { tracks: ["bar", "foo"] }),
      album("y", { tracks: ["f"] }),
    ],
    [
      "the parents of a key",
      (cache) => cache.byIndexParents(byTitle, "food"),
      album("x", { title: "foo" }),
      album("y", { title: "foods" }),
    ],
    [
      "a key within a tenancy",
      (cache) => cache.byIndex(byTitle, "t", { namespace: "default" }),
      album("x", { title: "t" }),
      album("x", { title: "t" }, { namespace: "other" }),
    ],
  ])("are concerned by what came under %s, and by nothing beside it", (_, look, within, beside) => {
    const { read, concerned } = createReaders();
    read("a", look);
    expect(concerned(beside)).toEqual([]);
    expect(concerned(within)).toEqual(["a"]);
    expect(concerned({ gone: within })).toEqual(["a"]);
  });

  it("are concerned by both ends of what moved: by where it was and by where it is", () => {
    const { read, put, concerned } = createReaders();
    put(album("x", { title: "left" }));
    read("left", (cache) => cache.byIndex(byTitle, "left"));
    read("right", (cache) => cache.byIndex(byTitle, "right"));
    read("other", (cache) => cache.byIndex(byTitle, "other"));
    expect(concerned(album("x", { title: "right" }))).toEqual(["left", "right"]);
  });
});

describe("the readers of a cache, while they read", () => {
  const one = (cache: Cache): unknown => cache.get(Album, request("one"));
  const two = (cache: Cache): unknown => cache.get(Album, request("two"));

  it("are concerned by what the last run looked at and by what this one has", () => {
    const { read, begin, concerned } = createReaders();
    read("a", one);
    const run = begin("a");
    two(run.cache);
    expect([concerned(album("one")), concerned(album("two"))]).toEqual([["a"], ["a"]]);
    run.end("well");
    expect([concerned(album("one")), concerned(album("two"))]).toEqual([[], ["a"]]);
  });

  it("are still concerned by both after a run that failed, and by the last alone after one that did not", () => {
    const { edges, read, concerned } = createReaders();
    read("a", one);
    read("a", two, "failed");
    expect([concerned(album("one")), concerned(album("two"))]).toEqual([["a"], ["a"]]);
    read("a", () => undefined);
    expect([concerned(album("one")), concerned(album("two"))]).toEqual([[], []]);
    expect(edges.size).toEqual({ names: 0, questions: 0 });
  });

  it("have nothing recorded once the run has ended", () => {
    const { edges, begin, concerned } = createReaders();
    const run = begin("a");
    run.end("well");
    one(run.cache);
    run.end("failed");
    expect(concerned(album("one"))).toEqual([]);
    expect(edges.size).toEqual({ names: 0, questions: 0 });
  });

  it("have what the run looked at that ended last, where two overlap", () => {
    const { begin, concerned } = createReaders();
    const [former, later] = [begin("a"), begin("a")];
    one(former.cache);
    two(later.cache);
    later.end("well");
    former.end("well");
    expect([concerned(album("one")), concerned(album("two"))]).toEqual([["a"], []]);
  });
});

describe("the bounds of what readers ask", () => {
  it(`are ${MAX_QUESTIONS} questions about a type for one name; beyond, everything of the type concerns it`, () => {
    const { edges, read, concerned } = createReaders();
    const look = (count: number) => (cache: Cache) => {
      for (let place = 0; place < count; place++) cache.get(Album, request(`a${place}`));
    };
    read("within", look(MAX_QUESTIONS));
    expect(concerned(album("unrelated"))).toEqual([]);
    read("beyond", look(MAX_QUESTIONS + 1));
    expect(concerned(album("unrelated"))).toEqual(["beyond"]);
    expect(concerned(album("a7"))).toEqual(["beyond", "within"]);
    expect(edges.size).toEqual({ names: 2, questions: MAX_QUESTIONS + 1 });
    read("beyond", look(1));
    expect(concerned(album("unrelated"))).toEqual([]);
  });

  it("hold over runs that fail one after the other, too", () => {
    const { edges, read, concerned } = createReaders();
    for (let run = 0; run <= MAX_QUESTIONS; run++)
      read("a", (cache) => cache.get(Album, request(`a${run}`)), "failed");
    expect(concerned(album("unrelated"))).toEqual(["a"]);
    expect(edges.size).toEqual({ names: 1, questions: 1 });
  });

  it("are one question for all about a type, once everything of it concerns the name", () => {
    const { edges, read } = createReaders();
    read("a", (cache) => {
      for (let place = 0; place < 10; place++) cache.get(Album, request(`a${place}`));
      cache.list(Album);
      cache.byIndex(byTitle, "x");
    });
    expect(edges.size.questions).toBe(1);
  });
});

const text = fc.constantFrom("", "a", "b", "aa", "ab", "ba", "aab");
const unit = fc.constantFrom(undefined, "default", "other");
const resource = fc
  .record({
    name: text,
    title: text,
    tracks: fc.array(text, { maxLength: 2 }),
    namespace: fc.constantFrom("default", "other"),
    owner: fc.constantFrom(undefined, "u1", "u2"),
  })
  .map(({ name, title, tracks, namespace, owner }) =>
    album(`n${name}`, { title, tracks }, { namespace, ...(owner !== undefined && { owner }) }),
  );
const question = fc
  .record({ kind: fc.nat(6), key: text, namespace: unit, owner: fc.constantFrom("u1", "u2") })
  .map(({ kind, key, namespace, owner }) => (cache: Cache): readonly TypedResource[] => {
    const filter: TenancyFilter = { namespace };
    const within = { partition: "default", namespace: namespace ?? "default" };
    const found = [
      () => [cache.get(Album, { ...within, name: `n${key}` })],
      () => cache.list(Album, filter),
      () => cache.listByPrefix(Album, `n${key}`, within),
      () => cache.listByOwner(Album, create(IDSchema, { uid: owner })),
      () => cache.byIndex(byTitle, key, filter),
      () => cache.byIndexPrefix(byTrack, key, filter),
      () => cache.byIndexParents(byTitle, key, filter),
    ][kind]?.();
    return (found ?? []).filter((one) => one !== undefined);
  });

describe("the readers of a cache against the answers themselves", () => {
  it("are concerned exactly when the changed resource was or is in an answer: both ends of what moved (invariant 3)", () => {
    const step = fc.record({
      changed: resource,
      gone: fc.boolean(),
      reader: fc.constantFrom("a", "b", "c"),
      questions: fc.array(question, { maxLength: 3 }),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 25 }), (steps) => {
        const { view, put, remove, edges, read } = createReaders();
        const asked = new Map<string, readonly ((cache: Cache) => readonly TypedResource[])[]>();
        for (const { changed, gone, reader, questions } of steps) {
          read(reader, (cache) => questions.map((look) => look(cache)));
          asked.set(reader, questions);
          const isIn = (): string[] =>
            [...asked]
              .filter(([, looks]) =>
                looks.some((look) => look(view).some((one) => cacheKey(one) === cacheKey(changed))),
              )
              .map(([name]) => name);
          const before = isIn();
          const change = gone ? remove(changed) : put(changed);
          if (change.previous === undefined && change.next === undefined) continue;
          const concerned = edges.concernedBy(Album.gvk, change);
          expect([...concerned].sort()).toEqual([...new Set([...before, ...isIn()])].sort());
        }
      }),
      { numRuns: 300, seed: 3 },
    );
  });
});
