import { create } from "@bufbuild/protobuf";
import { AnySchema, anyUnpack } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { ArtistSchema, Genre } from "@trellis/protos/trellis/demo/v2/demo_pb";
import type { ID } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { isUlid } from "@trellis/resource";

import {
  album,
  artist,
  Artist,
  createFixture,
  executive,
  expectError,
  expectInvalid,
  type Fixture,
  id,
  label,
  LONG,
  resource,
  restricted,
  stored,
  tenancyOf,
  withFixture,
} from "./test-support/fixture.ts";

let fixture: Fixture;
beforeEach(() => {
  fixture = createFixture();
});
afterEach(() => fixture.server.close());

/** An artist in a tenancy. */
const inUnits = (tenancy: { partition?: string; namespace?: string } | undefined) =>
  artist("korn", { tenancy });

describe.each(["write", "mutateAndValidate"] as const)("the request of %s", (method) => {
  it.each([
    ["T044: has no resource", {}, "resource", "is required"],
    ["T045: has no id", { resource: {} }, "resource.id", "is required"],
    ["T046: has no type", { resource: { id: { name: "korn" } } }, "resource.id.type", "is required"],
    ["T047: has an empty name", { resource: artist("") }, "resource.id.name", "invalid"],
    ["T048: has a name in mixed case", { resource: artist("Korn") }, "resource.id.name", "invalid"],
    ["T049: has a long name", { resource: artist(LONG) }, "resource.id.name", "invalid"],
    [
      "T051: has a partition in mixed case",
      { resource: inUnits({ partition: "Default" }) },
      "resource.id.tenancy.partition",
      "invalid",
    ],
    [
      "T052: has a long partition",
      { resource: inUnits({ partition: LONG }) },
      "resource.id.tenancy.partition",
      "invalid",
    ],
    [
      "T053: has a namespace in mixed case",
      { resource: inUnits({ namespace: "Default" }) },
      "resource.id.tenancy.namespace",
      "invalid",
    ],
    [
      "T054: has a long namespace",
      { resource: inUnits({ namespace: LONG }) },
      "resource.id.tenancy.namespace",
      "invalid",
    ],
  ])("is refused: %s", async (_, request, field, words) => {
    await expectInvalid(fixture.rpc[method](request), field, words);
  });

  it("T050: is refused for a payload of another type", async () => {
    const wrong = { ...artist(), data: album().data };
    const words = "is of wrong type";
    const call = fixture.rpc[method]({ resource: wrong as never });
    await expectInvalid(call, "resource.data", words, "WRONG_DATA_TYPE");
  });

  it("is refused for a payload that is not what it says", async () => {
    const typeUrl = "type.googleapis.com/trellis.demo.v2.Artist";
    const wrong = { ...artist(), data: create(AnySchema, { typeUrl, value: Uint8Array.of(0xff) }) };
    const call = fixture.rpc[method]({ resource: wrong });
    await expectInvalid(call, "resource.data", "the bytes are not", "MALFORMED_DATA");
  });

  it("T055: is refused for what the type's rules refuse", async () => {
    const call = fixture.rpc[method]({ resource: resource(Artist, "korn", { name: "" }) });
    await expectInvalid(call, "resource.data.name", "artist.name required", "INVALID_DATA");
  });

  it("T056: is refused for a namespace of a partition-scoped type", async () => {
    const wrong = label("looney-tunes", { tenancy: { namespace: "bogus" } });
    const call = fixture.rpc[method]({ resource: wrong });
    const field = "resource.id.tenancy.namespace";
    await expectInvalid(call, field, "cannot have a namespace", "WRONG_SCOPE");
  });

  it("is refused for a tenancy of a cluster-scoped type, which could not be read back", async () => {
    const wrong = executive("boss", { tenancy: { partition: "default" } });
    const call = fixture.rpc[method]({ resource: wrong });
    const field = "resource.id.tenancy.partition";
    await expectInvalid(call, field, "cannot have a partition", "WRONG_SCOPE");
  });

  it.each([
    ["T057: has no type", { name: "korn" }, "resource.owner.type", "is required"],
    ["T058: has an empty name", id(Artist, ""), "resource.owner.name", "invalid"],
    ["T059: has a name in capitals", id(Artist, "KORN"), "resource.owner.name", "invalid"],
    ["T060: has a long name", id(Artist, LONG), "resource.owner.name", "invalid"],
    [
      "T061: has a partition in mixed case",
      id(Artist, "korn", { tenancy: { partition: "Default" } }),
      "resource.owner.tenancy.partition",
      "invalid",
    ],
    [
      "T062: has a long partition",
      id(Artist, "korn", { tenancy: { partition: LONG } }),
      "resource.owner.tenancy.partition",
      "invalid",
    ],
    [
      "T063: has a namespace in mixed case",
      id(Artist, "korn", { tenancy: { namespace: "Default" } }),
      "resource.owner.tenancy.namespace",
      "invalid",
    ],
    [
      "T064: has a long namespace",
      id(Artist, "korn", { tenancy: { namespace: LONG } }),
      "resource.owner.tenancy.namespace",
      "invalid",
    ],
  ])("is refused for an owner that %s", async (_, owner, field, words) => {
    const call = fixture.rpc[method]({ resource: album("issues", { owner: owner as ID }) });
    await expectInvalid(call, field, words);
  });

  it.each([
    ["T066: full", { partition: "default", namespace: "default" }],
    ["T067: no partition", { namespace: "default" }],
    ["T068: no namespace", { partition: "default" }],
    ["T069: blank", {}],
    ["T070: absent", undefined],
  ])("gets the default tenancy where it leaves it out: %s", async (_, tenancy) => {
    const written = await stored(fixture.rpc[method]({ resource: inUnits(tenancy) }));
    expect(written.id.tenancy).toMatchObject({ partition: "default", namespace: "default" });
    const given = [written.version, written.id.uid, written.generation].map((text) => text !== "");
    expect(given).toEqual(Array(3).fill(method === "write"));
  });

  it.each([
    ["T071: full", { partition: "default" }],
    ["T072: blank", {}],
    ["T073: absent", undefined],
  ])("gets only a partition where the type has no namespace: %s", async (_, tenancy) => {
    const call = fixture.rpc[method]({ resource: label("looney-tunes", { tenancy }) });
    expect((await stored(call)).id.tenancy).toMatchObject({ partition: "default", namespace: "" });
  });

  it.each([
    ["T074", inUnits({ partition: "boguspartition" }), "partition"],
    ["T075", inUnits({ namespace: "bogusnamespace" }), "namespace"],
    ["T076", label("looney-tunes", { tenancy: { partition: "boguspartition" } }), "partition"],
  ])("%s: is refused in a tenancy that is not there", async (_, wrong, unit) => {
    const reason = `${unit.toUpperCase()}_NOT_FOUND`;
    const call = fixture.rpc[method]({ resource: wrong });
    await expectInvalid(call, `resource.id.tenancy.${unit}`, `${unit} not found`, reason);
  });

  it.each([
    ["T077", { ap1: "marked" } as const, inUnits({ partition: "ap1", namespace: "ns1" })],
    ["T078", { "ap1/ns1": "marked" } as const, inUnits({ partition: "ap1", namespace: "ns1" })],
    ["T079", { ap1: "marked" } as const, label("looney-tunes", { tenancy: { partition: "ap1" } })],
  ])("%s: is refused in a tenancy that is being deleted", async (_, units, wrong) => {
    await withFixture({ tenancy: tenancyOf(units) }, async ({ rpc }) => {
      const words = "tenancy marked for deletion";
      const reason = "TENANCY_MARKED_FOR_DELETION";
      await expectInvalid(rpc[method]({ resource: wrong }), "resource.id.tenancy", words, reason);
    });
  });

  it("T080, T086: is refused for an unknown type", async () => {
    await withFixture({ domains: [] }, async ({ rpc }) => {
      const words = "resource type demo.v2.Artist not registered";
      const call = rpc[method]({ resource: artist() });
      await expectInvalid(call, "resource.id.type", words, "TYPE_NOT_REGISTERED");
    });
  });

  it("T081, T089: passes the type's mutation", async () => {
    const call = fixture.rpc[method]({ resource: resource(Artist, "korn", { name: "Korn" }) });
    const { data } = await stored(call);
    expect(data && anyUnpack(data, ArtistSchema)?.genre).toBe(Genre.DISCO);
  });

  it("T083, T087: is denied without the right to write", async () => {
    const rpc = restricted(fixture, "write demo.v1.Artist", "read demo.v2.Artist");
    const call = rpc[method]({ resource: artist() });
    await expectError(call, Code.PermissionDenied, "PERMISSION_DENIED", "lacks permission");
  });

  it("T084: is told what is wrong with it before it is denied", async () => {
    const call = restricted(fixture)[method]({ resource: resource(Artist, "korn", {}) });
    await expectError(call, Code.InvalidArgument, "INVALID_DATA");
  });
});

