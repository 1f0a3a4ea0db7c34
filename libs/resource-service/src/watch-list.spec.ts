import { Code } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import {
  type WatchEvent,
  WatchEvent_Delete_Reason as Reason,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { systemClock } from "@trellis/resource";
import { createMemoryBackend } from "@trellis/storage-memory";
import { createVirtualClock } from "@trellis/testing";

import {
  album,
  artist,
  Artist,
  ArtistV1,
  createFixture,
  Executive,
  expectError,
  expectInvalid,
  type Fixture,
  id,
  Label,
  LONG,
  resource,
  stored,
  typeMessage,
} from "./test-support/fixture.ts";

let fixture: Fixture;
let open: AsyncGenerator<WatchEvent>[] = [];
beforeEach(() => {
  fixture = createFixture();
});
afterEach(async () => {
  for (const events of open) await events.return(undefined);
  open = [];
  await fixture.server.close();
});

/** Opens a watch whose events a test takes one by one. */
function watch(request: object, on: Fixture = fixture): { next(): Promise<WatchEvent> } {
  const stop = new AbortController();
  const stream = on.rpc
    .watchList({ type: typeMessage(Artist), ...request }, { signal: stop.signal })
    [Symbol.asyncIterator]();
  open.push({ return: async () => stop.abort() } as never);
  return {
    async next() {
      const { value, done } = await stream.next();
      if (done === true) throw new Error("the watch ended");
      return value;
    },
  };
}

/** An event in words: `upsert korn`, `delete korn DELETED`, `endOfSnapshot`. */
function words({ event }: WatchEvent): string {
  if (event.case === "upsert") return `upsert ${event.value.resource?.id?.name}`;
  if (event.case === "delete")
    return `delete ${event.value.resource?.id?.name} ${Object.entries(Reason).find(([, value]) => value === event.value.reason)?.[0]}`;
  return event.case ?? "nothing";
}

describe("a watch's request", () => {
  it.each([
    ["T307: has no type", { type: undefined }, "type", "is required"],
    [
      "T308: has a partition in mixed case",
      { tenancy: { partition: "Default" } },
      "tenancy.partition",
      "must be",
    ],
    ["T311: has a long namespace", { tenancy: { namespace: LONG } }, "tenancy.namespace", "must be"],
    ["T312: has a prefix that no name has", { namePrefix: "Smashing" }, "name_prefix", "lower case"],
    ["has a resume point that is none", { sinceVersion: "x" }, "since_version", "must be"],
  ])("is refused: %s", async (_, wrong, field, told) => {
    await expectInvalid(watch(wrong).next(), field, told);
  });

  it("T313, T314: is refused for a tenancy that the scope has none of", async () => {
    await expectInvalid(
      watch({ type: typeMessage(Label), tenancy: { namespace: "bad" } }).next(),
      "tenancy.namespace",
      "cannot have",
      "WRONG_SCOPE",
    );
    await expectInvalid(
      watch({ type: typeMessage(Executive), tenancy: { partition: "bad" } }).next(),
      "tenancy.partition",
      "cannot have",
      "WRONG_SCOPE",
    );
  });

  it("T316: is refused for an unknown type", async () => {
    await expectError(
      watch({ type: { ...typeMessage(Artist), kind: "Nope" } }).next(),
      Code.InvalidArgument,
      "TYPE_NOT_REGISTERED",
    );
  });
});

describe("a watch", () => {
  it("T317, T318, T319, T320: tells of creation, change and end", async () => {
    const events = watch({});
    expect(words(await events.next())).toBe("endOfSnapshot");
    const created = await stored(fixture.rpc.write({ resource: artist() }));
    const upsert = await events.next();
    expect(upsert.event.case === "upsert" ? upsert.event.value.resource : undefined).toEqual(created);
    expect(upsert.version).toBe(created.version);
    await fixture.rpc.write({ resource: artist("korn", { metadata: { a: "b" } }) });
    expect(words(await events.next())).toBe("upsert korn");
    await fixture.rpc.delete({ id: created.id });
    expect(words(await events.next())).toBe("delete korn DELETED");
  });

  it("T336, T337: begins with what is there, filtered as what follows", async () => {
    for (const name of ["a-1", "a-2", "b-1"]) await fixture.rpc.write({ resource: artist(name) });
    const events = watch({ namePrefix: "a-" });
    expect([words(await events.next()), words(await events.next()), words(await events.next())]).toEqual([
      "upsert a-1",
      "upsert a-2",
      "endOfSnapshot",
    ]);
    await fixture.rpc.write({ resource: artist("b-2") });
    await fixture.rpc.write({ resource: artist("a-3") });
    expect(words(await events.next())).toBe("upsert a-3");
  });

  it.each([
    ["T323", Artist, {}],
    ["T324", Artist, { partition: "*" }],
    ["T326", Label, {}],
    ["T328", Label, { partition: "*", namespace: "*" }],
    ["T330", Executive, { partition: "*", namespace: "*" }],
    ["T335", Label, undefined],
  ])("%s: completes a tenancy", async (_, type, tenancy) => {
    const events = watch({ type: typeMessage(type), tenancy });
    await events.next();
    await fixture.rpc.write({ resource: artist("x") });
    await fixture.rpc.write({ resource: resource(Label, "x", { name: "x" }) });
    await fixture.rpc.write({ resource: resource(Executive, "x", { position: "x" }) });
    const { event } = await events.next();
    expect(event.case === "upsert" ? event.value.resource?.id?.type?.kind : undefined).toBe(type.kind);
  });

  it("of one name tells of that one only", async () => {
    const events = watch({ name: "korn" });
    await events.next();
    await fixture.rpc.write({ resource: artist("korn-2") });
    await fixture.rpc.write({ resource: artist("korn") });
    expect(words(await events.next())).toBe("upsert korn");
  });

  it("tells that a resource left the selector, with the last state that it saw", async () => {
    const events = watch({ selector: "team=web" });
    await events.next();
    await fixture.rpc.write({ resource: artist("korn", { metadata: { team: "web" } }) });
    await events.next();
    await fixture.rpc.write({ resource: artist("korn", { metadata: { team: "data" } }) });
    const left = await events.next();
    expect(words(left)).toBe("delete korn LEFT_SELECTOR");
    expect(left.event.case === "delete" ? left.event.value.resource?.metadata : undefined).toEqual({
      team: "web",
    });
    await fixture.rpc.write({ resource: artist("korn", { metadata: { team: "web" } }) });
    expect(words(await events.next())).toBe("upsert korn");
  });

  it("T331: tells that a resource left the group version", async () => {
    const plain = createFixture({ domains: [{ types: [Artist, ArtistV1], hooks: [], controllers: [] }] });
    const events = watch({}, plain);
    await events.next();
    await plain.rpc.write({ resource: artist() });
    await events.next();
    await plain.rpc.write({ resource: resource(ArtistV1, "korn", { name: "Korn" }) });
    expect(words(await events.next())).toBe("delete korn LEFT_GROUP_VERSION");
    await plain.server.close();
  });

  it("tells that a resource became unreadable, and nothing of what it is now", async () => {
    const some = createFixture({
      authorizer: {
        decide: ({ verb, resource: subject }) =>
          verb === "read" && subject?.metadata["secret"] === "yes"
            ? { decision: "deny", reason: "secret" }
            : { decision: "allow" },
      },
    });
    const events = watch({}, some);
    await events.next();
    await some.rpc.write({ resource: artist() });
    await events.next();
    await some.rpc.write({ resource: artist("korn", { metadata: { secret: "yes" } }) });
    const lost = await events.next();
    expect(words(lost)).toBe("delete korn ACCESS_LOST");
    expect(
      lost.event.case === "delete"
        ? [lost.event.value.resource?.data, lost.event.value.resource?.metadata]
        : [],
    ).toEqual([undefined, {}]);
    await some.server.close();
  });

  it("T332: needs permission to list", async () => {
    const denied = createFixture({
      authorizer: {
        decide: ({ verb }) =>
          verb === "list" ? { decision: "deny", reason: "no lists" } : { decision: "allow" },
      },
    });
    await expectError(watch({}, denied).next(), Code.PermissionDenied, "PERMISSION_DENIED");
    await denied.server.close();
  });

  it("T339: tells of statuses", async () => {
    const korn = await stored(fixture.rpc.write({ resource: artist() }));
    const events = watch({});
    await events.next();
    await events.next();
    await fixture.rpc.writeStatus({
      id: korn.id,
      key: "x.dev/y",
      status: { observedGeneration: korn.generation },
    });
    expect(words(await events.next())).toBe("upsert korn");
  });
});

describe("a watch that resumes", () => {
  it("tells what happened since, then that it reached the present", async () => {
    const first = await stored(fixture.rpc.write({ resource: artist("a") }));
    await fixture.rpc.write({ resource: artist("b") });
    await fixture.rpc.delete({ id: id(Artist, "a") });
    const events = watch({ sinceVersion: first.version });
    expect([words(await events.next()), words(await events.next()), words(await events.next())]).toEqual([
      "upsert b",
      "delete a DELETED",
      "endOfSnapshot",
    ]);
  });

  it("puts the version on the last event of a commit only", async () => {
    const events = watch({});
    await events.next();
    const write = (name: string) => ({
      operation: { case: "write" as const, value: { resource: artist(name) } },
    });
    const { version } = await fixture.rpc.transact({ operations: [write("a"), write("b")] });
    expect([(await events.next()).version, (await events.next()).version]).toEqual(["", version]);
  });

  it("learns that the history does not reach so far, and that the store is another", async () => {
    const short = createFixture({
      backend: createMemoryBackend({ clock: systemClock, random: Math.random }, { historyCommits: 1 }),
    });
    const first = await stored(short.rpc.write({ resource: artist("a") }));
    for (const name of ["b", "c", "d"]) await short.rpc.write({ resource: artist(name) });
    await expectError(watch({ sinceVersion: first.version }, short).next(), Code.OutOfRange, "HISTORY_GONE");
    await short.server.close();
    const headers = { "trellis-store": "01JDE6XJ4Z8Q6Z0000000000AA", "trellis-min-version": first.version };
    const other = fixture.rpc
      .watchList({ type: typeMessage(Artist), sinceVersion: first.version }, { headers })
      [Symbol.asyncIterator]();
    await expectError(other.next(), Code.OutOfRange, "STORE_CHANGED");
  });
});

describe("a quiet watch", () => {
  it("gets bookmarks when it asks for them, which other resources move on", async () => {
    const clock = createVirtualClock();
    const virtual = createFixture({ clock, config: { bookmarkIntervalMs: 1_000 } });
    const events = watch({ bookmarks: true }, virtual);
    await events.next();
    const { version } = await stored(virtual.rpc.write({ resource: album() }));
    const bookmark = events.next();
    await clock.advance(1_000);
    expect(words(await bookmark)).toBe("bookmark");
    expect((await bookmark).version).toBe(version);
    await virtual.server.close();
  });
});
