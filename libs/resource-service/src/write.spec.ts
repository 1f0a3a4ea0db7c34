import { Code } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import {
  WriteRequest_Mode,
  WriteResponse_Outcome,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { ArtistSchema, Genre } from "@trellis/protos/trellis/demo/v2/demo_pb";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { errorMetadata, isUlid } from "@trellis/resource";

import {
  album,
  Album,
  AlbumV1,
  artist,
  Artist,
  Concept,
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
} from "./test-support/fixture.ts";

let fixture: Fixture;
beforeEach(() => {
  fixture = createFixture();
});
afterEach(() => fixture.server.close());

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
      { resource: artist("korn", { tenancy: { partition: "Default" } }) },
      "resource.id.tenancy",
      "invalid",
    ],
    [
      "T054: has a long namespace",
      { resource: artist("korn", { tenancy: { namespace: LONG } }) },
      "resource.id.tenancy",
      "invalid",
    ],
  ])("is refused: %s", async (_, request, field, words) => {
    await expectInvalid(fixture.rpc[method](request), field, words);
  });

  it("T050: is refused for a payload of another type", async () => {
    const wrong = { ...artist(), data: album().data };
    await expectInvalid(
      fixture.rpc[method]({ resource: wrong as never }),
      "resource.data",
      "is of wrong type",
      "WRONG_DATA_TYPE",
    );
  });

  it("T055: is refused for what the type's rules refuse", async () => {
    await expectError(
      fixture.rpc[method]({ resource: resource(Artist, "korn", { name: "" }) }),
      Code.InvalidArgument,
      "INVALID_DATA",
    );
  });

  it("T056: is refused for a namespace of a partition-scoped type", async () => {
    const wrong = resource(Label, "looney-tunes", { name: "x" }, { tenancy: { namespace: "bogus" } });
    await expectInvalid(
      fixture.rpc[method]({ resource: wrong }),
      "resource.id.tenancy.namespace",
      "cannot have a namespace",
      "WRONG_SCOPE",
    );
  });

  it("is refused for a tenancy of a cluster-scoped type, which could not be read back", async () => {
    const wrong = resource(Executive, "boss", { position: "x" }, { tenancy: { partition: "default" } });
    await expectInvalid(
      fixture.rpc[method]({ resource: wrong }),
      "resource.id.tenancy.partition",
      "cannot have a partition",
      "WRONG_SCOPE",
    );
  });

  it.each([
    ["T066: full", { partition: "default", namespace: "default" }],
    ["T067: no partition", { namespace: "default" }],
    ["T068: no namespace", { partition: "default" }],
    ["T069: blank", {}],
    ["T070: absent", undefined],
  ])("gets the default tenancy where it leaves it out: %s", async (_, tenancy) => {
    const written = await stored(fixture.rpc[method]({ resource: artist("korn", { tenancy }) }));
    expect(written.id.tenancy).toMatchObject({ partition: "default", namespace: "default" });
  });

  it("T071, T072, T073: gets only a partition where the type has no namespace", async () => {
    for (const tenancy of [{ partition: "default" }, {}, undefined]) {
      const written = await stored(
        fixture.rpc[method]({ resource: resource(Label, "looney-tunes", { name: "x" }, { tenancy }) }),
      );
      expect(written.id.tenancy).toMatchObject({ partition: "default", namespace: "" });
    }
  });

  it("T074, T075: is refused in an unknown tenancy", async () => {
    await expectError(
      fixture.rpc[method]({ resource: artist("korn", { tenancy: { partition: "bogus" } }) }),
      Code.InvalidArgument,
      "PARTITION_NOT_FOUND",
      "partition not found",
    );
    await expectError(
      fixture.rpc[method]({ resource: artist("korn", { tenancy: { namespace: "bogus" } }) }),
      Code.InvalidArgument,
      "NAMESPACE_NOT_FOUND",
      "namespace not found",
    );
  });

  it("T077: is refused in a tenancy that is being deleted", async () => {
    const marked = createFixture({
      tenancy: { state: () => ({ partition: "marked", namespace: "live" }), guards: () => [] },
    });
    await expectError(
      marked.rpc[method]({ resource: artist() }),
      Code.InvalidArgument,
      "TENANCY_MARKED_FOR_DELETION",
      "tenancy marked for deletion",
    );
    await marked.server.close();
  });

  it("T081, T089: passes the type's mutation", async () => {
    const written = await stored(
      fixture.rpc[method]({ resource: resource(Artist, "korn", { name: "Korn" }) }),
    );
    expect(written.data === undefined ? undefined : anyUnpack(written.data, ArtistSchema)?.genre).toBe(
      Genre.DISCO,
    );
  });
});

