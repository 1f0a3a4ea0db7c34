import { Code } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { type Authorizer, anonymous } from "@trellis/authz";
import type { WatchEvent } from "@trellis/protos/trellis/resource/v1/resource_service_pb";

import {
  album,
  Album,
  AlbumV1,
  artist,
  Artist,
  ArtistV1,
  artistV1,
  createFixture,
  executive,
  Executive,
  expectError,
  expectInvalid,
  type Fixture,
  id,
  label,
  Label,
  LONG,
  restricted,
  stored,
  typeMessage,
  withFixture,
} from "./test-support/fixture.ts";
import { createWatches, eventually, wordsOf } from "./test-support/watching.ts";

let fixture: Fixture;
const watches = createWatches();
beforeEach(() => {
  fixture = createFixture();
});
afterEach(async () => {
  watches.stopAll();
  await fixture.server.close();
});

const watch = (request: object = {}) => watches.open(fixture.rpc, request);
const write = (...args: Parameters<typeof artist>) => fixture.rpc.write({ resource: artist(...args) });
const resourceOf = ({ event }: WatchEvent) =>
  event.case === "upsert" || event.case === "delete" ? event.value.resource : undefined;

describe("a watch's request", () => {
  it.each([
    ["T307: has no type", { type: undefined }, "type", "is required"],
    [
      "T308: has a partition in mixed case",
      { tenancy: { partition: "Default" } },
      "tenancy.partition",
      "invalid",
    ],
    ["T309: has a long partition", { tenancy: { partition: LONG } }, "tenancy.partition", "invalid"],
    [
      "T310: has a namespace in mixed case",
      { tenancy: { namespace: "Default" } },
      "tenancy.namespace",
      "invalid",
    ],
    ["T311: has a long namespace", { tenancy: { namespace: LONG } }, "tenancy.namespace", "invalid"],
    ["T312: has a prefix that no name has", { namePrefix: "Smashing" }, "name_prefix", "invalid"],
    ["has a resume point that is none", { sinceVersion: "x" }, "since_version", "must be"],
    ["has a selector that cannot be read", { selector: "a b" }, "selector", "at character"],
    ["has a name beside a prefix", { name: "a", namePrefix: "a" }, "name", "name excludes name_prefix"],
  ])("is refused: %s", async (_, wrong, field, words) => {
    await expectInvalid(watch(wrong).next(), field, words);
  });

  it.each([
    ["T313", Label, { namespace: "bad" }, "namespace"],
    ["T314", Executive, { partition: "bad" }, "partition"],
    ["T315", Executive, { namespace: "bad" }, "namespace"],
  ])("%s: is refused for a tenancy that the scope has none of", async (_, type, tenancy, unit) => {
    const call = watch({ type: typeMessage(type), tenancy }).next();
    await expectInvalid(call, `tenancy.${unit}`, `cannot have a ${unit}`, "WRONG_SCOPE");
  });

  it("T316: is refused for an unknown type", async () => {
    await withFixture({ domains: [] }, async ({ rpc }) => {
      const words = "resource type demo.v2.Artist not registered";
      await expectInvalid(watches.open(rpc).next(), "type", words, "TYPE_NOT_REGISTERED");
    });
  });
});

