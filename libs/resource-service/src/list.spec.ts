import { Code } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { createMemoryBackend } from "@trellis/storage-memory";
import { systemClock } from "@trellis/resource";

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
beforeEach(() => {
  fixture = createFixture();
});
afterEach(() => fixture.server.close());

async function names(request: object): Promise<readonly string[]> {
  const { resources } = await fixture.rpc.list(request);
  return resources.map((found) => found.id?.name ?? "");
}

describe("a list's request", () => {
  const right = { type: typeMessage(Artist), tenancy: {} };

  it.each([
    ["T199: has no type", { type: undefined }, "type", "is required"],
    ["T200: has no tenancy", { tenancy: undefined }, "tenancy", "is required"],
    [
      "T201: has a partition in mixed case",
      { tenancy: { partition: "Default" } },
      "tenancy.partition",
      "must be",
    ],
    ["T204: has a long namespace", { tenancy: { namespace: LONG } }, "tenancy.namespace", "must be"],
    ["T205: has a prefix that no name has", { namePrefix: "Violator" }, "name_prefix", "lower case"],
    ["has a selector that cannot be read", { selector: "a=(" }, "selector", "at character"],
    ["has a negative page size", { pageSize: -1 }, "page_size", ""],
  ])("is refused: %s", async (_, wrong, field, words) => {
    await expectInvalid(fixture.rpc.list({ ...right, ...wrong } as never), field, words);
  });

  it("T206, T228: is refused for a tenancy that the scope has none of", async () => {
    await expectInvalid(
      fixture.rpc.list({ type: typeMessage(Label), tenancy: { namespace: "bad" } }),
      "tenancy.namespace",
      "cannot have",
      "WRONG_SCOPE",
    );
    await expectInvalid(
      fixture.rpc.list({ type: typeMessage(Executive), tenancy: { partition: "bad" } }),
      "tenancy.partition",
      "cannot have",
      "WRONG_SCOPE",
    );
  });

  it("T207: is refused for an unknown type", async () => {
    await expectError(
      fixture.rpc.list({ type: { ...typeMessage(Artist), kind: "Nope" }, tenancy: {} }),
      Code.InvalidArgument,
      "TYPE_NOT_REGISTERED",
      "not registered",
    );
  });
});

describe("a list", () => {
  it("T208, T209, T210: shows what is there, by prefix", async () => {
    expect(await names({ type: typeMessage(Artist), tenancy: {} })).toEqual([]);
    for (let n = 0; n < 10; n++) await fixture.rpc.write({ resource: artist(`${n}-artist`) });
    expect(await names({ type: typeMessage(Artist), tenancy: {} })).toHaveLength(10);
    expect(await names({ type: typeMessage(Artist), tenancy: {}, namePrefix: "0-" })).toEqual(["0-artist"]);
  });

  it.each([
    ["T211", Artist, { namespace: "default" }],
    ["T213", Artist, {}],
    ["T214", Artist, { partition: "*" }],
    ["T215", Artist, { namespace: "*" }],
    ["T216", Label, {}],
    ["T218", Label, { partition: "*", namespace: "*" }],
    ["T219", Executive, {}],
    ["T220", Executive, { partition: "*", namespace: "*" }],
  ])("%s: of %p completes a tenancy", async (_, type, tenancy) => {
    await fixture.rpc.write({ resource: artist() });
    await fixture.rpc.write({ resource: resource(Label, "looney-tunes", { name: "x" }) });
    await fixture.rpc.write({ resource: resource(Executive, "boss", { position: "x" }) });
    expect(await names({ type: typeMessage(type), tenancy })).toHaveLength(1);
  });

  it("T221: leaves out what is stored in a version that it cannot show", async () => {
    const plain = createFixture({ domains: [{ types: [Artist, ArtistV1], hooks: [], controllers: [] }] });
    await plain.rpc.write({ resource: artist() });
    expect((await plain.rpc.list({ type: typeMessage(ArtistV1), tenancy: {} })).resources).toEqual([]);
    await plain.server.close();
  });

  it("T224, T225: is denied as a whole, or one by one", async () => {
    const denied = createFixture({
      authorizer: {
        decide: ({ verb }) =>
          verb === "list" ? { decision: "deny", reason: "no lists" } : { decision: "allow" },
      },
    });
    await expectError(
      denied.rpc.list({ type: typeMessage(Artist), tenancy: {} }),
      Code.PermissionDenied,
      "PERMISSION_DENIED",
      "no lists",
    );
    await denied.server.close();
    const some = createFixture({
      authorizer: {
        decide: ({ verb, name }) =>
          verb === "read" && name === "secret"
            ? { decision: "deny", reason: "secret" }
            : { decision: "allow" },
      },
    });
    for (const name of ["open", "secret"]) await some.rpc.write({ resource: artist(name) });
    expect(
      (await some.rpc.list({ type: typeMessage(Artist), tenancy: {} })).resources.map(
        (found) => found.id?.name,
      ),
    ).toEqual(["open"]);
    await some.server.close();
  });

  it("selects by metadata", async () => {
    await fixture.rpc.write({ resource: artist("a", { metadata: { team: "web", tier: "1" } }) });
    await fixture.rpc.write({ resource: artist("b", { metadata: { team: "data" } }) });
    expect(
      await names({ type: typeMessage(Artist), tenancy: {}, selector: "team in (web, data), !tier" }),
    ).toEqual(["b"]);
  });
});

