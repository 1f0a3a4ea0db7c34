import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "@jest/globals";
import { AlbumSchema } from "@trellis/protos/trellis/demo/v2/demo_pb";
import { AlbumSchema as AlbumV1Schema } from "@trellis/protos/trellis/demo/v1/demo_pb";
import { IDSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { resourceType } from "@trellis/resource";

import type { Cache, Index } from "../cache.ts";
import { index } from "../define.ts";
import { Album, album, createAlbumCache, namesOf, request } from "../test-support/albums.ts";
import { createReaderCache } from "./reader-cache.ts";

const byYear = index({ name: "year", type: Album, keys: ({ data }) => [String(data.yearOfRelease)] });
const byTrack = index({ name: "track", type: Album, keys: ({ data }) => data.tracks });
const byName = index({ name: "name", type: Album, keys: ({ id }) => [id.name] });

const one = album("one", { yearOfRelease: 2023, tracks: ["foo", "bar", "baz"] });
const two = album("two", { yearOfRelease: 2023, tracks: ["fangorn", "zoo"] });
const third = album("foo", { yearOfRelease: 2022 });
const four = album("food", { yearOfRelease: 2020, tracks: ["nothing", "food"] });

/** A cache of the four albums. */
function createFilled() {
  const made = createAlbumCache(byYear, byTrack, byName);
  for (const resource of [four, two, third, one]) made.put(resource);
  return made;
}

/** The reads of a cache that take a type or an index. */
const READS: readonly (readonly [
  string,
  (cache: Cache, on: { type: typeof Album; index: typeof byYear }) => unknown,
])[] = [
  ["get", (cache, { type }) => cache.get(type, request("one"))],
  ["list", (cache, { type }) => cache.list(type)],
  [
    "listByPrefix",
    (cache, { type }) => cache.listByPrefix(type, "o", { partition: "default", namespace: "default" }),
  ],
  ["listByOwner", (cache, { type }) => cache.listByOwner(type, create(IDSchema, { uid: "u" }))],
  ["byIndex", (cache, { index: given }) => cache.byIndex(given, "2023")],
  ["byIndexPrefix", (cache, { index: given }) => cache.byIndexPrefix(given, "20")],
  ["byIndexParents", (cache, { index: given }) => cache.byIndexParents(given, "2023")],
];
const BY_INDEX = READS.slice(4);

describe("a look into the cache", () => {
  it("C034, C186: finds by name without an index", () => {
    const { view, put } = createAlbumCache();
    put(one);
    expect(view.get(Album, request("one"))?.id.name).toBe("one");
  });

  it("C041, C057, C160, C161: finds by name and through indexes, of one key or many", () => {
    const { view } = createFilled();
    expect(view.get(Album, request("one"))).toEqual(one);
    expect(namesOf(view.byIndex(byYear, "2022"))).toEqual(["foo"]);
    expect(namesOf(view.byIndex(byTrack, "fangorn"))).toEqual(["two"]);
    expect(view.get(Album, request("absent"))).toBeUndefined();
  });

  it("C045, C059: lists what is under one key, and under all keys that begin alike, each once and in order", () => {
    const { view } = createFilled();
    expect(namesOf(view.byIndex(byYear, "2023"))).toEqual(["one", "two"]);
    expect(namesOf(view.byIndexPrefix(byTrack, "f"))).toEqual(["food", "one", "two"]);
    expect(namesOf(view.byIndexPrefix(byTrack, "ba"))).toEqual(["one"]);
    expect(namesOf(view.byIndexPrefix(byTrack, ""))).toEqual(["food", "one", "two"]);
    expect(namesOf(view.byIndexPrefix(byTrack, "x"))).toEqual([]);
    expect(namesOf(view.byIndexPrefix(byTrack, "f", { namespace: "other" }))).toEqual([]);
  });

  it("finds by prefix what came, moved and went after the first such look", () => {
    const { view, put, remove } = createFilled();
    view.byIndexPrefix(byTrack, "");
    put(album("five", { tracks: ["fresh"] }));
    put(album("one", { tracks: ["other"] }));
    remove(two);
    expect(namesOf(view.byIndexPrefix(byTrack, "f"))).toEqual(["five", "food"]);
  });

  it("C049, C050, C061: finds what is under the beginnings of a key, the key itself among them", () => {
    const { view } = createFilled();
    const query = (cache: Cache, name: string) => cache.byIndexParents(byName, name);
    expect(namesOf(query(view, "food"))).toEqual(["foo", "food"]);
    expect(namesOf(query(view, "foo"))).toEqual(["foo"]);
    expect(namesOf(query(view, "fo"))).toEqual([]);
  });

  it("C037, C050: a query is a function over the cache, and what it throws is the caller's", () => {
    const { view } = createFilled();
    const ofYear = (cache: Cache, year: number) => cache.byIndex(byYear, String(year));
    const broken = (): never => {
      throw new Error("broken");
    };
    expect(namesOf(ofYear(view, 2022))).toEqual(["foo"]);
    expect(broken).toThrow("broken");
  });

  it.each(READS)("C043, C047, C052, C068: says of a type that it lacks how to get it: %s", (_, read) => {
    const { view } = createFilled();
    const type = { ...Album, gvk: "demo.v9.Nope", kind: "Nope" };
    const ofNope = { ...byYear, type };
    expect(() => read(view, { type, index: ofNope })).toThrow(
      'controller "test" neither manages nor watches demo.v9.Nope: add watch(Nope, …)',
    );
  });

  it.each(BY_INDEX)(
    "C044, C048, C053, C058, C060, C062, C068: says of an index that it lacks how to get it: %s",
    (_, read) => {
      const { view } = createFilled();
      const undeclared = index({ name: "nope", type: Album, keys: () => [] });
      expect(() => read(view, { type: Album, index: undeclared })).toThrow(
        'index "nope" is not declared: add it to the controller\'s indexes',
      );
    },
  );

  it.each(READS)(
    "C077, C079, C081, C083, C085, C087, C100, C101, C102, C103, C104, C105: what a look throws passes through what records it: %s",
    (_, read) => {
      const { view } = createFilled();
      const recording = createReaderCache(view, { types: new Set(), record: () => undefined });
      const type = { ...Album, gvk: "demo.v9.Nope", kind: "Nope" };
      expect(() => read(recording, { type, index: { ...byYear, type } })).toThrow("demo.v9.Nope");
    },
  );

  it.each(READS)(
    "C106, C107, C108, C109, C110, C111: finds nothing in an empty cache, and does not fail: %s",
    (_, read) => {
      const { view } = createAlbumCache(byYear);
      expect(read(view, { type: Album, index: byYear }) ?? []).toEqual([]);
    },
  );

  it("C088, C089, C090, C091, C092, C093: gives decoded resources", () => {
    const { view } = createFilled();
    const found = [
      view.get(Album, request("one")),
      ...view.list(Album),
      ...view.byIndex(byYear, "2023"),
      ...view.byIndexPrefix(byYear, "20"),
      ...view.byIndexParents(byYear, "2023"),
    ];
    expect(found).toHaveLength(1 + 4 + 2 + 4 + 2);
    for (const resource of found) expect(resource?.data.$typeName).toBe(AlbumSchema.typeName);
  });

  it.each(READS.filter(([name]) => name !== "listByOwner"))(
    "C076, C078, C080, C082, C084, C086: gives each caller the same frozen object, not a copy: %s",
    (_, read) => {
      const { view } = createFilled();
      const on = { type: Album, index: byYear };
      const [first] = [read(view, on)].flat();
      const [again] = [read(view, on)].flat();
      expect(first).toBe(again);
      expect(() => Object.assign(first as object, { version: "2" })).toThrow(TypeError);
    },
  );

  it("C123: has a type's group versions apart", () => {
    const { view } = createFilled();
    expect(() => view.list(resourceType(AlbumV1Schema))).toThrow("demo.v1.Album");
  });
});

describe("the order of the cache", () => {
  const tenancy = { partition: "default", namespace: "default" };

  it("C163: is that of partition, namespace and name, unit by unit", () => {
    const { view, put } = createAlbumCache(byName);
    for (const name of ["r2", "r123", "r1", "r11"]) put(album(name));
    put(album("a", {}, { namespace: "default-2" }));
    put(album("z", {}, { partition: "a" }));
    const names = ["r1", "r11", "r123", "r2"];
    expect(namesOf(view.list(Album))).toEqual(["z", ...names, "a"]);
    expect(namesOf(view.listByPrefix(Album, "r1", tenancy))).toEqual(["r1", "r11", "r123"]);
    expect(namesOf(view.byIndexParents(byName, "r123"))).toEqual(["r1", "r123"]);
  });

  it("C165: finds the parents of a name", () => {
    const { view, put } = createAlbumCache(byName);
    for (const name of ["r2", "r123", "r1", "r11"]) put(album(name));
    expect(namesOf(view.byIndexParents(byName, "r123"))).toEqual(["r1", "r123"]);
  });

  it("C159: walks keys that hold one and keys that hold several", () => {
    const { view, put } = createAlbumCache(byYear);
    [2001, 2002, 2002, 2003, 2004, 2004].forEach((yearOfRelease, place) =>
      put(album(`a${place}`, { yearOfRelease })),
    );
    expect(namesOf(view.byIndexPrefix(byYear, "200"))).toEqual(["a0", "a1", "a2", "a3", "a4", "a5"]);
  });

  it("C117, C118, C119: goes by whole units, and by the beginning of a name within them", () => {
    const { view, put } = createAlbumCache();
    put(album("one", {}, { partition: "a", namespace: "x" }));
    put(album("only", {}, { partition: "a", namespace: "y" }));
    put(album("other", {}, { partition: "ab", namespace: "x" }));
    expect(namesOf(view.list(Album))).toEqual(["one", "only", "other"]);
    expect(namesOf(view.list(Album, { partition: "a" }))).toEqual(["one", "only"]);
    expect(namesOf(view.list(Album, { partition: "a", namespace: "x" }))).toEqual(["one"]);
    expect(namesOf(view.list(Album, { namespace: "x" }))).toEqual(["one", "other"]);
    expect(namesOf(view.listByPrefix(Album, "on", { partition: "a", namespace: "y" }))).toEqual(["only"]);
  });

  it("C120, C121, C122: takes an absent unit and `*` for any, and an empty one for the unit of scopes that have none", () => {
    const { view, put } = createAlbumCache(byYear);
    put(album("one", {}, { partition: "a", namespace: "x" }));
    put(album("two", {}, { partition: "b", namespace: "x" }));
    put(album("wide", {}, { partition: "a", namespace: "" }));
    const everything = ["wide", "one", "two"];
    expect(namesOf(view.list(Album, {}))).toEqual(everything);
    expect(namesOf(view.list(Album, { partition: "*", namespace: "*" }))).toEqual(everything);
    expect(namesOf(view.list(Album, { partition: "a", namespace: "*" }))).toEqual(["wide", "one"]);
    expect(namesOf(view.list(Album, { namespace: "x" }))).toEqual(["one", "two"]);
    expect(namesOf(view.list(Album, { partition: "a", namespace: "" }))).toEqual(["wide"]);
    expect(namesOf(view.list(Album, { partition: "", namespace: "" }))).toEqual([]);
    expect(namesOf(view.byIndex(byYear, "0", { partition: "*", namespace: "x" }))).toEqual(["one", "two"]);
  });
});

describe("a look into the cache, for the compiler", () => {
  const { view } = createFilled();
  /** What the compiler must refuse is not run: only that it is refused counts. */
  const refused = (...never: readonly (() => unknown)[]): void => {
    for (const each of never) expect(typeof each).toBe("function");
  };

  it("C042, C046, C051: needs a type or an index", () => {
    refused(
      // @ts-expect-error C042: no type
      () => view.get(undefined, request("one")),
      // @ts-expect-error C046: no type
      () => view.list(undefined),
      // @ts-expect-error C051: no index
      () => view.byIndexParents(undefined, "one"),
    );
  });

  it("C039, C040: a query that is nothing, or that nobody wrote, cannot be called", () => {
    const query: ((cache: Cache) => unknown) | null = null;
    refused(
      // @ts-expect-error C039: there is no query
      () => query(view),
      // @ts-expect-error C040: nobody wrote it
      () => view.nobodyWroteThis("one"),
    );
  });

  it("C065, C066, C067, C125, C128, C131, C132, C137, C141, C142: needs arguments of the right type", () => {
    refused(
      // @ts-expect-error C065, C125, C137: a key is a text
      () => view.byIndex(byYear, 2023),
      // @ts-expect-error C066, C128, C141: a prefix is a text
      () => view.byIndexPrefix(byYear, 20),
      // @ts-expect-error C067, C131: a key is a text
      () => view.byIndexParents(byYear, { prefix: true }),
      // @ts-expect-error C132, C142: a filter names units
      () => view.byIndex(byYear, "2023", true),
    );
  });

  it("C124, C127, C130, C136, C140, C153, C162, C164, C166, C175, C181: needs the right number of arguments", () => {
    refused(
      // @ts-expect-error C124, C162: no name
      () => view.get(Album),
      // @ts-expect-error C127, C164: no key
      () => view.byIndex(byYear),
      // @ts-expect-error C130, C166: no key
      () => view.byIndexParents(byYear),
      // @ts-expect-error C136, C175: one too many
      () => view.get(Album, request("one"), request("two")),
      // @ts-expect-error C140, C153, C181: one too many
      () => view.byIndex(byYear, "2023", {}, {}),
    );
  });

  it("C126, C129, C133, C134, C135, C139, C144, C145, C152, C174, C180: takes a key, and a filter or none", () => {
    expect(namesOf(view.byIndex(byYear, "2022"))).toEqual(["foo"]);
    expect(namesOf(view.byIndex(byYear, "2022", { namespace: "default" }))).toEqual(["foo"]);
    expect(namesOf(view.byIndexPrefix(byYear, "202"))).toEqual(["foo", "food", "one", "two"]);
    expect(namesOf(view.byIndexPrefix(byYear, "202", { namespace: "other" }))).toEqual([]);
  });

  it("C147, C148: needs of an index that it says keys, as a list of texts", () => {
    refused(
      // @ts-expect-error C147: it says no keys
      () => index({ name: "none", type: Album }),
      // @ts-expect-error C148: a number is no list of texts
      () => index({ name: "neither", type: Album, keys: ({ data }) => data.yearOfRelease }),
    );
    const single: Index<typeof AlbumSchema> = byYear;
    expect(single.name).toBe("year");
  });
});
