import { Code } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { defineDomain } from "@trellis/controller";
import type { ID } from "@trellis/protos/trellis/resource/v1/resource_pb";

import {
  album,
  artist,
  Artist,
  ArtistV1,
  artistV1,
  createFixture,
  Executive,
  expectError,
  expectInvalid,
  type Fixture,
  id,
  label,
  Label,
  LONG,
  resource,
  AlbumV1,
  restricted,
  stored,
  ULID,
  withFixture,
} from "./test-support/fixture.ts";

let fixture: Fixture;
beforeEach(() => {
  fixture = createFixture();
});
afterEach(() => fixture.server.close());

const pinned = (parts: Parameters<typeof id>[2] = {}, name = "korn") =>
  id(Artist, name, { uid: ULID, ...parts });

async function names(owner: object): Promise<readonly string[]> {
  const { resources } = await fixture.rpc.listByOwner({ owner });
  return resources.map((found) => found.id?.name ?? "");
}

describe("the request of a list by owner", () => {
  it.each([
    ["T232: has no owner", undefined, "owner", "is required"],
    ["T233: has no type", { name: "korn", uid: ULID }, "owner.type", "is required"],
    ["T234: has an empty name", pinned({}, ""), "owner.name", "invalid"],
    ["T235: has a name in capitals", pinned({}, "U2"), "owner.name", "invalid"],
    ["T236: has a long name", pinned({}, LONG), "owner.name", "invalid"],
    [
      "T237: has a partition in mixed case",
      pinned({ tenancy: { partition: "Default" } }),
      "owner.tenancy.partition",
      "invalid",
    ],
    [
      "T238: has a long partition",
      pinned({ tenancy: { partition: LONG } }),
      "owner.tenancy.partition",
      "invalid",
    ],
    [
      "T239: has a namespace in mixed case",
      pinned({ tenancy: { namespace: "Default" } }),
      "owner.tenancy.namespace",
      "invalid",
    ],
    [
      "T240: has a long namespace",
      pinned({ tenancy: { namespace: LONG } }),
      "owner.tenancy.namespace",
      "invalid",
    ],
    ["T241: has no uid", id(Artist, "korn"), "owner.uid", "is required"],
  ])("is refused: %s", async (_, owner, field, words) => {
    const call = fixture.rpc.listByOwner(owner === undefined ? {} : { owner });
    await expectInvalid(call, field, words);
  });

  it.each([
    ["T242", id(Label, "x", { uid: ULID, tenancy: { namespace: "n" } }), "namespace"],
    ["T243", id(Executive, "x", { uid: ULID, tenancy: { partition: "p" } }), "partition"],
    ["T244", id(Executive, "x", { uid: ULID, tenancy: { namespace: "n" } }), "namespace"],
  ])("%s: is refused for a tenancy that the scope has none of", async (_, owner, unit) => {
    const call = fixture.rpc.listByOwner({ owner });
    await expectInvalid(call, `owner.tenancy.${unit}`, `cannot have a ${unit}`, "WRONG_SCOPE");
  });

  it("T245: is refused for an unknown type", async () => {
    await withFixture({ domains: [] }, async ({ rpc }) => {
      const words = "resource type demo.v2.Artist not registered";
      const call = rpc.listByOwner({ owner: pinned() });
      await expectInvalid(call, "owner.type", words, "TYPE_NOT_REGISTERED");
    });
  });
});

