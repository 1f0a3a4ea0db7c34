import { Code } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { defineDomain, on } from "@trellis/controller";
import { Condition_State, type ID, type Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { errorMetadata, errorViolations } from "@trellis/resource";

import {
  album,
  Album,
  AlbumV1,
  artist,
  Artist,
  ArtistV1,
  createFixture,
  Executive,
  executive,
  expectError,
  expectInvalid,
  expectNotApplied,
  type Fixture,
  id,
  label,
  Label,
  LONG,
  resource,
  restricted,
  stored,
  tenancyOf,
  ULID,
  withFixture,
} from "./test-support/fixture.ts";

const KEY = "x.dev/y";
const STATUS = { observedGeneration: ULID, conditions: [{ type: "Ready", state: Condition_State.TRUE }] };

let fixture: Fixture;
let korn: Resource & { id: ID };
beforeEach(async () => {
  fixture = createFixture();
  korn = await stored(fixture.rpc.write({ resource: artist() }));
});
afterEach(() => fixture.server.close());

const right = () => ({ id: korn.id, key: KEY, status: STATUS });
const pinned = (parts: Parameters<typeof id>[2] = {}, name = "korn") =>
  id(Artist, name, { uid: ULID, ...parts });
/** A status whose one condition refers to another resource. */
const referring = (reference: object) => ({
  status: {
    ...STATUS,
    conditions: [{ type: "A", resource: { type: {}, tenancy: {}, name: "x", ...reference } }],
  },
});

describe("the request of a status write", () => {
  it.each([
    ["T149: has no id", { id: undefined }, "id", "is required"],
    ["T150: has no type", { id: { name: "korn", uid: ULID } }, "id.type", "is required"],
    ["T151: has an empty name", { id: pinned({}, "") }, "id.name", "invalid"],
    ["T152: has no uid", { id: id(Artist, "korn") }, "id.uid", "is required"],
    ["T153: has a name in capitals", { id: pinned({}, "U2") }, "id.name", "invalid"],
    ["T154: has a long name", { id: pinned({}, LONG) }, "id.name", "invalid"],
    [
      "T155: has a partition in mixed case",
      { id: pinned({ tenancy: { partition: "Default" } }) },
      "id.tenancy.partition",
      "invalid",
    ],
    [
      "T156: has a long partition",
      { id: pinned({ tenancy: { partition: LONG } }) },
      "id.tenancy.partition",
      "invalid",
    ],
    [
      "T157: has a namespace in mixed case",
      { id: pinned({ tenancy: { namespace: "Default" } }) },
      "id.tenancy.namespace",
      "invalid",
    ],
    [
      "T158: has a long namespace",
      { id: pinned({ tenancy: { namespace: LONG } }) },
      "id.tenancy.namespace",
      "invalid",
    ],
    ["T159: has no key", { key: "" }, "key", "is required"],
    ["T160: has no status", { status: undefined }, "status", "is required"],
    ["T160: has a status that it removes", { remove: true }, "status", "must be absent"],
    ["T161: has no generation", { status: { conditions: [] } }, "status.observed_generation", "is required"],
    [
      "T162: has something else for a generation",
      { status: { observedGeneration: "bogus" } },
      "status.observed_generation",
      "is not valid",
    ],
    [
      "T163: has a condition without type",
      { status: { ...STATUS, conditions: [{}] } },
      "status.conditions[0].type",
      "is required",
    ],
    [
      "has a condition in a state that is none",
      { status: { ...STATUS, conditions: [{ type: "A", state: 99 as Condition_State }] } },
      "status.conditions[0].state",
      "expected one of 0 (STATE_UNKNOWN), 1 (STATE_TRUE), 2 (STATE_FALSE), found 99",
    ],
    [
      "has a condition twice",
      { status: { ...STATUS, conditions: [{ type: "A" }, { type: "A" }] } },
      "status.conditions[1].type",
      "twice",
    ],
    [
      "T164: has a reference without type",
      referring({ type: undefined }),
      "status.conditions[0].resource.type",
      "is required",
    ],
    [
      "T166: has a reference without name",
      referring({ name: "" }),
      "status.conditions[0].resource.name",
      "is required",
    ],
    [
      "T167: has a reference with a name in capitals",
      referring({ name: "U2" }),
      "status.conditions[0].resource.name",
      "invalid",
    ],
    [
      "T168: has a reference with a long name",
      referring({ name: LONG }),
      "status.conditions[0].resource.name",
      "invalid",
    ],
    [
      "T169: has a reference with a partition in mixed case",
      referring({ tenancy: { partition: "Default" } }),
      "status.conditions[0].resource.tenancy.partition",
      "invalid",
    ],
    [
      "T170: has a reference with a long partition",
      referring({ tenancy: { partition: LONG } }),
      "status.conditions[0].resource.tenancy.partition",
      "invalid",
    ],
    [
      "T171: has a reference with a namespace in mixed case",
      referring({ tenancy: { namespace: "Default" } }),
      "status.conditions[0].resource.tenancy.namespace",
      "invalid",
    ],
    [
      "T172: has a reference with a long namespace",
      referring({ tenancy: { namespace: LONG } }),
      "status.conditions[0].resource.tenancy.namespace",
      "invalid",
    ],
    [
      "T173: has a time",
      { status: { ...STATUS, updatedAt: { seconds: 1n } } },
      "status.updated_at",
      "is automatically set and cannot be provided",
    ],
  ])("is refused: %s", async (_, wrong, field, words) => {
    await expectInvalid(fixture.rpc.writeStatus({ ...right(), ...wrong } as never), field, words);
  });

  it("T165: may refer to a resource without a tenancy, since clusters and partitions have some", async () => {
    for (const tenancy of [undefined, {}, { partition: "default" }])
      await fixture.rpc.writeStatus({ ...right(), ...referring({ tenancy }) } as never);
  });

  it("T174: is refused for a tenancy that the scope has none of", async () => {
    const partitioned = id(Label, "looney-tunes", { uid: ULID, tenancy: { namespace: "bad" } });
    const call = fixture.rpc.writeStatus({ ...right(), id: partitioned });
    await expectInvalid(call, "id.tenancy.namespace", "cannot have a namespace", "WRONG_SCOPE");
    const global = id(Executive, "boss", { uid: ULID, tenancy: { partition: "default" } });
    const other = fixture.rpc.writeStatus({ ...right(), id: global });
    await expectInvalid(other, "id.tenancy.partition", "cannot have a partition", "WRONG_SCOPE");
  });

  it("T175: is told all that is wrong with its status at once", async () => {
    const status = { observedGeneration: "", conditions: [{}], updatedAt: { seconds: 1n } };
    const call = fixture.rpc.writeStatus({ id: id(Artist, "korn"), status });
    const error = await expectInvalid(call, "id.uid");
    expect(errorViolations(error).map(({ field }) => field)).toEqual([
      "id.uid",
      "key",
      "status.observed_generation",
      "status.updated_at",
      "status.conditions[0].type",
    ]);
  });

  it("T188: is refused for an unknown type", async () => {
    await withFixture({ domains: [] }, async ({ rpc }) => {
      const words = "resource type demo.v2.Artist not registered";
      await expectInvalid(rpc.writeStatus(right()), "id.type", words, "TYPE_NOT_REGISTERED");
    });
  });
});

describe("a status write", () => {
  it.each([
    ["T178: with", true],
    ["T179: without", false],
  ])(
    "changes the version, not the generation, and keeps the statuses of other keys: %s version",
    async (_, comparing) => {
      const versionOf = ({ version }: Resource) => (comparing ? version : "");
      const first = await stored(
        fixture.rpc.writeStatus({ ...right(), key: "x.dev/a", version: versionOf(korn) }),
      );
      const second = await stored(
        fixture.rpc.writeStatus({ ...right(), key: "x.dev/b", version: versionOf(first) }),
      );
      expect(second.generation).toBe(korn.generation);
      expect(Number(second.version)).toBeGreaterThan(Number(first.version));
      expect(Object.keys(second.status)).toEqual(["x.dev/a", "x.dev/b"]);
      expect(second.status["x.dev/b"]?.updatedAt).toBeDefined();
    },
  );

  it.each([
    ["T180: full", { partition: "default", namespace: "default" }],
    ["T181: no partition", { namespace: "default" }],
    ["T182: no namespace", { partition: "default" }],
    ["T183: blank", {}],
    ["T184: absent", undefined],
  ])("finds a namespaced resource whatever is left to the default: %s", async (_, tenancy) => {
    expect(korn.status).toEqual({});
    const target = id(Artist, "korn", { uid: korn.id.uid, tenancy });
    const written = await stored(fixture.rpc.writeStatus({ ...right(), id: target }));
    expect(Object.keys(written.status)).toEqual([KEY]);
  });

  it.each([
    ["T185: full", { partition: "default" }],
    ["T186: blank", {}],
  ])("finds a partition-scoped resource: %s", async (_, tenancy) => {
    const { uid } = (await stored(fixture.rpc.write({ resource: label() }))).id;
    const target = id(Label, "looney-tunes", { uid, tenancy });
    const written = await stored(fixture.rpc.writeStatus({ ...right(), id: target }));
    expect(Object.keys(written.status)).toEqual([KEY]);
  });

  it("finds a cluster-scoped resource", async () => {
    const boss = await stored(fixture.rpc.write({ resource: executive() }));
    expect((await stored(fixture.rpc.writeStatus({ ...right(), id: boss.id }))).status).not.toEqual({});
  });

  it("changes nothing when it says what is stored", async () => {
    const first = await stored(fixture.rpc.writeStatus(right()));
    const before = fixture.server.backend.position();
    expect(await stored(fixture.rpc.writeStatus(right()))).toEqual(first);
    expect(fixture.server.backend.position()).toEqual(before);
  });

  it("T160: removes a key, and changes nothing when it is not there", async () => {
    await fixture.rpc.writeStatus(right());
    const removing = { id: korn.id, key: KEY, remove: true };
    const removed = await stored(fixture.rpc.writeStatus(removing));
    expect(removed.status).toEqual({});
    expect(await stored(fixture.rpc.writeStatus(removing))).toEqual(removed);
  });

  it("T187: compares the version that it is given", async () => {
    for (const version of ["1", "nope"]) {
      const call = fixture.rpc.writeStatus({ ...right(), version });
      const error = await expectNotApplied(call, Code.Aborted, "VERSION_MISMATCH");
      expect(errorMetadata(error)["current_version"]).toBe(korn.version);
    }
  });

  it("T189: finds nothing that is not there", async () => {
    const call = fixture.rpc.writeStatus({ ...right(), id: pinned({}, "muse") });
    await expectNotApplied(call, Code.NotFound, "RESOURCE_NOT_FOUND");
  });

  it("T190: finds no other incarnation", async () => {
    const call = fixture.rpc.writeStatus({ ...right(), id: pinned() });
    await expectNotApplied(call, Code.NotFound, "RESOURCE_NOT_FOUND");
  });

  it("T192: replaces the whole status of its key", async () => {
    await fixture.rpc.writeStatus(right());
    const status = { observedGeneration: ULID, conditions: [{ type: "Other" }] };
    const written = await stored(fixture.rpc.writeStatus({ ...right(), status }));
    expect(written.status[KEY]?.conditions.map(({ type }) => type)).toEqual(["Other"]);
  });

  it("T193: passes while the resource is being deleted", async () => {
    await fixture.rpc.write({ resource: artist("korn", { metadata: { finalizers: "f" } }) });
    await fixture.rpc.delete({ id: id(Artist, "korn") });
    expect((await stored(fixture.rpc.writeStatus(right()))).status).not.toEqual({});
  });

  it("T194: passes in a tenancy that is being deleted", async () => {
    const policy = tenancyOf({ "default/default": "marked" });
    const { backend } = fixture.server;
    const { rpc } = createFixture({ backend, tenancy: policy });
    expect((await stored(rpc.writeStatus(right()))).status).not.toEqual({});
  });

  it("T195: is refused in an unknown tenancy, before it is denied", async () => {
    const rpc = restricted(fixture);
    const call = rpc.writeStatus({ ...right(), id: pinned({ tenancy: { partition: "nowhere" } }) });
    await expectInvalid(call, "id.tenancy.partition", "partition not found", "PARTITION_NOT_FOUND");
  });

  it("T196: through a version of the group that cannot show the resource is refused", async () => {
    const target = id(ArtistV1, "korn", { uid: korn.id.uid });
    const call = fixture.rpc.writeStatus({ ...right(), id: target });
    const words = "resource was requested with GroupVersion=v1";
    await expectInvalid(call, "id.type.group_version", words, "GROUP_VERSION_MISMATCH");
  });

  it.each([
    ["v2", Album, resource(AlbumV1, "issues", { name: "Issues" })],
    ["v1", AlbumV1, album()],
  ])(
    "through another version of the group answers the resource as that one shows it: %s",
    async (version, type, first) => {
      const { id: named, data } = await stored(fixture.rpc.write({ resource: first }));
      const target = id(type, "issues", { uid: named.uid });
      for (const dryRun of [true, false]) {
        const before = await stored(fixture.rpc.read({ id: target }));
        const written = await stored(fixture.rpc.writeStatus({ ...right(), id: target, dryRun }));
        expect(written.id.type?.groupVersion).toBe(version);
        expect([written.id, written.data]).toEqual([before.id, before.data]);
        expect(Object.keys(written.status)).toEqual([KEY]);
        const after = await stored(fixture.rpc.read({ id: target }));
        expect(after).toEqual(dryRun ? before : written);
      }
      const asStored = await stored(fixture.rpc.read({ id: named }));
      expect([asStored.id, asStored.data]).toEqual([named, data]);
    },
  );

  it("T197: may look at any generation", async () => {
    expect(korn.generation).not.toBe(ULID);
    expect((await stored(fixture.rpc.writeStatus(right()))).status[KEY]?.observedGeneration).toBe(ULID);
  });

  it("T198: is not judged by the type's rules, which are about its data", async () => {
    const validate = () => [{ field: "data", description: "is never right" }];
    const { backend } = fixture.server;
    const strict = defineDomain({ types: [Artist], hooks: [on(Artist, { validate })] });
    const { rpc } = createFixture({ backend, domains: [strict] });
    const refused = rpc.write({ resource: resource(Artist, "korn", { name: "Other" }) });
    await expectError(refused, Code.InvalidArgument, "INVALID_DATA");
    expect((await stored(rpc.writeStatus(right()))).status).not.toEqual({});
  });
});

describe("the caller of a status write", () => {
  it("T176: is denied without the right to write, whether or not there is something to write to", async () => {
    const rpc = restricted(fixture, "read demo.v2.Artist");
    for (const target of [korn.id, pinned(), pinned({}, "absent")]) {
      const call = rpc.writeStatus({ ...right(), id: target, version: "1" });
      await expectNotApplied(call, Code.PermissionDenied, "PERMISSION_DENIED");
    }
  });

  it("T177: passes with it", async () => {
    const rpc = restricted(fixture, "write demo.v2.Artist");
    expect((await stored(rpc.writeStatus(right()))).status).not.toEqual({});
  });
});
