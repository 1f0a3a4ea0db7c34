import { Code } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { defineDomain, on } from "@trellis/controller";
import { DeleteResponse_Outcome as Outcome } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { errorMetadata, systemClock } from "@trellis/resource";
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
  Label,
  LONG,
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

const korn = id(Artist, "korn");

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
    await withFixture({ backend: { ...backend, read, readNow: undefined } }, async ({ rpc }) => {
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
    const words = async (request: { uid?: string } = {}) => {
      const call = rpc.delete({ id: id(Artist, "korn", request) });
      return (await expectNotApplied(call, Code.PermissionDenied, "PERMISSION_DENIED")).message;
    };
    const absent = await words();
    expect(absent).toContain("denied: delete demo.v2.Artist default/default/korn");
    await fixture.rpc.write({ resource: artist() });
    expect([await words(), await words({ uid: ULID })]).toEqual([absent, absent]);
  });
});