describe("a watch", () => {
  it("T317, T318, T319, T320: tells of creation, change and end", async () => {
    const events = watch();
    expect(await events.words(1)).toEqual(["endOfSnapshot"]);
    const created = await stored(write());
    const upsert = await events.next();
    expect([resourceOf(upsert), upsert.version]).toEqual([created, created.version]);
    const changed = await stored(write("korn", { metadata: { a: "b" } }));
    expect(resourceOf(await events.next())).toEqual(changed);
    await fixture.rpc.delete({ id: created.id });
    const end = await events.next();
    expect([wordsOf(end), resourceOf(end)]).toEqual(["delete korn DELETED", changed]);
  });

  it.each([
    ["T321", Artist, { namespace: "default" }],
    ["T322", Artist, { partition: "default" }],
    ["T323", Artist, {}],
    ["T324", Artist, { partition: "*" }],
    ["T325", Artist, { namespace: "*" }],
    ["T326", Label, {}],
    ["T327", Label, { partition: "*" }],
    ["T328", Label, { partition: "*", namespace: "*" }],
    ["T329", Executive, {}],
    ["T330", Executive, { partition: "*", namespace: "*" }],
    ["T335", Label, undefined],
  ])("%s: completes a tenancy by the type's scope", async (_, type, tenancy) => {
    const events = watch({ type: typeMessage(type), tenancy });
    expect(await events.words(1)).toEqual(["endOfSnapshot"]);
    for (const resource of [label("x"), artist("x"), executive("x")]) await fixture.rpc.write({ resource });
    expect(resourceOf(await events.next())?.id?.type?.kind).toBe(type.kind);
  });

  it("T331: tells nothing of what it cannot show, before or after", async () => {
    const events = watch({ type: typeMessage(ArtistV1) });
    expect(await events.words(1)).toEqual(["endOfSnapshot"]);
    await write("hidden");
    await write("hidden", { metadata: { a: "b" } });
    await fixture.rpc.delete({ id: id(Artist, "hidden") });
    await fixture.rpc.write({ resource: artistV1("seen") });
    expect(await events.words(1)).toEqual(["upsert seen"]);
  });

  it("shows what is written in another version of the group through the type's converter", async () => {
    const events = watch({ type: typeMessage(AlbumV1) });
    await events.next();
    await fixture.rpc.write({ resource: album() });
    const shown = resourceOf(await events.next());
    expect(shown).toEqual(await stored(fixture.rpc.read({ id: id(AlbumV1, "issues") })));
    await fixture.rpc.delete({ id: id(Album, "issues") });
    expect(resourceOf(await events.next())).toEqual(shown);
  });

  it("shows each of many watchers what it asked for, of one change", async () => {
    const queries = [
      { type: typeMessage(Album) },
      { type: typeMessage(AlbumV1) },
      { type: typeMessage(Album), selector: "team=web" },
      { type: typeMessage(Album) },
      { type: typeMessage(AlbumV1) },
    ];
    const all = queries.map((query) => watch(query));
    for (const events of all) await events.next();
    const created = await stored(
      fixture.rpc.write({ resource: album("issues", { metadata: { team: "web" } }) }),
    );
    const converted = await stored(fixture.rpc.read({ id: id(AlbumV1, "issues") }));
    const told = await Promise.all(all.map(async (events) => resourceOf(await events.next())));
    expect(told).toEqual([created, converted, created, created, converted]);
    const changed = await stored(fixture.rpc.write({ resource: album() }));
    const next = await Promise.all(all.map((events) => events.next()));
    expect(next.map(wordsOf)).toEqual([
      "upsert issues",
      "upsert issues",
      "delete issues LEFT_SELECTOR",
      "upsert issues",
      "upsert issues",
    ]);
    expect(resourceOf(next[0] as WatchEvent)).toEqual(changed);
    expect(resourceOf(next[2] as WatchEvent)).toEqual(created);
  });

  it("T336: begins with all that is there, and says once that this was all", async () => {
    for (const name of ["a", "b", "c"]) await write(name);
    const events = watch();
    expect(await events.words(4)).toEqual(["upsert a", "upsert b", "upsert c", "endOfSnapshot"]);
    await write("d");
    expect(await events.words(1)).toEqual(["upsert d"]);
  });

  it("T337: filters what follows as what was there, by prefix", async () => {
    for (const name of ["a-1", "b-1"]) await write(name);
    const events = watch({ namePrefix: "a-" });
    expect(await events.words(2)).toEqual(["upsert a-1", "endOfSnapshot"]);
    for (const name of ["b-2", "a-2"]) await write(name);
    expect(await events.words(1)).toEqual(["upsert a-2"]);
  });

  it("T339: tells of statuses", async () => {
    const korn = await stored(write());
    const events = watch();
    await events.words(2);
    const status = { observedGeneration: korn.generation };
    const written = await stored(fixture.rpc.writeStatus({ id: korn.id, key: "x.dev/y", status }));
    expect(resourceOf(await events.next())).toEqual(written);
  });

  it("T341: is never ahead of reads on the same server", async () => {
    const events = watch();
    await events.next();
    const korn = await stored(write());
    await events.next();
    expect(await stored(fixture.rpc.read({ id: korn.id }))).toEqual(korn);
    await fixture.rpc.delete({ id: korn.id });
    await events.next();
    await expectError(fixture.rpc.read({ id: korn.id }), Code.NotFound, "RESOURCE_NOT_FOUND");
  });

  it("T343: is closed in storage when its client goes", async () => {
    const backend = fixture.server.backend;
    let closed = 0;
    const opening: typeof backend.watch = (query, options) => {
      const found = backend.watch(query, options);
      return Object.assign(Object.create(found) as typeof found, {
        close() {
          closed += 1;
          found.close();
        },
        next: () => found.next(),
      });
    };
    const { rpc } = createFixture({ backend: { ...backend, watch: opening } });
    const events = watches.open(rpc);
    await events.next();
    events.stop();
    await expect(events.next()).rejects.toThrow();
    await eventually(() => expect(closed).toBe(1));
  });

  it("of one name tells of that one only", async () => {
    const events = watch({ name: "korn" });
    await events.next();
    for (const name of ["korn-2", "korn"]) await write(name);
    expect(await events.words(1)).toEqual(["upsert korn"]);
  });

  it("carries the position in its headers, before anything happens", async () => {
    const events = watch();
    await events.next();
    const { storeId, version } = fixture.server.backend.position();
    const headers = events.headers();
    expect([headers.get("trellis-store"), headers.get("trellis-version")]).toEqual([
      storeId,
      String(version),
    ]);
  });
});

