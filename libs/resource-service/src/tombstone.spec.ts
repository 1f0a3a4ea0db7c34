import { create } from "@bufbuild/protobuf";
import { anyPack, anyUnpack } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { describe, expect, it } from "@jest/globals";
import { anonymous } from "@trellis/authz";
import { defineDomain } from "@trellis/controller";
import demo from "@trellis/demo";
import { type ID, ResourceSchema, TombstoneSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { DeleteResponse_Outcome as Outcome } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { isUlid, resourceType, systemClock } from "@trellis/resource";
import { createMemoryBackend } from "@trellis/storage-memory";

import {
  album,
  artist,
  Artist,
  expectError,
  expectNotApplied,
  type Fixture,
  id,
  label,
  Label,
  type Rpc,
  stored,
  tenancyOf,
  typeMessage,
  ULID,
  withFixture,
} from "./test-support/fixture.ts";
import { createWatches } from "./test-support/watching.ts";

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
