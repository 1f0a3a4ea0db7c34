import { Code } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { DeleteResponse_Outcome as Outcome } from "@trellis/protos/trellis/resource/v1/resource_service_pb";

import {
  artist,
  Artist,
  createFixture,
  Executive,
  expectError,
  expectInvalid,
  type Fixture,
  id,
  Label,
  LONG,
  stored,
} from "./test-support/fixture.ts";

let fixture: Fixture;
beforeEach(() => {
  fixture = createFixture();
});
afterEach(() => fixture.server.close());

async function isGone(): Promise<void> {
  await expectError(fixture.rpc.read({ id: id(Artist, "korn") }), Code.NotFound, "RESOURCE_NOT_FOUND");
}

describe("a delete's request", () => {
  it.each([
    ["T265: has no id", undefined, "id", "is required"],
    ["T266: has no type", { name: "korn" }, "id.type", "is required"],
    ["T267: has an empty name", id(Artist, ""), "id.name", "invalid"],
    ["T269: has a long name", id(Artist, LONG), "id.name", "invalid"],
    [
      "T270: has a partition in mixed case",
      id(Artist, "korn", { tenancy: { partition: "Default" } }),
      "id.tenancy",
      "invalid",
    ],
  ])("is refused: %s", async (_, target, field, words) => {
    await expectInvalid(fixture.rpc.delete(target === undefined ? {} : { id: target }), field, words);
  });

  it("T274, T275: is refused for a tenancy that the scope has none of", async () => {
    await expectInvalid(
      fixture.rpc.delete({ id: id(Label, "x", { tenancy: { namespace: "n" } }) }),
      "id.tenancy.namespace",
      "cannot have",
      "WRONG_SCOPE",
    );
    await expectInvalid(
      fixture.rpc.delete({ id: id(Executive, "x", { tenancy: { partition: "p" } }) }),
      "id.tenancy.partition",
      "cannot have",
      "WRONG_SCOPE",
    );
  });
});

describe("a delete", () => {
  it.each([
    ["T280: with version and uid", true, true],
    ["T281: with version only", true, false],
    ["T282: with uid only", false, true],
    ["T283: with neither", false, false],
  ])("ends the resource: %s", async (_, withVersion, withUid) => {
    const korn = await stored(fixture.rpc.write({ resource: artist() }));
    const target = id(Artist, "korn", withUid ? { uid: korn.id.uid } : {});
    const { outcome } = await fixture.rpc.delete({ id: target, version: withVersion ? korn.version : "" });
    expect(outcome).toBe(Outcome.DELETED);
    await isGone();
  });

  it("T286, T289: of what is not there succeeds", async () => {
    expect((await fixture.rpc.delete({ id: id(Artist, "korn") })).outcome).toBe(Outcome.ABSENT);
  });

  it("T295: of another incarnation does nothing", async () => {
    await fixture.rpc.write({ resource: artist() });
    const { outcome } = await fixture.rpc.delete({
      id: id(Artist, "korn", { uid: "01JDE6XJ4Z8Q6Z0000000000AA" }),
    });
    expect(outcome).toBe(Outcome.ABSENT);
    expect((await fixture.rpc.read({ id: id(Artist, "korn") })).resource).toBeDefined();
  });

  it("T290, T301: compares a version, with or without a uid", async () => {
    const korn = await stored(fixture.rpc.write({ resource: artist() }));
    await expectError(fixture.rpc.delete({ id: korn.id, version: "1" }), Code.Aborted, "VERSION_MISMATCH");
    await expectError(
      fixture.rpc.delete({ id: id(Artist, "korn"), version: "1" }),
      Code.Aborted,
      "VERSION_MISMATCH",
    );
  });

  it("T291, T292, T299, T300: marks a resource with finalizers, once", async () => {
    const before = await stored(
      fixture.rpc.write({ resource: artist("korn", { metadata: { finalizers: "f" } }) }),
    );
    await expectError(fixture.rpc.delete({ id: before.id, version: "1" }), Code.Aborted, "VERSION_MISMATCH");
    expect((await fixture.rpc.delete({ id: before.id })).outcome).toBe(Outcome.MARKED);
    const marked = await stored(fixture.rpc.read({ id: before.id }));
    expect(marked.metadata["deletionTimestamp"]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(marked.generation).not.toBe(before.generation);
    expect((await fixture.rpc.delete({ id: before.id })).outcome).toBe(Outcome.MARKED);
    expect((await stored(fixture.rpc.read({ id: before.id }))).version).toBe(marked.version);
  });

  it("tells in a dry run what it would do", async () => {
    await fixture.rpc.write({ resource: artist() });
    expect((await fixture.rpc.delete({ id: id(Artist, "korn"), dryRun: true })).outcome).toBe(
      Outcome.DELETED,
    );
    expect((await fixture.rpc.read({ id: id(Artist, "korn") })).resource).toBeDefined();
  });

  it("T278: needs permission", async () => {
    const some = createFixture({
      authorizer: {
        decide: ({ verb, identity }) =>
          verb === "write" && identity.name === "anonymous" && denying
            ? { decision: "deny", reason: "no" }
            : { decision: "allow" },
      },
    });
    let denying = false;
    await some.rpc.write({ resource: artist() });
    denying = true;
    await expectError(
      some.rpc.delete({ id: id(Artist, "korn") }),
      Code.PermissionDenied,
      "PERMISSION_DENIED",
    );
    await some.server.close();
  });
});