describe("a write that creates", () => {
  it("T103: gives uid, generation and version", async () => {
    const { resource: written, outcome } = await fixture.rpc.write({ resource: artist() });
    expect(outcome).toBe(WriteResponse_Outcome.CREATED);
    expect(isUlid(written?.id?.uid ?? "")).toBe(true);
    expect(isUlid(written?.generation ?? "")).toBe(true);
    expect(Number(written?.version)).toBe(fixture.server.backend.position().version);
  });

  it("T091: takes no status", async () => {
    const status = { "x.dev/y": { observedGeneration: "", conditions: [] } } as never;
    await expectInvalid(
      fixture.rpc.write({ resource: artist("korn", { status }) }),
      "resource.status",
      "WriteStatus endpoint",
      "STATUS_IMMUTABLE",
    );
  });

  it("T101: takes a type without data", async () => {
    const written = await stored(fixture.rpc.write({ resource: resource(Concept, "jazz") }));
    expect(written.id.name).toBe("jazz");
  });

  it("T104, T105: finds the owner's incarnation, or refuses", async () => {
    const owner = id(Artist, "korn") as never;
    await expectInvalid(
      fixture.rpc.write({ resource: album("issues", { owner }) }),
      "resource.owner",
      "does not exist",
      "OWNER_NOT_FOUND",
    );
    const korn = await stored(fixture.rpc.write({ resource: artist() }));
    const issues = await stored(fixture.rpc.write({ resource: album("issues", { owner }) }));
    expect(issues.owner).toEqual(korn.id);
  });

  it("refuses an owner's uid of another incarnation, which would leave an orphan", async () => {
    await fixture.rpc.write({ resource: artist() });
    const owner = id(Artist, "korn", { uid: "01JDE6XJ4Z8Q6Z0000000000AA" }) as never;
    await expectError(
      fixture.rpc.write({ resource: album("issues", { owner }) }),
      Code.InvalidArgument,
      "OWNER_NOT_FOUND",
    );
  });

  it("T109: with a version is refused", async () => {
    await expectError(
      fixture.rpc.write({ resource: artist("korn", { version: "7" }) }),
      Code.Aborted,
      "VERSION_MISMATCH",
      "does not exist",
    );
  });

  it("T110, T111: gets a fresh uid and generation, whatever the caller sends", async () => {
    const uid = "01JDE6XJ4Z8Q6Z0000000000AA";
    const written = await stored(fixture.rpc.write({ resource: artist("korn", { uid, generation: uid }) }));
    expect(written.id.uid).not.toBe(uid);
    expect(written.generation).not.toBe(uid);
  });

  it("T129: cannot be marked for deletion", async () => {
    await expectError(
      fixture.rpc.write({ resource: artist("korn", { metadata: { deletionTimestamp: "" } }) }),
      Code.InvalidArgument,
      "DELETION_RULE",
      "can't be set on resource creation",
    );
  });

  it("only creates in the mode for it, and only updates in the other", async () => {
    await expectError(
      fixture.rpc.write({ resource: artist(), mode: WriteRequest_Mode.UPDATE }),
      Code.NotFound,
      "RESOURCE_NOT_FOUND",
    );
    await fixture.rpc.write({ resource: artist(), mode: WriteRequest_Mode.CREATE });
    await expectError(
      fixture.rpc.write({ resource: artist(), mode: WriteRequest_Mode.CREATE }),
      Code.AlreadyExists,
      "ALREADY_EXISTS",
    );
  });

  it("stores nothing in a dry run, and answers what it would store", async () => {
    const { outcome } = await fixture.rpc.write({ resource: artist(), dryRun: true });
    expect(outcome).toBe(WriteResponse_Outcome.CREATED);
    await expectError(fixture.rpc.read({ id: id(Artist, "korn") }), Code.NotFound, "RESOURCE_NOT_FOUND");
  });
});

