import { create } from "@bufbuild/protobuf";
import { anyPack, anyUnpack } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { anonymous } from "@trellis/authz";
import { defineDomain, on } from "@trellis/controller";
import demo from "@trellis/demo";
import { type ID, ResourceSchema, TombstoneSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { DeleteResponse_Outcome as Outcome } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { errorMetadata, isUlid, resourceType, systemClock } from "@trellis/resource";
import { createMemoryBackend } from "@trellis/storage-memory";

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
  expectNotApplied,
  type Fixture,
  id,
  label,
  Label,
  LONG,
  restricted,
  type Rpc,
  stored,
  tenancyOf,
  typeMessage,
  ULID,
  withFixture,
} from "./test-support/fixture.ts";
import { createWatches } from "./test-support/watching.ts";

let fixture: Fixture;
beforeEach(() => {
  fixture = createFixture();
});
afterEach(() => fixture.server.close());

const korn = id(Artist, "korn");
const Tombstone = resourceType(TombstoneSchema);
/** A server whose deletions leave tombstones. */
const TOMBSTONES = {
  domains: [demo, defineDomain({ types: [Tombstone] })],
  config: { tombstones: true },
};
/** Takes every caller for the system. */
const system = { authenticate: () => ({ ...anonymous, name: "system", system: true }) };

async function tombstones(rpc: Rpc, tenancy = { partition: "*", namespace: "*" }) {
  return (await rpc.list({ type: typeMessage(Tombstone), tenancy })).resources;
}

async function isGone(target: ReturnType<typeof id>) {
  await expectError(fixture.rpc.read({ id: target }), Code.NotFound, "RESOURCE_NOT_FOUND");
}

describe("a delete's request", () => {
  it.each([
    ["T265: has no id", undefined, "id", "is required"],
    ["T266: has no type", { name: "korn" }, "id.type", "is required"],
    ["T267: has an empty name", id(Artist, ""), "id.name", "invalid"],
    ["T268: has a name in mixed case", id(Artist, "Korn"), "id.name", "invalid"],
    ["T269: has a long name", id(Artist, LONG), "id.name", "invalid"],
    [
      "T270: has a partition in mixed case",
      id(Artist, "korn", { tenancy: { partition: "Default" } }),
      "id.tenancy.partition",
      "invalid",
    ],
    [
      "T271: has a long partition",
      id(Artist, "korn", { tenancy: { partition: LONG } }),
      "id.tenancy.partition",
      "invalid",
    ],
    [
      "T272: has a namespace in mixed case",
      id(Artist, "korn", { tenancy: { namespace: "Default" } }),
      "id.tenancy.namespace",
      "invalid",
    ],
    [
      "T273: has a long namespace",
      id(Artist, "korn", { tenancy: { namespace: LONG } }),
      "id.tenancy.namespace",
      "invalid",
    ],
  ])("is refused: %s", async (_, target, field, words) => {
    await expectInvalid(fixture.rpc.delete(target === undefined ? {} : { id: target }), field, words);
  });

  it.each([
    ["T274", id(Label, "x", { tenancy: { namespace: "n" } }), "namespace"],
    ["T275", id(Executive, "x", { tenancy: { partition: "p" } }), "partition"],
    ["T276", id(Executive, "x", { tenancy: { namespace: "n" } }), "namespace"],
  ])("%s: is refused for a tenancy that the scope has none of", async (_, target, unit) => {
    const words = `cannot have a ${unit}`;
    await expectInvalid(fixture.rpc.delete({ id: target }), `id.tenancy.${unit}`, words, "WRONG_SCOPE");
  });

  it("T277: is refused for an unknown type", async () => {
    await withFixture({ domains: [] }, async ({ rpc }) => {
      await expectInvalid(rpc.delete({ id: korn }), "id.type", "not registered", "TYPE_NOT_REGISTERED");
    });
  });
});

