import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "@jest/globals";
import { AlbumSchema } from "@trellis/protos/trellis/demo/v2/demo_pb";
import { IDSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import type { TypedResource } from "@trellis/resource";

import { index } from "../define.ts";
import { Album } from "../test-support/run.ts";
import { createCacheView } from "./cache-view.ts";
import { cacheKey, type IndexFailure, TypeCache } from "./type-cache.ts";

const byYear = index({ name: "year", type: Album, keys: ({ data }) => [String(data.yearOfRelease)] });
const byTrack = index({ name: "track", type: Album, keys: ({ data }) => data.tracks });
const byTitle = index({ name: "title", type: Album, keys: ({ data }) => [data.title] });

function album(
  name: string,
  data: { readonly title?: string; readonly yearOfRelease?: number; readonly tracks?: string[] } = {},
  { namespace = "default", owner }: { readonly namespace?: string; readonly owner?: string } = {},
): TypedResource<typeof AlbumSchema> {
  const tenancy = { partition: "default", namespace };
  return {
    id: create(IDSchema, { name, uid: `uid-${name}`, tenancy }),
    owner: owner === undefined ? undefined : create(IDSchema, { name: "o", uid: owner, tenancy }),
    version: "1",
    generation: "",
    metadata: {},
    status: {},
    data: create(AlbumSchema, data),
  };
}

function createCache() {
  const cache = new TypeCache(Album);
  const failures: IndexFailure[] = [];
  for (const one of [byYear, byTrack, byTitle]) cache.addIndex(one as never);
  const put = (resource: TypedResource): unknown =>
    cache.apply(cacheKey(resource), resource, (failure) => failures.push(failure));
  const remove = (resource: TypedResource): unknown =>
    cache.apply(cacheKey(resource), undefined, (failure) => failures.push(failure));
  const view = createCacheView("test", new Map([[Album.gvk, cache]]));
  return { cache, view, put, remove, failures };
}

const names = (found: readonly TypedResource[]): string[] => found.map(({ id }) => id.name);
const request = (name: string) => ({ partition: "default", namespace: "default", name });

describe("a cache", () => {
  const one = album("one", { title: "food", yearOfRelease: 2023, tracks: ["foo", "bar"] });
  const two = album("two", { title: "foo", yearOfRelease: 2023, tracks: ["fangorn", "bar"] });
  const other = album("one", { title: "f", yearOfRelease: 2022 }, { namespace: "other" });

  it("C041, C045: finds by name and through indexes, of one key or many", () => {
    const { view, put } = createCache();
    for (const resource of [two, one, other]) put(resource);
    expect(view.get(Album, request("one"))?.data.title).toBe("food");
    expect(view.get(Album, request("three"))).toBeUndefined();
    expect(names(view.byIndex(byYear, "2023"))).toEqual(["one", "two"]);
    expect(names(view.byIndex(byTrack, "bar"))).toEqual(["one", "two"]);
    expect(names(view.byIndex(byTrack, "fangorn"))).toEqual(["two"]);
    expect(view.byIndex(byYear, "1999")).toEqual([]);
    expect(view.byIndex(byYear, "202")).toEqual([]);
  });

  it("lists in order, within a tenancy when asked", () => {
    const { view, put } = createCache();
    for (const resource of [other, two, one]) put(resource);
    expect(view.list(Album).map(({ id }) => `${id.tenancy?.namespace}/${id.name}`)).toEqual([
      "default/one",
      "default/two",
      "other/one",
    ]);
    expect(names(view.list(Album, { namespace: "other" }))).toEqual(["one"]);
    expect(names(view.byIndex(byYear, "2023", { namespace: "other" }))).toEqual([]);
    const tenancy = { partition: "default", namespace: "default" };
    expect(names(view.listByPrefix(Album, "t", tenancy))).toEqual(["two"]);
    expect(names(view.listByPrefix(Album, "", tenancy))).toEqual(["one", "two"]);
    expect(view.listByPrefix(Album, "u", tenancy)).toEqual([]);
  });

  it("C049: finds what is indexed under a beginning of the key, each once", () => {
    const { view, put } = createCache();
    for (const resource of [one, two, other]) put(resource);
    expect(names(view.byIndexParents(byTitle, "food"))).toEqual(["one", "two", "one"]);
    expect(names(view.byIndexParents(byTitle, "food", { namespace: "default" }))).toEqual(["one", "two"]);
    expect(names(view.byIndexParents(byTitle, "fo", { namespace: "default" }))).toEqual([]);
  });

  it("C055: forgets the old keys of what changes and goes", () => {
    const { view, put, remove } = createCache();
    put(one);
    put(album("one", { title: "new", yearOfRelease: 2024 }));
    expect(view.byIndex(byYear, "2023")).toEqual([]);
    expect(view.byIndex(byTrack, "foo")).toEqual([]);
    expect(names(view.byIndex(byYear, "2024"))).toEqual(["one"]);
    remove(one);
    expect(view.byIndex(byYear, "2024")).toEqual([]);
    expect(view.list(Album)).toEqual([]);
  });

  it("finds what an incarnation owns, and not what another of its name does", () => {
    const { view, put } = createCache();
    put(album("mine", {}, { owner: "u1" }));
    put(album("other", {}, { owner: "u2" }));
    put(album("free"));
    expect(names(view.listByOwner(Album, create(IDSchema, { uid: "u1" })))).toEqual(["mine"]);
    put(album("mine", {}, { owner: "u2" }));
    expect(view.listByOwner(Album, create(IDSchema, { uid: "u1" }))).toEqual([]);
  });

  it("C042, C043, C044: says which type or index it lacks, and how to get it", () => {
    const { view } = createCache();
    const unknown = { ...Album, gvk: "demo.v9.Nope", kind: "Nope" };
    expect(() => view.list(unknown)).toThrow('controller "test" neither manages nor watches demo.v9.Nope');
    const undeclared = index({ name: "nope", type: Album, keys: () => [] });
    expect(() => view.byIndex(undeclared, "x")).toThrow('index "nope" is not declared');
  });

  it("keeps a resource that an index function fails on, and finds it through the others", () => {
    const { cache, view, put, failures } = createCache();
    let broken = false;
    const bad = index({
      name: "bad",
      type: Album,
      keys: ({ id }) => {
        if (broken) throw new Error("broken");
        return [id.name];
      },
    });
    const nonsense = index({ name: "nonsense", type: Album, keys: () => "text" as never });
    cache.addIndex(bad as never);
    put(one);
    cache.addIndex(nonsense as never);
    broken = true;
    put(album("one", { yearOfRelease: 2024 }));
    expect(names(view.byIndex(byYear, "2024"))).toEqual(["one"]);
    expect(view.byIndex(bad, "one")).toEqual([]);
    expect(failures.map((failure) => failure.index.name)).toEqual(["bad", "nonsense"]);
  });

  it("is frozen: who changes what it holds is told at once, and others are spared", () => {
    const { view, put } = createCache();
    put(album("one", { tracks: ["a"] }));
    const cached = view.get(Album, request("one"));
    expect(() => cached?.data.tracks.push("b")).toThrow(TypeError);
    expect(() => Object.assign(cached?.data ?? {}, { title: "x" })).toThrow(TypeError);
  });
});