describe("pages", () => {
  async function pages(request: object): Promise<readonly string[][]> {
    const found: string[][] = [];
    let pageToken = "";
    do {
      const page = await fixture.rpc.list({ type: typeMessage(Artist), tenancy: {}, ...request, pageToken });
      found.push(page.resources.map(({ id: one }) => one?.name ?? ""));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    return found;
  }

  it("show everything once, in order", async () => {
    for (const name of ["d", "b", "a", "e", "c"]) await fixture.rpc.write({ resource: artist(name) });
    expect(await pages({ pageSize: 2 })).toEqual([["a", "b"], ["c", "d"], ["e"]]);
    expect(await pages({ pageSize: 5 })).toEqual([["a", "b", "c", "d", "e"]]);
  });

  it("all show the version of the first, whatever is written meanwhile", async () => {
    for (const name of ["a", "b", "c"]) await fixture.rpc.write({ resource: artist(name) });
    const request = { type: typeMessage(Artist), tenancy: {}, pageSize: 2 };
    const first = await fixture.rpc.list(request);
    await fixture.rpc.write({ resource: artist("d") });
    await fixture.rpc.delete({ id: id(Artist, "c") });
    const second = await fixture.rpc.list({ ...request, pageToken: first.nextPageToken });
    expect(second.resources.map(({ id: one }) => one?.name)).toEqual(["c"]);
    expect(second.version).toBe(first.version);
  });

  it("are refused with a token of another request, or of none", async () => {
    for (const name of ["a", "b"]) await fixture.rpc.write({ resource: artist(name) });
    const { nextPageToken } = await fixture.rpc.list({ type: typeMessage(Artist), tenancy: {}, pageSize: 1 });
    for (const [pageToken, namePrefix] of [
      [nextPageToken, "a"],
      ["nonsense", ""],
      [`${nextPageToken}x`, "b"],
    ]) {
      await expectError(
        fixture.rpc.list({
          type: typeMessage(Artist),
          tenancy: {},
          pageToken: pageToken ?? "",
          namePrefix: namePrefix ?? "",
        }),
        Code.InvalidArgument,
        "INVALID_PAGE_TOKEN",
      );
    }
  });

  it("expire with the history", async () => {
    const short = createFixture({
      backend: createMemoryBackend({ clock: systemClock, random: Math.random }, { historyCommits: 2 }),
    });
    for (const name of ["a", "b", "c"]) await short.rpc.write({ resource: artist(name) });
    const request = { type: typeMessage(Artist), tenancy: {}, pageSize: 1 };
    const { nextPageToken } = await short.rpc.list(request);
    for (const name of ["d", "e", "f", "g"]) await short.rpc.write({ resource: artist(name) });
    await expectError(
      short.rpc.list({ ...request, pageToken: nextPageToken }),
      Code.OutOfRange,
      "PAGE_EXPIRED",
    );
    await short.server.close();
  });
});

describe("a list by owner", () => {
  it("T232, T241: needs an owner with its uid", async () => {
    await expectInvalid(fixture.rpc.listByOwner({}), "owner", "is required");
    await expectInvalid(fixture.rpc.listByOwner({ owner: id(Artist, "korn") }), "owner.uid", "is required");
  });

  it("T246, T247, T262, T263: shows what that incarnation owns, also when it is gone", async () => {
    const korn = await stored(fixture.rpc.write({ resource: artist() }));
    expect((await fixture.rpc.listByOwner({ owner: korn.id })).resources).toEqual([]);
    for (let n = 0; n < 10; n++)
      await fixture.rpc.write({ resource: album(`album-${n}`, { owner: korn.id }) });
    expect((await fixture.rpc.listByOwner({ owner: korn.id })).resources).toHaveLength(10);
    await fixture.rpc.delete({ id: id(Artist, "korn") });
    expect((await fixture.rpc.listByOwner({ owner: korn.id, pageSize: 4 })).resources).toHaveLength(4);
    const again = await stored(fixture.rpc.write({ resource: artist() }));
    expect((await fixture.rpc.listByOwner({ owner: again.id })).resources).toEqual([]);
  });
});