describe("a watch that loses sight of a resource", () => {
  it("of its selector, gets the last state that it saw", async () => {
    const events = watch({ selector: "team=web" });
    await events.next();
    const seen = await stored(write("korn", { metadata: { team: "web" } }));
    await events.next();
    await write("korn", { metadata: { team: "data" } });
    const left = await events.next();
    expect([wordsOf(left), resourceOf(left)]).toEqual(["delete korn LEFT_SELECTOR", seen]);
    await write("korn", { metadata: { team: "data", more: "x" } });
    await write("korn", { metadata: { team: "web" } });
    expect(await events.words(1)).toEqual(["upsert korn"]);
  });

  it("of its group version, gets the last state that it saw", async () => {
    const events = watch();
    await events.next();
    const seen = await stored(write());
    await events.next();
    await fixture.rpc.write({ resource: artistV1() });
    const left = await events.next();
    expect([wordsOf(left), resourceOf(left)]).toEqual(["delete korn LEFT_GROUP_VERSION", seen]);
  });

  it("that became unreadable, gets its id and nothing of what it is now", async () => {
    const { rpc } = createFixture({
      backend: fixture.server.backend,
      authorizer: {
        decide({ verb, resource: subject }) {
          if (verb === "read" && subject === undefined) return { decision: "needsResource" };
          return subject?.metadata["secret"] === "yes"
            ? { decision: "deny", reason: "no" }
            : { decision: "allow" };
        },
      },
    });
    const events = watches.open(rpc);
    await events.next();
    await write();
    await events.next();
    await write("korn", { metadata: { secret: "yes" } });
    const lost = await events.next();
    expect(wordsOf(lost)).toBe("delete korn ACCESS_LOST");
    const { id: named, ...rest } = resourceOf(lost) ?? {};
    expect(named?.name).toBe("korn");
    expect(rest).toMatchObject({ version: "", generation: "", metadata: {}, status: {} });
    await write("korn", { metadata: { secret: "yes", more: "x" } });
    await write("muse");
    expect(await events.words(1)).toEqual(["upsert muse"]);
  });
});

