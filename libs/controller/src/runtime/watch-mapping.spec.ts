import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "@jest/globals";
import { IDSchema, TypeSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import type { TypedResource } from "@trellis/resource";
import { createVirtualClock } from "@trellis/testing";

import type { Cache } from "../cache.ts";
import type { ChangeFilter } from "../change.ts";
import { changed } from "../changed.ts";
import type { Request } from "../controller.ts";
import { index } from "../define.ts";
import type { MapInput, Mapper } from "../mapper.ts";
import { byIndex, byName, byOwner, requestOf } from "../mappers.ts";
import { Album, album, createAlbumCache, namesOf, request } from "../test-support/albums.ts";
import { LONG_MAPPING_MS, MAX_STATES, WatchMapping } from "./watch-mapping.ts";
import type { Priority } from "./work-queue.ts";

const byTitle = index({ name: "title", type: Album, keys: ({ data }) => [data.title] });
const byTrack = index({ name: "track", type: Album, keys: ({ data }) => data.tracks });

/** A mapping of albums, over a cache that a test fills. */
function createMapping(map: Mapper, when?: ChangeFilter) {
  const clock = createVirtualClock();
  const made = createAlbumCache(byTitle, byTrack);
  const asked: string[] = [];
  const priorities: Priority[] = [];
  const failures: unknown[] = [];
  const lines: string[] = [];
  const line = (_: object, message: string): void => void lines.push(message);
  let everything = 0;
  const mapping = new WatchMapping(
    { type: Album, map, when },
    {
      controller: { type: Album },
      cache: made.view,
      clock,
      log: { debug: line, info: line, warn: line, error: line },
      enqueue(requests, priority) {
        asked.push(...requests.map(({ name }) => name));
        priorities.push(priority);
      },
      enqueueAll: () => (everything += 1),
      failed: (error) => failures.push(error),
    },
  );
  return {
    ...made,
    clock,
    mapping,
    asked,
    priorities,
    failures,
    lines,
    everything: () => everything,
    /** Has the mapping see a change. */
    change: async (next: TypedResource): Promise<void> => {
      mapping.changed(made.put(next));
      await clock.flush();
    },
  };
}

const names = (found: readonly (TypedResource | undefined)[]): readonly Request[] =>
  found.filter((one) => one !== undefined).map(({ id }) => requestOf(id));

/** The four ways to look from a changed album to others, by its title. */
function lookFrom(title: (input: MapInput<typeof Album.schema>) => string) {
  const map = (look: (cache: Cache, found: string) => readonly (TypedResource | undefined)[]): Mapper =>
    ((input: MapInput<typeof Album.schema>) => names(look(input.cache, title(input)))) as never;
  return {
    "one that is found": map((cache, found) => [cache.get(Album, request(found))]),
    "all under a key": byIndex(byTitle, {
      keyOf: ((resource: never) => title({ resource } as never)) as never,
    }) as Mapper,
    "all under its beginnings": map((cache, found) => cache.byIndexParents(byTitle, found)),
    "what those that are found lead to": map((cache, found) =>
      cache
        .byIndex(byTitle, found)
        .flatMap(({ data }) => data.tracks.flatMap((track) => cache.byIndex(byTrack, track))),
    ),
  };
}

const WAYS = Object.keys(lookFrom(() => "")) as (keyof ReturnType<typeof lookFrom>)[];

describe("a mapper that looks into the cache", () => {
  it.each(WAYS)(
    "C191, C192, C193, C194: that fails before it looks names nobody, and is tried again: %s",
    async (way) => {
      const error = new Error("broken");
      const { change, asked, failures, mapping } = createMapping(
        lookFrom(() => {
          throw error;
        })[way],
      );
      await change(album("a"));
      expect([asked, failures, mapping.pending]).toEqual([[], [error], 1]);
    },
  );

  it.each(WAYS)(
    "C195, C196, C197, C198: that looks for what the cache does not have names nobody, and tells it: %s",
    async (way) => {
      const undeclared = index({ name: "nope", type: Album, keys: () => [] });
      const { change, asked, failures } = createMapping(
        lookFrom(
          (({ cache, resource }: MapInput<typeof Album.schema>) =>
            (cache ?? createAlbumCache().view).byIndex(undeclared, resource.data.title)[0]?.id.name ??
            "") as never,
        )[way],
      );
      await change(album("a"));
      expect([asked, String(failures[0])]).toEqual([
        [],
        expect.stringContaining('index "nope" is not declared'),
      ]);
    },
  );

  it.each<[keyof ReturnType<typeof lookFrom>, string[]]>([
    ["one that is found", ["target"]],
    ["all under a key", ["other", "target"]],
    ["all under its beginnings", ["begins", "other", "target"]],
    ["what those that are found lead to", ["led-to"]],
  ])("C199, C200, C201, C202: names those that it finds: %s", async (way, expected) => {
    const { change, put, asked } = createMapping(lookFrom(() => "target")[way]);
    put(album("target", { title: "target" }));
    put(album("other", { title: "target", tracks: ["t"] }));
    put(album("begins", { title: "tar" }));
    put(album("led-to", { title: "x", tracks: ["t"] }));
    await change(album("changed", { title: "y" }));
    expect(asked.filter((name) => way !== "what those that are found lead to" || name !== "other")).toEqual(
      expected,
    );
  });

  it("C206, C216, C217, C218, C219, C220: may be put together of others, and one that fails fails it all", async () => {
    let broken: "first" | "second" | undefined;
    const step =
      (name: "first" | "second", found: (input: MapInput<never>) => readonly Request[]): Mapper =>
      (input) => {
        if (broken === name) throw new Error(name);
        return found(input as never);
      };
    const [first, second] = [
      step("first", ({ cache }) => names(cache.byIndex(byTitle, "left"))),
      step("second", ({ cache }) => names(cache.byIndex(byTitle, "right"))),
    ];
    const { change, put, asked, failures, clock } = createMapping(async (input) => [
      ...(await first(input)),
      ...(await second(input)),
    ]);
    put(album("a", { title: "left" }));
    put(album("b", { title: "right" }));
    await change(album("x"));
    expect(asked.splice(0)).toEqual(["a", "b"]);
    for (const name of ["first", "second"] as const) {
      broken = name;
      await change(album("x", {}, { version: name }));
      expect(asked).toEqual([]);
      broken = undefined;
      await clock.advance(60_000);
      expect(new Set(asked.splice(0))).toEqual(new Set(["a", "b"]));
    }
    expect(failures).toEqual([new Error("first"), new Error("second")]);
  });

  it("C207: names nobody when the second of its parts fails", async () => {
    const { change, asked } = createMapping(async (input) => [
      ...(await byName()(input)),
      ...(await Promise.reject<readonly Request[]>(new Error("broken"))),
    ]);
    await change(album("x"));
    expect(asked).toEqual([]);
  });
});

describe("the mappers that come with the runtime", () => {
  const tenancy = { partition: "p", namespace: "n" };
  const input = (resource: TypedResource): MapInput<never> =>
    ({ resource, cache: createAlbumCache(byTitle).view, managed: Album }) as never;
  const ownedBy = (type: Partial<Record<"group" | "groupVersion" | "kind", string>>): TypedResource => {
    const { group, groupVersion, kind } = Album;
    const owner = create(IDSchema, {
      type: create(TypeSchema, { group, groupVersion, kind, ...type }),
      name: "owner",
      uid: "u",
      tenancy,
    });
    return { ...album("a"), owner };
  };

  it("C208, C213: name the owner of the managed type", async () => {
    expect(await byOwner()(input(ownedBy({})))).toEqual([{ ...tenancy, name: "owner" }]);
  });

  it("C209, C210, C212: name nobody for what is not owned, or by another group or kind", async () => {
    expect(await byOwner()(input(album("a")))).toEqual([]);
    expect(await byOwner()(input(ownedBy({ group: "other" })))).toEqual([]);
    expect(await byOwner()(input(ownedBy({ kind: "Other" })))).toEqual([]);
  });

  it("C211: name the owner in whatever group version it was written", async () => {
    expect(await byOwner()(input(ownedBy({ groupVersion: "v1" })))).toEqual([{ ...tenancy, name: "owner" }]);
  });

  it("C020: name nobody for nothing", async () => {
    expect(await byIndex(byTitle)(input(album("a")) as never)).toEqual([]);
  });

  it("C021, C214: name the managed resource of the same name and tenancy, whatever its uid", async () => {
    const there = album("a", {}, tenancy);
    expect(await byName()(input(there))).toEqual([{ ...tenancy, name: "a" }]);
    expect(await byName()(input({ ...there, id: create(IDSchema, { ...there.id, uid: "other" }) }))).toEqual([
      { ...tenancy, name: "a" },
    ]);
  });

  it.each([
    ["default", "default"],
    ["p", "n"],
  ])("C215: see decoded data in every tenancy: %s/%s", async (partition, namespace) => {
    const titles: string[] = [];
    const { mapping, put, clock, asked } = createMapping(((given: MapInput<typeof Album.schema>) => {
      titles.push(given.resource.data.title);
      return [requestOf(given.resource.id)];
    }) as never);
    mapping.changed(put(album("a", { title: "decoded" }, { partition, namespace })));
    await clock.flush();
    expect([titles, asked]).toEqual([["decoded"], ["a"]]);
  });
});

describe("the mapping of a watch", () => {
  const seen: string[] = [];
  const note: Mapper = (({ resource }: MapInput<typeof Album.schema>) => {
    seen.push(resource.data.title);
    return [];
  }) as never;

  it("has its mapper see the changes that its filter lets through, and the coming and going of resources", async () => {
    seen.length = 0;
    const { change, remove, mapping, clock } = createMapping(note, changed.generation);
    await change(album("a", { title: "v1" }, { generation: "1" }));
    await change(album("a", { title: "v2" }, { generation: "1", version: "2" }));
    await change(album("a", { title: "v3" }, { generation: "2", version: "3" }));
    mapping.changed(remove(album("a")));
    await clock.flush();
    expect(seen).toEqual(["v1", "v2", "v3", "v3"]);
  });

  it("counts a change on which its filter fails, and tells it", async () => {
    seen.length = 0;
    const { change, failures, lines } = createMapping(note, () => {
      throw new Error("broken");
    });
    await change(album("a", { title: "v1" }));
    await change(album("a", { title: "v2" }, { version: "2" }));
    expect([seen, failures, lines]).toEqual([
      ["v1", "v1", "v2"],
      [new Error("broken")],
      ["a filter failed; the change counts"],
    ]);
  });

  it("asks with the priority of what caused it: the start, or a change, which is more urgent", async () => {
    const { change, mapping, cache, put, clock, priorities } = createMapping(byName());
    put(album("a"));
    mapping.changedAll(cache);
    await clock.flush();
    await change(album("a", {}, { version: "2" }));
    expect(priorities).toEqual(["start", "dependency"]);
  });

  it("asks for a change as a change, though the start came after it before it was mapped", async () => {
    const gate = Promise.withResolvers<readonly Request[]>();
    const { change, mapping, cache, clock, priorities } = createMapping(() => gate.promise);
    await change(album("busy"));
    await change(album("a"));
    mapping.changedAll(cache);
    gate.resolve([]);
    await clock.flush();
    expect(priorities).toEqual(["dependency", "dependency", "start"]);
  });

  it("sees states again that failed, before those that came meanwhile, each once", async () => {
    seen.length = 0;
    let broken = true;
    const { change, clock } = createMapping((input) => {
      if (broken) throw new Error("broken");
      return note(input);
    });
    await change(album("a", { title: "v1" }));
    await change(album("a", { title: "v2" }, { version: "2" }));
    broken = false;
    await clock.advance(60_000);
    expect(seen).toEqual(["v1", "v2"]);
  });

  it("asks for what a state concerns, though its mapper fails on another of the same resource for ever", async () => {
    const { change, asked, mapping, clock } = createMapping((({
      resource,
    }: MapInput<typeof Album.schema>) => {
      if (resource.data.title === "bad") throw new Error("cannot be read");
      return [request(resource.data.title)];
    }) as never);
    await change(album("a", { title: "bad" }));
    await change(album("a", { title: "good" }, { version: "2" }));
    expect(asked).toEqual(["good"]);
    await clock.advance(600_000);
    // What failed is tried on, what did not is not asked for again.
    expect([asked, mapping.pending]).toEqual([["good"], 1]);
    await change(album("a", { title: "better" }, { version: "3" }));
    expect(asked).toEqual(["good", "good", "better"]);
  });

  it.each([
    ["some of them", (version: string) => version === "7"],
    ["each of them", () => true],
  ])(
    "has everything reconciled once for states that it let go, though its mapper fails on %s",
    async (_, isBad) => {
      let broken = true;
      const gate = Promise.withResolvers<readonly Request[]>();
      const { change, mapping, clock, everything } = createMapping(({ resource }) => {
        if (resource.version === "first") return gate.promise;
        if (broken && isBad(resource.version)) throw new Error("broken");
        return [];
      });
      await change(album("a", {}, { version: "first" }));
      for (let version = 0; version <= MAX_STATES; version++)
        mapping.changed({ key: "a", previous: undefined, next: album("a", {}, { version: `${version}` }) });
      gate.resolve([]);
      await clock.advance(60_000);
      broken = false;
      await clock.advance(60_000);
      expect([everything(), mapping.pending]).toEqual([1, 0]);
    },
  );

  it("tells of a mapper that takes long, once, and of none that does not", async () => {
    const gate = Promise.withResolvers<readonly Request[]>();
    const { change, lines, asked, clock } = createMapping((({ resource }: MapInput<typeof Album.schema>) =>
      resource.id.name === "slow" ? gate.promise : [requestOf(resource.id)]) as never);
    await change(album("quick"));
    await change(album("slow"));
    await clock.advance(10 * LONG_MAPPING_MS);
    expect(lines).toEqual(["a mapper takes long; until it ends no other change of the type is mapped"]);
    gate.resolve([request("a")]);
    await clock.flush();
    expect([asked, clock.pending()]).toEqual([["quick", "a"], 0]);
  });

  it("asks for nothing after the stop", async () => {
    const gate = Promise.withResolvers<readonly Request[]>();
    const { change, mapping, put, clock, priorities, everything } = createMapping(() => gate.promise);
    await change(album("a"));
    for (let version = 0; version <= MAX_STATES; version++)
      mapping.changed(put(album("a", {}, { version: `${version}` })));
    mapping.stop();
    gate.resolve([request("a")]);
    mapping.changed(put(album("b")));
    await clock.advance(60_000);
    expect([priorities, everything(), mapping.pending, namesOf([])]).toEqual([[], 0, 0, []]);
  });
});