describe.each([
  ["T280: with version and uid", true, true],
  ["T281: with version only", true, false],
  ["T282: with uid only", false, true],
  ["T283: with neither", false, false],
])("a delete %s", (_, withVersion, withUid) => {
  it.each([
    ["an artist, tenancy full", artist(), { partition: "default", namespace: "default" }],
    ["an artist, no partition", artist(), { namespace: "default" }],
    ["an artist, no namespace", artist(), { partition: "default" }],
    ["an artist, tenancy blank", artist(), {}],
    ["an artist, tenancy absent", artist(), undefined],
    ["a label, tenancy full", label(), { partition: "default" }],
    ["a label, tenancy blank", label(), {}],
    ["a label, tenancy absent", label(), undefined],
  ])("ends %s, and leaves a tombstone in the same commit", async (__, next, tenancy) => {
    await withFixture(TOMBSTONES, async ({ rpc, server }) => {
      const written = await stored(rpc.write({ resource: next }));
      const { outcome } = await rpc.delete({
        id: { ...written.id, uid: withUid ? written.id.uid : "" } as ID,
        version: withVersion ? written.version : "",
      });
      expect(outcome).toBe(Outcome.DELETED);
      const type = written.id.type?.kind === "Artist" ? Artist : Label;
      const gone = rpc.read({ id: id(type, written.id.name, { tenancy }) });
      await expectError(gone, Code.NotFound, "RESOURCE_NOT_FOUND");
      const { partition = "", namespace = "" } = written.id.tenancy ?? {};
      const [tombstone, ...others] = await tombstones(rpc, { partition, namespace });
      expect([tombstone?.id?.name, others]).toEqual([written.id.uid.toLowerCase(), []]);
      expect(tombstone?.version).toBe(String(server.backend.position().version));
    });
  });
});