describe("a write that updates", () => {
  it("T090, T099: keeps the uid, and gives a new version and generation", async () => {
    const first = await stored(fixture.rpc.write({ resource: artist() }));
    const changed = resource(Artist, "korn", { name: "KoЯn", genre: 4 }, { version: first.version });
    const second = await stored(fixture.rpc.write({ resource: changed }));
    expect(second.id.uid).toBe(first.id.uid);
    expect(second.version).not.toBe(first.version);
    expect(second.generation).not.toBe(first.generation);
  });

  it("T112: of what is stored changes nothing, and takes no version", async () => {
    const first = await stored(fixture.rpc.write({ resource: artist() }));
    const before = fixture.server.backend.position();
    const { resource: second, outcome } = await fixture.rpc.write({ resource: artist() });
    expect(outcome).toBe(WriteResponse_Outcome.UNCHANGED);
    expect(second).toEqual(first);
    expect(fixture.server.backend.position()).toEqual(before);
  });

  it("T092: compares the version that it is given, and tells the current one", async () => {
    const first = await stored(fixture.rpc.write({ resource: artist() }));
    const error = await expectError(
      fixture.rpc.write({ resource: artist("korn", { version: "1" }) }),
      Code.Aborted,
      "VERSION_MISMATCH",
    );
    expect(errorMetadata(error)).toEqual({ current_version: first.version, applied: "no" });
    await expectInvalid(
      fixture.rpc.write({ resource: artist("korn", { version: "wrong-version" }) }),
      "resource.version",
    );
  });

  it("T093, T097: compares the uid where it is given", async () => {
    await fixture.rpc.write({ resource: artist() });
    await expectError(
      fixture.rpc.write({ resource: artist("korn", { uid: "wrong-uid" }) }),
      Code.FailedPrecondition,
      "UID_MISMATCH",
      "uid doesn't match",
    );
    await fixture.rpc.write({ resource: artist("korn", { metadata: { changed: "yes" } }) });
  });

  it("T094, T095, T096: leaves the status alone", async () => {
    const first = await stored(fixture.rpc.write({ resource: artist() }));
    const status = { observedGeneration: first.generation, conditions: [{ type: "Ready" }] };
    const second = await stored(fixture.rpc.writeStatus({ id: first.id, key: "x.dev/y", status }));
    const third = await stored(
      fixture.rpc.write({ resource: artist("korn", { status: second.status, metadata: { a: "b" } }) }),
    );
    expect(third.status).toEqual(second.status);
    expect((await stored(fixture.rpc.write({ resource: artist("korn") }))).status).toEqual(second.status);
    const added = { ...second.status, "x.dev/z": second.status["x.dev/y"] } as never;
    await expectError(
      fixture.rpc.write({ resource: artist("korn", { status: added }) }),
      Code.InvalidArgument,
      "STATUS_IMMUTABLE",
    );
  });

  it("T102, T106, T107, T108: cannot change the owner", async () => {
    const korn = await stored(fixture.rpc.write({ resource: artist() }));
    await fixture.rpc.write({ resource: artist("muse") });
    await fixture.rpc.write({ resource: album("free") });
    const owned = await stored(fixture.rpc.write({ resource: album("issues", { owner: korn.id }) }));
    for (const owner of [id(Artist, "muse") as never, undefined]) {
      const wrong = owner === undefined ? album("issues") : album("issues", { owner });
      await expectError(
        fixture.rpc.write({ resource: wrong }),
        Code.InvalidArgument,
        "OWNER_IMMUTABLE",
        "owner cannot be changed",
      );
    }
    await expectError(
      fixture.rpc.write({ resource: album("free", { owner: korn.id }) }),
      Code.InvalidArgument,
      "OWNER_IMMUTABLE",
    );
    const again = album("issues", { owner: id(Artist, "korn") as never, metadata: { a: "b" } });
    expect((await stored(fixture.rpc.write({ resource: again }))).owner).toEqual(owned.owner);
  });

  it("T098, T122: in another group version is stored in that one", async () => {
    await fixture.rpc.write({ resource: album() });
    const written = await stored(
      fixture.rpc.write({ resource: resource(AlbumV1, "issues", { name: "Issues" }) }),
    );
    expect(written.id.type?.groupVersion).toBe("v1");
    expect((await stored(fixture.rpc.read({ id: id(AlbumV1, "issues") }))).version).toBe(written.version);
    expect((await stored(fixture.rpc.read({ id: id(Album, "issues") }))).id.type?.groupVersion).toBe("v2");
  });

  it("T087, T088: needs permission", async () => {
    const some = createFixture({
      authorizer: {
        decide: ({ verb }) =>
          verb === "write" ? { decision: "deny", reason: "read only" } : { decision: "allow" },
      },
    });
    await expectError(
      some.rpc.write({ resource: artist() }),
      Code.PermissionDenied,
      "PERMISSION_DENIED",
      "read only",
    );
    await some.server.close();
  });
});