describe("the owner that a write names", () => {
  it("T065: may leave out its tenancy, which is then that of the resource", async () => {
    const owner = id(Artist, "korn") as ID;
    await withFixture({ tenancy: tenancyOf() }, async ({ rpc }) => {
      const tenancy = { partition: "ap1", namespace: "ns1" };
      const owned = () => rpc.write({ resource: album("issues", { owner, tenancy }) });
      await rpc.write({ resource: artist() });
      await expectInvalid(owned(), "resource.owner", "does not exist", "OWNER_NOT_FOUND");
      const near = await stored(rpc.write({ resource: artist("korn", { tenancy }) }));
      expect((await stored(owned())).owner).toEqual(near.id);
      const again = album("issues", { owner, tenancy, metadata: { a: "b" } });
      expect((await stored(rpc.write({ resource: again }))).owner).toEqual(near.id);
    });
  });
});

describe("mutateAndValidate", () => {
  it("T082: stores nothing, and gives neither uid nor version nor generation", async () => {
    const {
      id: named,
      version,
      generation,
    } = await stored(fixture.rpc.mutateAndValidate({ resource: artist() }));
    expect([named.uid, version, generation]).toEqual(["", "", ""]);
    await expectError(fixture.rpc.read({ id: id(Artist, "korn") }), Code.NotFound, "RESOURCE_NOT_FOUND");
  });

  it("T085: takes a status as it is", async () => {
    const status = { "x.dev/y": { observedGeneration: "" } } as never;
    const answer = await stored(fixture.rpc.mutateAndValidate({ resource: artist("korn", { status }) }));
    expect(Object.keys(answer.status)).toEqual(["x.dev/y"]);
  });
});

describe("a write", () => {
  it("T088: passes with the right to write", async () => {
    const rpc = restricted(fixture, "write demo.v2.Artist");
    expect(isUlid((await stored(rpc.write({ resource: artist() }))).id.uid)).toBe(true);
  });
});