describe("a list by owner", () => {
  it("T246: is empty where nothing is owned", async () => {
    const korn = await stored(fixture.rpc.write({ resource: artist() }));
    expect(await names(korn.id)).toEqual([]);
  });

  it("T247: shows all that is owned, and nothing else", async () => {
    const korn = await stored(fixture.rpc.write({ resource: artist() }));
    const owned = Array.from({ length: 10 }, (_, n) => `album-${n}`);
    for (const name of owned) await fixture.rpc.write({ resource: album(name, { owner: korn.id }) });
    await fixture.rpc.write({ resource: album("free") });
    expect(await names(korn.id)).toEqual(owned);
  });

  it("shows what is owned of all types and group versions, as it is stored", async () => {
    const korn = await stored(fixture.rpc.write({ resource: artist() }));
    const v1 = resource(AlbumV1, "old", { name: "Old" }, { owner: korn.id });
    for (const next of [v1, album("new", { owner: korn.id }), artist("child", { owner: korn.id })])
      await fixture.rpc.write({ resource: next });
    const { resources } = await fixture.rpc.listByOwner({ owner: korn.id });
    const types = resources.map(({ id: one }) => `${one?.type?.groupVersion}.${one?.type?.kind}`);
    expect(new Set(types)).toEqual(new Set(["v1.Album", "v2.Album", "v2.Artist"]));
  });

  it.each([
    ["T248: an artist's partition", ArtistV1, { partition: "boguspartition" }],
    ["T249: an artist's namespace", ArtistV1, { namespace: "bogusnamespace" }],
    ["T250: a label's partition", Label, { partition: "boguspartition" }],
  ])("is empty in a tenancy that is not there: %s", async (_, type, tenancy) => {
    const owner = await stored(fixture.rpc.write({ resource: label() }));
    const owned = await stored(fixture.rpc.write({ resource: artistV1("korn", { owner: owner.id }) }));
    const { uid, name } = type === Label ? owner.id : owned.id;
    expect(await names(id(type, name, { uid, tenancy }))).toEqual([]);
  });

  it.each([
    ["T251: full", { partition: "default", namespace: "default" }],
    ["T252: no partition", { namespace: "default" }],
    ["T253: no namespace", { partition: "default" }],
    ["T254: blank", {}],
    ["T255: absent", undefined],
  ])("finds a namespaced owner whatever is left to the default: %s", async (_, tenancy) => {
    const { id: owner } = await stored(fixture.rpc.write({ resource: artist() }));
    await fixture.rpc.write({ resource: album("issues", { owner }) });
    expect(await names(id(Artist, "korn", { uid: owner.uid, tenancy }))).toEqual(["issues"]);
  });

  it.each([
    ["T256: full", { partition: "default" }],
    ["T257: blank", {}],
    ["T258: absent", undefined],
  ])("finds a partition-scoped owner: %s", async (_, tenancy) => {
    const { id: owner } = await stored(fixture.rpc.write({ resource: label() }));
    await fixture.rpc.write({ resource: artist("korn", { owner }) });
    expect(await names(id(Label, "looney-tunes", { uid: owner.uid, tenancy }))).toEqual(["korn"]);
  });

  it("T262: shows what is owned when the owner is gone", async () => {
    const { id: owner } = await stored(fixture.rpc.write({ resource: artist() }));
    await fixture.rpc.write({ resource: album("issues", { owner }) });
    await fixture.rpc.delete({ id: owner });
    expect(await names(owner)).toEqual(["issues"]);
  });

  it("T263: shows nothing that another incarnation owns", async () => {
    const { id: first } = await stored(fixture.rpc.write({ resource: artist() }));
    await fixture.rpc.delete({ id: first });
    const { id: second } = await stored(fixture.rpc.write({ resource: artist() }));
    await fixture.rpc.write({ resource: album("issues", { owner: second }) });
    expect([await names(first), await names(second)]).toEqual([[], ["issues"]]);
  });

  it("T264: leaves out what is of a type that it does not know, and shows the rest", async () => {
    const { id: owner } = await stored(fixture.rpc.write({ resource: artist() }));
    for (const next of [album("unknown", { owner }), artist("known", { owner })])
      await fixture.rpc.write({ resource: next });
    const { backend } = fixture.server;
    const { rpc } = createFixture({ backend, domains: [defineDomain({ types: [Artist] })] });
    const { resources } = await rpc.listByOwner({ owner });
    expect(resources.map((found) => found.id?.name)).toEqual(["known"]);
  });
});

describe("the caller of a list by owner", () => {
  let owner: ID;
  beforeEach(async () => {
    ({ id: owner } = await stored(fixture.rpc.write({ resource: artist() })));
    await fixture.rpc.write({ resource: album("issues", { owner }) });
  });

  it("T259: sees nothing that it may not read", async () => {
    const rpc = restricted(fixture, "list demo.v2.Artist", "read demo.v2.Artist");
    expect((await rpc.listByOwner({ owner })).resources).toEqual([]);
  });

  it("T260: sees what it may read", async () => {
    const rpc = restricted(fixture, "list demo.v2.Artist", "read demo.v2.Album");
    expect((await rpc.listByOwner({ owner })).resources).toHaveLength(1);
  });

  it("T261: is denied without the right to list the owner's type", async () => {
    const rpc = restricted(fixture, "list demo.v2.Album", "read demo.v2.Album");
    await expectError(rpc.listByOwner({ owner }), Code.PermissionDenied, "PERMISSION_DENIED");
  });
});