describe("a write of a resource that is being deleted", () => {
  async function marked(finalizers: string) {
    await fixture.rpc.write({ resource: artist("korn", { metadata: { finalizers } }) });
    await fixture.rpc.delete({ id: id(Artist, "korn") });
    return await stored(fixture.rpc.read({ id: id(Artist, "korn") }));
  }

  it("T131: cannot take the mark away", async () => {
    const korn = await marked("f1");
    await expectError(
      fixture.rpc.write({
        resource: artist("korn", { version: korn.version, metadata: { finalizers: "f1" } }),
      }),
      Code.InvalidArgument,
      "DELETION_RULE",
      "cannot remove deletionTimestamp",
    );
  });

  it("T132: cannot change the mark", async () => {
    await marked("f1");
    await expectError(
      fixture.rpc.write({ resource: artist("korn", { metadata: { deletionTimestamp: "other" } }) }),
      Code.InvalidArgument,
      "DELETION_RULE",
      "cannot modify deletionTimestamp",
    );
  });

  it("T136, T141: changes nothing when it asks for what is stored", async () => {
    await marked("f1");
    expect((await fixture.rpc.write({ resource: artist() })).outcome).toBe(WriteResponse_Outcome.UNCHANGED);
  });

  it("T123, T137: may remove a finalizer", async () => {
    await marked("f1 f2");
    const left = await stored(
      fixture.rpc.write({ resource: artist("korn", { metadata: { finalizers: "f2" } }) }),
    );
    expect(left.metadata["finalizers"]).toBe("f2");
  });

  it("T127, T138, T139, T140: may do nothing else", async () => {
    await marked("f1");
    const deeds = [
      artist("korn", { metadata: { finalizers: "f3" } }),
      artist("korn", { metadata: { finalizers: "f1 f2" } }),
      artist("korn", { metadata: { finalizers: "", other: "x" } }),
      resource(Artist, "korn", { name: "Other" }, { metadata: { finalizers: "" } }),
    ];
    for (const deed of deeds)
      await expectError(
        fixture.rpc.write({ resource: deed }),
        Code.InvalidArgument,
        "DELETION_RULE",
        "expected at least one finalizer to be removed",
      );
  });

  it("T145: ends the resource with the last finalizer, in the same commit", async () => {
    await marked("f1");
    expect(
      (await fixture.rpc.write({ resource: artist("korn", { metadata: { finalizers: "" } }) })).outcome,
    ).toBe(WriteResponse_Outcome.DELETED);
    await expectError(fixture.rpc.read({ id: id(Artist, "korn") }), Code.NotFound, "RESOURCE_NOT_FOUND");
  });

  it("T133: marking a resource without finalizers ends it at once", async () => {
    await fixture.rpc.write({ resource: artist() });
    const { outcome } = await fixture.rpc.write({
      resource: artist("korn", { metadata: { deletionTimestamp: "2026-01-01T00:00:00Z" } }),
    });
    expect(outcome).toBe(WriteResponse_Outcome.DELETED);
  });

  it("T143, T144: a blind write keeps finalizers that it does not name, a comparing one removes them", async () => {
    await fixture.rpc.write({ resource: artist("korn", { metadata: { finalizers: "f1" } }) });
    const kept = await stored(fixture.rpc.write({ resource: artist("korn", { metadata: { a: "b" } }) }));
    expect(kept.metadata).toEqual({ finalizers: "f1", a: "b" });
    const gone = await stored(fixture.rpc.write({ resource: artist("korn", { version: kept.version }) }));
    expect(gone.metadata).toEqual({});
  });
});