describe("a tombstone", () => {
  /** Deletes an artist with that name, and gives back what it was. */
  async function deleted({ rpc }: Fixture, name = "korn") {
    const written = await stored(rpc.write({ resource: artist(name) }));
    await rpc.delete({ id: written.id });
    return written;
  }

  it("T304: holds the deleted id, and when that was", async () => {
    await withFixture(TOMBSTONES, async (found) => {
      const korn = await deleted(found);
      const [tombstone] = await tombstones(found.rpc);
      expect(tombstone?.data && anyUnpack(tombstone.data, TombstoneSchema)?.owner).toEqual(korn.id);
      expect(tombstone?.metadata["generated_at"]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      expect([isUlid(tombstone?.id?.uid ?? ""), isUlid(tombstone?.generation ?? "")]).toEqual([true, true]);
    });
  });

  it("T305: can be read whatever the resource was called", async () => {
    await withFixture(TOMBSTONES, async (found) => {
      await deleted(found, "a".repeat(63));
      const [tombstone] = await tombstones(found.rpc);
      const again = await stored(found.rpc.read({ id: tombstone?.id as ID }));
      expect(again).toEqual(tombstone);
    });
  });

  it("T285: has none itself when it is deleted", async () => {
    await withFixture({ ...TOMBSTONES, authenticator: system }, async (found) => {
      await deleted(found);
      const [tombstone] = await tombstones(found.rpc);
      const { version = "", id: named } = tombstone ?? {};
      expect((await found.rpc.delete({ id: named as ID, version })).outcome).toBe(Outcome.DELETED);
      expect(await tombstones(found.rpc)).toEqual([]);
    });
  });

  it("is left by the write that takes the last finalizer, too", async () => {
    await withFixture(TOMBSTONES, async ({ rpc }) => {
      await rpc.write({ resource: artist("korn", { metadata: { finalizers: "f" } }) });
      await rpc.delete({ id: korn });
      expect(await tombstones(rpc)).toEqual([]);
      await rpc.write({ resource: artist("korn", { metadata: { finalizers: "" } }) });
      expect(await tombstones(rpc)).toHaveLength(1);
    });
  });

  it("T302: takes the place of what stands there", async () => {
    await withFixture(TOMBSTONES, async ({ rpc, server }) => {
      const written = await stored(rpc.write({ resource: artist() }));
      const name = written.id.uid.toLowerCase();
      const key = { group: "internal", kind: "Tombstone", partition: "default", namespace: "default", name };
      const record = {
        uid: ULID,
        groupVersion: "v1",
        generation: ULID,
        marked: false,
        bytes: new Uint8Array(),
      };
      await server.backend.commit([{ kind: "put", key, record, preconditions: [] }]);
      expect((await rpc.delete({ id: korn })).outcome).toBe(Outcome.DELETED);
      expect(await tombstones(rpc)).toHaveLength(1);
    });
  });

  it("T303, T306: is not left by a delete that fails, so that nothing that the resource owns is touched", async () => {
    const backend = createMemoryBackend({ clock: systemClock, random: Math.random });
    let failing = false;
    const commit: typeof backend.commit = (operations, options) =>
      failing && operations.some(({ kind, key }) => kind === "delete" && key.kind === Artist.kind)
        ? Promise.reject(new Error("broken"))
        : backend.commit(operations, options);
    await withFixture({ ...TOMBSTONES, backend: { ...backend, commit } }, async ({ rpc }) => {
      const owner = await stored(rpc.write({ resource: artist() }));
      await rpc.write({ resource: album("issues", { owner: owner.id }) });
      const stale = rpc.delete({ id: owner.id, version: "1" });
      await expectNotApplied(stale, Code.Aborted, "VERSION_MISMATCH");
      failing = true;
      await expectError(rpc.delete({ id: korn }), Code.Internal, "INTERNAL");
      expect(await tombstones(rpc)).toEqual([]);
      expect(await stored(rpc.read({ id: korn }))).toEqual(owner);
    });
  });

  it("can be written by the system only", async () => {
    const forged = create(ResourceSchema, {
      id: {
        type: typeMessage(Tombstone),
        name: "x",
        tenancy: { partition: "default", namespace: "default" },
      },
      data: anyPack(TombstoneSchema, create(TombstoneSchema, { owner: korn })),
    });
    await withFixture(TOMBSTONES, async ({ rpc }) => {
      await expectNotApplied(rpc.write({ resource: forged }), Code.PermissionDenied, "SYSTEM_TYPE");
      const operations = [{ operation: { case: "write" as const, value: { resource: forged } } }];
      await expectNotApplied(rpc.transact({ operations }), Code.PermissionDenied, "SYSTEM_TYPE");
      for (const call of [
        rpc.delete({ id: forged.id as ID }),
        rpc.writeStatus({
          id: { ...(forged.id as ID), uid: ULID },
          key: "x",
          status: { observedGeneration: ULID },
        }),
      ])
        await expectNotApplied(call, Code.PermissionDenied, "SYSTEM_TYPE");
    });
    await withFixture({ ...TOMBSTONES, authenticator: system }, async ({ rpc }) => {
      expect((await stored(rpc.write({ resource: forged }))).id.name).toBe("x");
    });
  });

  it("T342: is told to those who watch them, wherever it stands", async () => {
    await withFixture({ ...TOMBSTONES, tenancy: tenancyOf() }, async ({ rpc }) => {
      const watches = createWatches();
      const events = watches.open(rpc, { type: typeMessage(Tombstone) });
      await events.next();
      const tenancy = { partition: "ap1", namespace: "ns1" };
      const { id: named } = await stored(rpc.write({ resource: artist("korn", { tenancy }) }));
      await rpc.delete({ id: named });
      expect(await events.words(1)).toEqual([`upsert ${named.uid.toLowerCase()}`]);
      watches.stopAll();
    });
  });
});

describe("a delete", () => {
  it.each([
    ["T286: with version and uid", "5", ULID],
    ["T287: with version only", "5", ""],
    ["T288: with uid only", "", ULID],
    ["T289: with neither", "", ""],
  ])("of what is not there succeeds: %s", async (_, version, uid) => {
    const before = fixture.server.backend.position();
    const { outcome } = await fixture.rpc.delete({ id: id(Artist, "korn", { uid }), version });
    expect(outcome).toBe(Outcome.ABSENT);
    expect(fixture.server.backend.position()).toEqual(before);
  });

  it("T295: of another incarnation does nothing", async () => {
    await fixture.rpc.write({ resource: artist() });
    const before = fixture.server.backend.position();
    const { outcome } = await fixture.rpc.delete({ id: id(Artist, "korn", { uid: ULID }) });
    expect(outcome).toBe(Outcome.ABSENT);
    expect(fixture.server.backend.position()).toEqual(before);
  });

  it("T290, T301: compares a version, with or without a uid, and tells the current one", async () => {
    const written = await stored(fixture.rpc.write({ resource: artist() }));
    for (const target of [written.id, korn]) {
      for (const version of ["1", "non-existent-version"]) {
        const call = fixture.rpc.delete({ id: target, version });
        const error = await expectNotApplied(call, Code.Aborted, "VERSION_MISMATCH");
        expect(errorMetadata(error)["current_version"]).toBe(written.version);
      }
    }
  });

  it("T296: through another version of the group ends the resource", async () => {
    await fixture.rpc.write({ resource: artist() });
    expect((await fixture.rpc.delete({ id: id(ArtistV1, "korn") })).outcome).toBe(Outcome.DELETED);
    await isGone(korn);
  });

  it("T298: reads what may be stale, and answers only what its commit proves", async () => {
    const backend = createMemoryBackend({ clock: systemClock, random: Math.random });
    const asked: unknown[] = [];
    const read: typeof backend.read = async (_, options) => {
      asked.push(options?.consistency ?? "eventual");
      return { record: undefined, position: backend.position() };
    };
    await createFixture({ backend }).rpc.write({ resource: artist() });
    await withFixture({ backend: { ...backend, read } }, async ({ rpc }) => {
      expect((await rpc.delete({ id: korn })).outcome).toBe(Outcome.DELETED);
      expect(asked).toEqual(["eventual"]);
    });
  });

  it("tells in a dry run what it would do", async () => {
    const written = await stored(fixture.rpc.write({ resource: artist() }));
    const dryRun = true;
    expect((await fixture.rpc.delete({ id: korn, dryRun })).outcome).toBe(Outcome.DELETED);
    const wrong = fixture.rpc.delete({ id: korn, version: "1", dryRun });
    await expectNotApplied(wrong, Code.Aborted, "VERSION_MISMATCH");
    expect(await stored(fixture.rpc.read({ id: korn }))).toEqual(written);
  });
});

describe("a delete of a resource with finalizers", () => {
  const withFinalizer = { metadata: { finalizers: "finalizer1" } };

  it("T291, T294: marks it", async () => {
    await fixture.rpc.write({ resource: artistV1("korn", withFinalizer) });
    expect((await fixture.rpc.delete({ id: id(ArtistV1, "korn") })).outcome).toBe(Outcome.MARKED);
    const { metadata } = await stored(fixture.rpc.read({ id: id(ArtistV1, "korn") }));
    expect(metadata["deletionTimestamp"]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  });

  it("T292: marks it once", async () => {
    await fixture.rpc.write({ resource: artist("korn", withFinalizer) });
    await fixture.rpc.delete({ id: korn });
    const before = await stored(fixture.rpc.read({ id: korn }));
    expect((await fixture.rpc.delete({ id: korn })).outcome).toBe(Outcome.MARKED);
    expect(await stored(fixture.rpc.read({ id: korn }))).toEqual(before);
  });

  it("T293: has nothing left to do once they are gone", async () => {
    await fixture.rpc.write({ resource: artist("korn", withFinalizer) });
    await fixture.rpc.delete({ id: korn });
    await fixture.rpc.write({ resource: artist("korn", { metadata: { finalizers: "" } }) });
    expect((await fixture.rpc.delete({ id: korn })).outcome).toBe(Outcome.ABSENT);
    await isGone(korn);
  });

  it("T299: changes generation and version, and neither data nor status nor owner", async () => {
    const owner = await stored(fixture.rpc.write({ resource: artist() }));
    const { id: named } = await stored(
      fixture.rpc.write({ resource: album("issues", { ...withFinalizer, owner: owner.id }) }),
    );
    const status = { observedGeneration: ULID };
    const before = await stored(fixture.rpc.writeStatus({ id: named, key: "x.dev/y", status }));
    await fixture.rpc.delete({ id: named });
    const after = await stored(fixture.rpc.read({ id: named }));
    expect(after.generation).not.toBe(before.generation);
    expect(after.version).not.toBe(before.version);
    expect([after.data, after.status, after.owner]).toEqual([before.data, before.status, before.owner]);
  });

  it("T300: compares a version, with or without a uid", async () => {
    const written = await stored(fixture.rpc.write({ resource: artist("korn", withFinalizer) }));
    for (const target of [written.id, korn]) {
      const call = fixture.rpc.delete({ id: target, version: "1" });
      await expectNotApplied(call, Code.Aborted, "VERSION_MISMATCH");
    }
    expect(await stored(fixture.rpc.read({ id: korn }))).toEqual(written);
  });

  it("is not judged by the type's rules, which could make it undeletable", async () => {
    await fixture.rpc.write({ resource: artist("korn", withFinalizer) });
    const validate = () => [{ field: "data", description: "is never right" }];
    const strict = defineDomain({ types: [Artist], hooks: [on(Artist, { validate })] });
    const { rpc } = createFixture({ backend: fixture.server.backend, domains: [strict] });
    expect((await rpc.delete({ id: korn })).outcome).toBe(Outcome.MARKED);
  });
});

describe("the caller of a delete", () => {
  it("T278: is denied without the right to write", async () => {
    await fixture.rpc.write({ resource: artist() });
    const rpc = restricted(fixture, "write demo.v1.Artist");
    const call = rpc.delete({ id: korn, version: "1" });
    const error = await expectNotApplied(call, Code.PermissionDenied, "PERMISSION_DENIED");
    expect(errorMetadata(error)).toEqual({ applied: "no" });
  });

  it("T279: passes with it", async () => {
    await fixture.rpc.write({ resource: artist() });
    const rpc = restricted(fixture, "write demo.v2.Artist");
    expect((await rpc.delete({ id: korn })).outcome).toBe(Outcome.DELETED);
  });

  it("T297: is denied whether or not there is something to delete", async () => {
    const rpc = restricted(fixture);
    const call = rpc.delete({ id: korn });
    await expectNotApplied(call, Code.PermissionDenied, "PERMISSION_DENIED");
    await fixture.rpc.write({ resource: artist() });
    const other = rpc.delete({ id: id(Artist, "korn", { uid: ULID }) });
    await expectNotApplied(other, Code.PermissionDenied, "PERMISSION_DENIED");
  });
});
