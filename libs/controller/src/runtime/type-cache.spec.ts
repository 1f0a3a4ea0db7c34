import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "@jest/globals";
import { FestivalSchema } from "@trellis/protos/trellis/demo/v2/demo_pb";
import { IDSchema, ReferenceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { resourceType, type TypedResource } from "@trellis/resource";

import { defineController, index } from "../define.ts";
import { requestOf } from "../mappers.ts";
import { Album, album, createAlbumCache, namesOf, request } from "../test-support/albums.ts";
import { createCacheView } from "./cache-view.ts";
import { keyOf } from "./request-key.ts";
import { cacheKey, TypeCache } from "./type-cache.ts";

const byYear = index({ name: "year", type: Album, keys: ({ data }) => [String(data.yearOfRelease)] });
const byTrack = index({ name: "track", type: Album, keys: ({ data }) => data.tracks });
const byTitle = index({ name: "title", type: Album, keys: ({ data }) => [data.title] });

const one = album("one", { title: "food", yearOfRelease: 2023, tracks: ["foo", "bar"] });
const two = album("two", { title: "foo", yearOfRelease: 2023, tracks: ["fangorn", "bar"] });

describe("a cache", () => {
  it("C055, C063, C170: forgets what goes, under all of its keys", () => {
    const { view, put, remove } = createAlbumCache(byYear, byTrack, byTitle);
    for (const resource of [one, two]) put(resource);
    remove(one);
    expect(view.get(Album, request("one"))).toBeUndefined();
    expect(namesOf(view.byIndex(byYear, "2023"))).toEqual(["two"]);
    expect(view.byIndex(byTrack, "foo")).toEqual([]);
    expect(namesOf(view.byIndexParents(byTitle, "food"))).toEqual(["two"]);
    expect(namesOf(view.list(Album))).toEqual(["two"]);
  });

  it("C169: has several under one key, and one in its own place when it comes again", () => {
    const { cache, view, put } = createAlbumCache(byYear);
    for (const resource of [two, one, album("three", { yearOfRelease: 2023 })]) put(resource);
    put(album("one", { yearOfRelease: 2023, title: "new" }, { version: "2" }));
    expect(view.byIndex(byYear, "2023").map(({ data }) => data.title)).toEqual(["new", "", "foo"]);
    expect(cache.size).toBe(3);
  });

  it("forgets the old keys of what changes", () => {
    const { view, put } = createAlbumCache(byYear, byTrack);
    put(one);
    put(album("one", { yearOfRelease: 2024, tracks: ["foo"] }));
    expect(view.byIndex(byYear, "2023")).toEqual([]);
    expect(view.byIndex(byTrack, "bar")).toEqual([]);
    expect(namesOf(view.byIndex(byTrack, "foo"))).toEqual(["one"]);
  });

  it("C171, C172: takes the going of what is not there for nothing, also where others are under its keys", () => {
    const { cache, view, put, remove } = createAlbumCache(byYear);
    put(one);
    expect(remove(two)).toMatchObject({ previous: undefined, next: undefined });
    expect(namesOf(view.byIndex(byYear, "2023"))).toEqual(["one"]);
    expect(cache.keys()).toHaveLength(1);
  });

  it("C173: keeps the two others when the first, the last and the middle of five go", () => {
    const { view, put, remove } = createAlbumCache(byYear);
    const five = ["a", "b", "c", "d", "e"].map((name) => album(name, { yearOfRelease: 2000 }));
    for (const resource of five) put(resource);
    for (const place of [0, 4, 2]) remove(five[place] ?? one);
    expect(namesOf(view.byIndex(byYear, "2000"))).toEqual(["b", "d"]);
    expect(namesOf(view.list(Album))).toEqual(["b", "d"]);
  });

  it("tells what a resource was, what it is, and under which keys of each index", () => {
    const { put, remove } = createAlbumCache(byYear, byTrack);
    put(one);
    const next = album("one", { yearOfRelease: 2024, tracks: [] });
    const change = put(next);
    expect(change).toMatchObject({ key: cacheKey(one), previous: one, next });
    expect([...change.indexKeys.values()]).toEqual([
      { previous: ["2023"], next: ["2024"] },
      { previous: ["foo", "bar"], next: [] },
    ]);
    expect([...remove(next).indexKeys.values()][0]).toEqual({ previous: ["2024"], next: [] });
  });

  it("finds what an incarnation owns, and not what another of its name does", () => {
    const { view, put } = createAlbumCache();
    put(album("mine", {}, { owner: "u1" }));
    put(album("other", {}, { owner: "u2" }));
    put(album("free"));
    expect(namesOf(view.listByOwner(Album, create(IDSchema, { uid: "u1" })))).toEqual(["mine"]);
    put(album("mine", {}, { owner: "u2" }));
    expect(view.listByOwner(Album, create(IDSchema, { uid: "u1" }))).toEqual([]);
    expect(namesOf(view.listByOwner(Album, create(IDSchema, { uid: "u2" })))).toEqual(["mine", "other"]);
  });

  it("is frozen: who changes what it holds is told at once, and others are spared", () => {
    const { view, put } = createAlbumCache();
    put(album("one", { tracks: ["a"] }));
    const cached = view.get(Album, request("one"));
    expect(() => cached?.data.tracks.push("b")).toThrow(TypeError);
    expect(() => Object.assign(cached?.data ?? {}, { title: "x" })).toThrow(TypeError);
  });

  it("C115: has a resource under its tenancy and name, whatever its uid and its version", () => {
    const first = album("one", {}, { uid: "u1", version: "1" });
    const second = album("one", {}, { uid: "u2", version: "2" });
    expect(cacheKey(first)).toBe("default\0default\0one");
    expect(cacheKey(second)).toBe(cacheKey(first));
  });

  it("C116: has it under the same key as who refers to it", () => {
    const reference = create(ReferenceSchema, { name: "one", tenancy: { partition: "p", namespace: "n" } });
    const id = create(IDSchema, { name: "one", uid: "u", tenancy: { partition: "p", namespace: "n" } });
    expect(keyOf(requestOf(reference as never))).toBe(keyOf(requestOf(id)));
  });
});

describe("an index", () => {
  it("C035, C149, C150, C179, C185: finds a resource under its one key, or under each of several", () => {
    const { view, put } = createAlbumCache(byYear, byTrack);
    put(one);
    expect(namesOf(view.byIndex(byYear, "2023"))).toEqual(["one"]);
    for (const track of ["foo", "bar"]) expect(namesOf(view.byIndex(byTrack, track))).toEqual(["one"]);
    expect(view.get(Album, request("one"))).toBeDefined();
  });

  it("C155, C156, C176, C182: finds under the keys that its function says, and under none that it does not", () => {
    const years = index({
      name: "this-century",
      type: Album,
      keys: ({ data }) => (data.yearOfRelease < 2000 ? [] : [String(data.yearOfRelease)]),
    });
    const { view, put } = createAlbumCache(years);
    put(album("old", { yearOfRelease: 1999 }));
    put(one);
    expect(view.byIndex(years, "1999")).toEqual([]);
    expect(namesOf(view.byIndex(years, "2023"))).toEqual(["one"]);
  });

  it("finds a resource once that is under one key twice, and not at all when it is gone", () => {
    const { view, put, remove } = createAlbumCache(byTrack);
    const twice = album("one", { tracks: ["a", "a"] });
    put(twice);
    put(album("two", { tracks: ["a"] }));
    expect(namesOf(view.byIndex(byTrack, "a"))).toEqual(["one", "two"]);
    remove(twice);
    expect(namesOf(view.byIndex(byTrack, "a"))).toEqual(["two"]);
  });

  it("C064, C069, C148, C154, C168, C177, C183: that fails does not find the resource; the cache keeps it, and tells the very error", () => {
    let broken = false;
    const error = new Error("broken");
    const bad = index({
      name: "bad",
      type: Album,
      keys: ({ id }) => {
        if (broken) throw error;
        return [id.name];
      },
    });
    const nonsense = index({ name: "nonsense", type: Album, keys: () => "text" as never });
    const { cache, view, put, failures } = createAlbumCache(byYear, bad);
    put(one);
    cache.addIndex(nonsense as never);
    broken = true;
    put(album("one", { yearOfRelease: 2024 }));
    expect(namesOf(view.byIndex(byYear, "2024"))).toEqual(["one"]);
    expect(view.byIndex(bad, "one")).toEqual([]);
    expect(failures.map((failure) => failure.index.name)).toEqual(["bad", "nonsense"]);
    expect(failures[0]?.error).toBe(error);
    expect(String(failures[1]?.error)).toContain('index "nonsense" must return a list of texts');
  });

  it("C157: shares nothing between two caches", () => {
    const [left, right] = [createAlbumCache(byYear), createAlbumCache(byYear)];
    left.put(one);
    expect(namesOf(left.view.byIndex(byYear, "2023"))).toEqual(["one"]);
    expect(right.view.byIndex(byYear, "2023")).toEqual([]);
  });

  it("that comes later finds what is there already, and finds nothing once it is taken away", () => {
    const { cache, view, put } = createAlbumCache();
    put(one);
    cache.addIndex(byYear as never);
    put(two);
    expect(namesOf(view.byIndex(byYear, "2023"))).toEqual(["one", "two"]);
    cache.removeIndex(byYear as never);
    expect(() => view.byIndex(byYear, "2023")).toThrow("not declared");
  });

  it("keeps to the keys that it was told, whatever its function does with the list afterwards", () => {
    const keys = ["a"];
    const changing = index({ name: "changing", type: Album, keys: () => keys });
    const { view, put } = createAlbumCache(changing);
    put(one);
    keys[0] = "b";
    put(album("one", {}, { version: "2" }));
    expect(view.byIndex(changing, "a")).toEqual([]);
    expect(namesOf(view.byIndex(changing, "b"))).toEqual(["one"]);
  });

  it("C036, C146: needs a name, of its own within a controller", () => {
    const define = (...indexes: readonly (typeof byYear)[]) =>
      defineController({
        name: "a",
        type: Album,
        indexes: indexes as never,
        reconcile: async () => undefined,
      });
    expect(() => define(byYear, { ...byTrack, name: "year" })).toThrow('"year"');
    expect(() => define({ ...byYear, name: "" })).toThrow("name");
  });
});

describe("an index of references", () => {
  const Festival = resourceType(FestivalSchema);
  const artist = (name: string) =>
    create(ReferenceSchema, {
      type: { group: "demo", groupVersion: "v2", kind: "Artist" },
      tenancy: { partition: "default", namespace: "default" },
      name,
    });
  const byArtist = index({
    name: "artists",
    type: Festival,
    keys: ({ data }) => data.artists.map(({ name }) => name),
  });
  const byHeadliner = index({
    name: "headliner",
    type: Festival,
    keys: ({ data }) => data.artists.slice(0, 1).map(({ name }) => name),
  });

  function createFestivals() {
    const cache = new TypeCache(Festival);
    for (const one of [byArtist, byHeadliner]) cache.addIndex(one as never);
    const view = createCacheView("test", new Map([[Festival.gvk, cache]]));
    const put = (name: string, ...artists: string[]): void => {
      const id = create(IDSchema, {
        name,
        uid: `uid-${name}`,
        tenancy: { partition: "default", namespace: "default" },
      });
      const data = create(FestivalSchema, { name, artists: artists.map(artist) });
      const resource: TypedResource = { id, version: "1", generation: "1", metadata: {}, status: {}, data };
      cache.apply(cacheKey(resource), resource, () => undefined);
    };
    return { view, put };
  }

  it("C187, C188: finds by the owner, and by the one reference that its function says", () => {
    const { view, put } = createFestivals();
    put("woodstock", "korn", "slipknot");
    put("ozzfest", "slipknot");
    expect(namesOf(view.byIndex(byHeadliner, "slipknot"))).toEqual(["ozzfest"]);
    const { view: albums, put: putAlbum } = createAlbumCache();
    putAlbum(album("issues", {}, { owner: "u1" }));
    expect(namesOf(albums.listByOwner(Album, create(IDSchema, { uid: "u1" })))).toEqual(["issues"]);
  });

  it("C189, C190: finds by each reference", () => {
    const { view, put } = createFestivals();
    put("woodstock", "korn", "slipknot");
    put("ozzfest", "slipknot");
    expect(namesOf(view.byIndex(byArtist, "slipknot"))).toEqual(["ozzfest", "woodstock"]);
    expect(namesOf(view.byIndex(byArtist, "korn"))).toEqual(["woodstock"]);
  });
});
