import { create } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { defineDomain, on } from "@trellis/controller";
import type { ID, Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";
import {
  WriteRequest_Mode as Mode,
  WriteResponse_Outcome as Outcome,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { errorApplied, errorMetadata, isUlid, systemClock } from "@trellis/resource";
import { StorageError } from "@trellis/storage";
import { createMemoryBackend } from "@trellis/storage-memory";

import {
  album,
  Album,
  AlbumV1,
  artist,
  Artist,
  ArtistV1,
  artistV1,
  Concept,
  createFixture,
  expectError,
  expectInvalid,
  expectNotApplied,
  type Fixture,
  id,
  resource,
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

const write = (next: Resource) => fixture.rpc.write({ resource: next });
const changed = (parts: Parameters<typeof artist>[1] = {}) =>
  artist("korn", { metadata: { changed: "yes" }, ...parts });

describe("a write that creates", () => {
  it("gives uid, generation and the commit's version", async () => {
    const { resource: written, outcome } = await write(artist());
    expect(outcome).toBe(Outcome.CREATED);
    expect([isUlid(written?.id?.uid ?? ""), isUlid(written?.generation ?? "")]).toEqual([true, true]);
    expect(Number(written?.version)).toBe(fixture.server.backend.position().version);
  });

  it("T091: takes no status", async () => {
    const status = { "x.dev/y": { observedGeneration: "", conditions: [] } } as never;
    const call = write(artist("korn", { status }));
    await expectInvalid(call, "resource.status", "WriteStatus endpoint", "STATUS_IMMUTABLE");
  });

  it("T101: takes a type without data", async () => {
    const written = await stored(write(resource(Concept, "jazz")));
    expect([written.id.name, written.version !== "", written.data]).toEqual(["jazz", true, undefined]);
  });

  it("T103: takes no owner on trust: a uid that nothing has is refused", async () => {
    const owner = id(Artist, "korn", { uid: ULID }) as ID;
    const absent = write(album("issues", { owner }));
    await expectInvalid(absent, "resource.owner", "does not exist", "OWNER_NOT_FOUND");
    await write(artist());
    const other = write(album("issues", { owner }));
    await expectInvalid(other, "resource.owner", `with uid ${ULID}`, "OWNER_NOT_FOUND");
  });

  it("T104, T105: finds the owner's incarnation, or refuses", async () => {
    const owner = id(Artist, "korn") as ID;
    const orphan = write(album("issues", { owner }));
    await expectInvalid(orphan, "resource.owner", "does not exist", "OWNER_NOT_FOUND");
    const korn = await stored(write(artist()));
    expect((await stored(write(album("issues", { owner })))).owner).toEqual(korn.id);
  });

  it("T120: takes an owner that is stored in another version of its group", async () => {
    const korn = await stored(write(artistV1()));
    const owner = id(Artist, "korn") as ID;
    expect((await stored(write(album("issues", { owner })))).owner?.uid).toBe(korn.id.uid);
  });

  it("T109: with a version is refused", async () => {
    const call = write(artist("korn", { version: "7" }));
    await expectNotApplied(call, Code.Aborted, "VERSION_MISMATCH", "does not exist");
  });

  it("T110, T111: gets a fresh uid and generation, whatever the caller sends", async () => {
    const written = await stored(write(artist("korn", { uid: ULID, generation: ULID })));
    expect([isUlid(written.id.uid), isUlid(written.generation)]).toEqual([true, true]);
    expect([written.id.uid, written.generation]).not.toContain(ULID);
  });

  it("only creates in the mode for it, and only updates in the other", async () => {
    const update = fixture.rpc.write({ resource: artist(), mode: Mode.UPDATE });
    await expectNotApplied(update, Code.NotFound, "RESOURCE_NOT_FOUND");
    await fixture.rpc.write({ resource: artist(), mode: Mode.CREATE });
    const again = fixture.rpc.write({ resource: artist(), mode: Mode.CREATE });
    await expectNotApplied(again, Code.AlreadyExists, "ALREADY_EXISTS");
  });

  it("stores nothing in a dry run, and answers what it would store", async () => {
    const before = fixture.server.backend.position();
    const { outcome } = await fixture.rpc.write({ resource: artist(), dryRun: true });
    expect(outcome).toBe(Outcome.CREATED);
    expect(fixture.server.backend.position()).toEqual(before);
    const update = fixture.rpc.write({ resource: artist(), dryRun: true, mode: Mode.UPDATE });
    await expectNotApplied(update, Code.NotFound, "RESOURCE_NOT_FOUND");
  });
});

/** Bytes of the field `name: "Korn"`, which comes first in an artist: tag, length, four letters. */
const NAME_FIELD_BYTES = 6;

describe("a write that updates", () => {
  it("T090: keeps the uid, and gives a new version and generation", async () => {
    const first = await stored(write(artist()));
    const second = await stored(write(changed({ version: first.version })));
    expect(second.id.uid).toBe(first.id.uid);
    expect(second.version).not.toBe(first.version);
    expect(second.generation).not.toBe(first.generation);
  });

  it("T099: needs no version", async () => {
    const first = await stored(write(artist()));
    const second = await stored(write(changed()));
    expect(Number(second.version)).toBeGreaterThan(Number(first.version));
  });

  it("T112: of what is stored changes nothing, and takes no version", async () => {
    const first = await stored(write(artist()));
    const before = fixture.server.backend.position();
    for (const again of [artist(), artist("korn", { version: first.version })]) {
      const { resource: second, outcome } = await write(again);
      expect([outcome, second]).toEqual([Outcome.UNCHANGED, first]);
    }
    expect(fixture.server.backend.position()).toEqual(before);
  });

  it("of what is stored with the fields of its data in another order changes nothing", async () => {
    const { data } = await stored(write(artist()));
    const { typeUrl, value } = data ?? create(AnySchema);
    const swapped = artist();
    const other = [...value.subarray(NAME_FIELD_BYTES), ...value.subarray(0, NAME_FIELD_BYTES)];
    swapped.data = create(AnySchema, { typeUrl, value: Uint8Array.from(other) });
    expect((await write(swapped)).outcome).toBe(Outcome.UNCHANGED);
  });

  it("T092: compares the version that it is given, and tells the current one", async () => {
    const first = await stored(write(artist()));
    for (const version of ["1", "wrong-version"]) {
      const error = await expectError(write(changed({ version })), Code.Aborted, "VERSION_MISMATCH");
      expect(errorMetadata(error)).toEqual({ current_version: first.version, applied: "no" });
    }
  });

  it("T093: compares the uid that it is given", async () => {
    await write(artist());
    const call = write(changed({ uid: "wrong-uid" }));
    await expectNotApplied(call, Code.FailedPrecondition, "UID_MISMATCH", "uid doesn't match");
  });

  it("T115: of another incarnation is told first what no creation may have", async () => {
    await write(artist());
    const status = { "x.dev/y": { observedGeneration: "" } } as never;
    const uid = "wrong-uid";
    await expectInvalid(write(changed({ uid, status })), "resource.status", "", "STATUS_IMMUTABLE");
    const marked = write(artist("korn", { uid, metadata: { deletionTimestamp: "" } }));
    await expectInvalid(marked, "resource.metadata", "", "DELETION_RULE");
    const orphan = album("korn", { uid, owner: id(Artist, "absent") as ID });
    await write(album("korn"));
    await expectInvalid(write(orphan), "resource.owner", "", "OWNER_NOT_FOUND");
  });

  it("T097: needs no uid", async () => {
    const first = await stored(write(artist()));
    expect((await stored(write(changed()))).id.uid).toBe(first.id.uid);
  });

  it("T102: cannot give an owner to a resource without", async () => {
    const korn = await stored(write(artist()));
    await write(album("issues"));
    const call = write(album("issues", { owner: korn.id }));
    await expectInvalid(call, "resource.owner", "owner cannot be changed", "OWNER_IMMUTABLE");
  });

  it("T106: finds the owner's incarnation in what is stored", async () => {
    const korn = await stored(write(artist()));
    await write(album("issues", { owner: korn.id }));
    const owner = id(Artist, "korn") as ID;
    const again = await stored(write(album("issues", { owner, metadata: { a: "b" } })));
    expect(again.owner).toEqual(korn.id);
  });

  it("T107, T108: cannot take the owner away, or change it", async () => {
    const korn = await stored(write(artist()));
    await write(artist("muse"));
    await write(album("issues", { owner: korn.id }));
    for (const parts of [
      {},
      { owner: id(Artist, "muse") as ID },
      { owner: id(Artist, "korn", { uid: ULID }) as ID },
    ]) {
      const call = write(album("issues", parts));
      await expectInvalid(call, "resource.owner", "owner cannot be changed", "OWNER_IMMUTABLE");
    }
  });

  it("T098, T122: in another version of the group is stored in that one, which readers of the other have converted", async () => {
    const first = await stored(write(album()));
    const second = resource(AlbumV1, "issues", { name: "Issues" }, { version: first.version });
    const written = await stored(write(second));
    expect(written.id).toEqual({ ...first.id, type: { ...first.id.type, groupVersion: "v1" } });
    expect(await stored(fixture.rpc.read({ id: id(AlbumV1, "issues") }))).toEqual(written);
    const converted = await stored(fixture.rpc.read({ id: id(Album, "issues") }));
    expect([converted.id.type?.groupVersion, converted.version]).toEqual(["v2", written.version]);
  });

  it("in another version of the group changes what is stored even if the data are the same", async () => {
    await write(resource(AlbumV1, "issues"));
    const { outcome, resource: written } = await write(resource(Album, "issues"));
    expect([outcome, written?.id?.type?.groupVersion]).toEqual([Outcome.UPDATED, "v2"]);
  });

  it("T122: in another version of the group is not readable in the old one without a converter", async () => {
    await write(artist());
    const written = await stored(write(artistV1()));
    expect(written.id.type?.groupVersion).toBe("v1");
    expect(await stored(fixture.rpc.read({ id: id(ArtistV1, "korn") }))).toEqual(written);
    const old = fixture.rpc.read({ id: id(Artist, "korn") });
    await expectError(old, Code.InvalidArgument, "GROUP_VERSION_MISMATCH");
  });
});

describe("a write and the status", () => {
  const key = "x.dev/y";
  let korn: Resource & { id: ID };
  beforeEach(async () => {
    const { id: named, generation } = await stored(write(artist()));
    const status = { observedGeneration: generation, conditions: [{ type: "Ready" }] };
    korn = await stored(fixture.rpc.writeStatus({ id: named, key, status }));
  });

  it("T094: may send what was read", async () => {
    expect((await stored(write(changed({ status: korn.status })))).status).toEqual(korn.status);
  });

  it("T096: keep what there is when the write leaves it out", async () => {
    expect((await stored(write(changed()))).status).toEqual(korn.status);
  });

  it.each([
    ["T095: adds", (status: Resource["status"]) => ({ ...status, "x.dev/z": status[key] })],
    ["T113: changes", (status: Resource["status"]) => ({ [key]: { ...status[key], conditions: [] } })],
    ["T113: replaces", (status: Resource["status"]) => ({ "x.dev/z": status[key] })],
    [
      "T114: sends with another time",
      (status: Resource["status"]) => ({ [key]: { ...status[key], updatedAt: undefined } }),
    ],
  ])("refuse one that the write %s", async (_, change) => {
    const call = write(changed({ status: change(korn.status) as Resource["status"] }));
    await expectInvalid(call, "resource.status", "WriteStatus endpoint", "STATUS_IMMUTABLE");
  });

  it("T113: refuse one that the write removes, of two", async () => {
    const status = { observedGeneration: korn.generation };
    await fixture.rpc.writeStatus({ id: korn.id, key: "x.dev/z", status });
    const call = write(changed({ status: korn.status }));
    await expectInvalid(call, "resource.status", "WriteStatus endpoint", "STATUS_IMMUTABLE");
  });
});

describe("a write that fails", () => {
  it("T116: by the type's mutation, says so without the cause", async () => {
    const mutate = () => Promise.reject(new Error("secret"));
    const domain = defineDomain({ types: [Artist], hooks: [on(Artist, { mutate })] });
    await withFixture({ domains: [domain] }, async ({ rpc }) => {
      const call = rpc.write({ resource: artist() });
      const error = await expectNotApplied(call, Code.Internal, "HOOK_FAILED", "failed mutate hook");
      expect(error.rawMessage).not.toContain("secret");
    });
  });

  it("T119: in a storage that does not say whether it was applied, leaves that open", async () => {
    const backend = createMemoryBackend({ clock: systemClock, random: Math.random });
    const commit = () => Promise.reject(new Error("secret"));
    await withFixture({ backend: { ...backend, commit } }, async ({ rpc }) => {
      const error = await expectError(rpc.write({ resource: artist() }), Code.Internal, "INTERNAL");
      expect(errorApplied(error)).toBe("unknown");
      expect(error.rawMessage).not.toContain("secret");
    });
  });

  it("in a storage that says that it does not know, leaves that open", async () => {
    const backend = createMemoryBackend({ clock: systemClock, random: Math.random });
    const commit = () => Promise.reject(new StorageError("outcome-unknown", "the leader went"));
    await withFixture({ backend: { ...backend, commit } }, async ({ rpc }) => {
      const error = await expectError(rpc.write({ resource: artist() }), Code.Unknown, "OUTCOME_UNKNOWN");
      expect(errorApplied(error)).toBe("unknown");
    });
  });

  it("in a storage without space, says so, and that nothing was applied", async () => {
    const backend = createMemoryBackend({ clock: systemClock, random: Math.random });
    const commit = () => Promise.reject(new StorageError("no-space", "the disk is full"));
    await withFixture({ backend: { ...backend, commit } }, async ({ rpc }) => {
      await expectNotApplied(rpc.write({ resource: artist() }), Code.ResourceExhausted, "NO_SPACE");
    });
  });

  it("tells who may not write nothing of what is stored", async () => {
    await write(artist());
    const rpc = restricted(fixture, "read demo.v2.Artist");
    for (const request of [
      { resource: changed({ version: "1" }) },
      { resource: changed({ uid: "wrong-uid" }) },
      { resource: artist(), mode: Mode.CREATE },
      { resource: artist("absent"), mode: Mode.UPDATE },
      { resource: artist("absent", { version: "1" }) },
    ]) {
      const error = await expectNotApplied(rpc.write(request), Code.PermissionDenied, "PERMISSION_DENIED");
      expect(errorMetadata(error)).toEqual({ applied: "no" });
    }
    const orphan = rpc.write({ resource: album("issues", { owner: id(Artist, "absent") as ID }) });
    await expectNotApplied(orphan, Code.PermissionDenied, "PERMISSION_DENIED");
  });
});