describe("the caller of a watch", () => {
  it("T332: is denied without the right to list", async () => {
    const words = "lacks permission 'list demo.v2.Artist'";
    const call = watches.open(restricted(fixture)).next();
    await expectError(call, Code.PermissionDenied, "PERMISSION_DENIED", words);
  });

  it("T333: hears nothing of what it may not read", async () => {
    const rpc = restricted(fixture, "list demo.v2.Artist");
    await write("before");
    const events = watches.open(rpc, { bookmarks: true });
    expect(await events.words(1)).toEqual(["endOfSnapshot"]);
    await write("after");
    const next = events.next();
    await fixture.server.backend.close();
    await expect(next).rejects.toThrow();
  });

  it("T334: hears of what it may read", async () => {
    const events = watches.open(restricted(fixture, "list demo.v2.Artist", "read demo.v2.Artist"));
    expect(await events.words(1)).toEqual(["endOfSnapshot"]);
    const written = await stored(write());
    expect(resourceOf(await events.next())).toEqual(written);
  });

  it("T340: hears no more once its rights cannot be judged", async () => {
    let failing = false;
    const authorizer: Authorizer = {
      decide() {
        if (failing) throw new Error("secret");
        return { decision: "allow" };
      },
    };
    const events = watches.open(createFixture({ backend: fixture.server.backend, authorizer }).rpc);
    await events.next();
    failing = true;
    await write();
    await expectError(events.next(), Code.Internal, "HOOK_FAILED");
  });

  it("is told what came before a failure, and then the failure", async () => {
    const authorizer: Authorizer = {
      decide({ name }) {
        if (name === "bad") throw new Error("the rights of this one cannot be judged");
        return { decision: "allow" };
      },
    };
    const { rpc } = createFixture({ backend: fixture.server.backend, authorizer });
    const events = watches.open(rpc);
    expect(await events.words(1)).toEqual(["endOfSnapshot"]);
    await Promise.all([write("good"), write("bad")]);
    expect(await events.words(1)).toEqual(["upsert good"]);
    await expectError(events.next(), Code.Internal, "HOOK_FAILED");
  });

  it("hears no more in the middle of a snapshot when its rights change", async () => {
    const many = Array.from({ length: 300 }, (_, at) => `many-${at}`);
    for (const name of many) await write(name, { metadata: { text: "x".repeat(64_000) } });
    let changed = (): void => undefined;
    const { rpc } = createFixture({
      backend: fixture.server.backend,
      authorizer: {
        decide: () => ({ decision: "allow" }),
        onChange(_, listener) {
          changed = listener;
          return () => undefined;
        },
      },
    });
    const events = watches.open(rpc);
    await events.next();
    changed();
    const told: string[] = [];
    const reading = (async () => {
      for (;;) told.push(...(await events.words(1)));
    })();
    await expectError(reading, Code.Aborted, "AUTHORIZATION_CHANGED");
    expect(told.length).toBeLessThan(many.length - 1);
  });

  it("begins again when its rights change", async () => {
    const listeners = new Set<() => void>();
    const authorizer: Authorizer = {
      decide: () => ({ decision: "allow" }),
      onChange(identity, changed) {
        expect(identity).toEqual(anonymous);
        listeners.add(changed);
        return () => listeners.delete(changed);
      },
    };
    const events = watches.open(createFixture({ backend: fixture.server.backend, authorizer }).rpc);
    await events.next();
    const next = events.next();
    for (const changed of listeners) changed();
    await expectError(next, Code.Aborted, "AUTHORIZATION_CHANGED");
    expect(listeners.size).toBe(0);
  });
});
