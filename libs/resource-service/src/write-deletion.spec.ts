import { create } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { WriteResponse_Outcome as Outcome } from "@trellis/protos/trellis/resource/v1/resource_service_pb";

import { checkDeletionRules } from "./deletion-rules.ts";
import {
  artist,
  Artist,
  Concept,
  createFixture,
  executive,
  Executive,
  expectError,
  expectInvalid,
  type Fixture,
  id,
  resource,
  stored,
  tenancyOf,
  withFixture,
} from "./test-support/fixture.ts";
import { createWatches } from "./test-support/watching.ts";

let fixture: Fixture;
beforeEach(() => {
  fixture = createFixture();
});
afterEach(() => fixture.server.close());

const NOW = "2026-01-01T00:00:00Z";
const target = id(Artist, "korn");

/** Writes `korn` with this metadata, and nothing else different. */
const write = (metadata: Record<string, string>, version = "") =>
  fixture.rpc.write({ resource: artist("korn", { metadata, version }) });

/** An artist with finalizers that was deleted, so that it is marked. */
async function marked(finalizers: string) {
  await write({ finalizers });
  await fixture.rpc.delete({ id: target });
  return await stored(fixture.rpc.read({ id: target }));
}

async function expectRule(call: Promise<unknown>, words: string) {
  await expectInvalid(call, "resource.metadata", words, "DELETION_RULE");
}

async function isGone() {
  await expectError(fixture.rpc.read({ id: target }), Code.NotFound, "RESOURCE_NOT_FOUND");
}

describe("a resource without data", () => {
  const concept = (data?: object, metadata: Record<string, string> = { finalizers: "f" }) =>
    fixture.rpc.write({ resource: resource(Concept, "jazz", data, { metadata }) });

  it("is one with empty data: writing the other changes nothing", async () => {
    await concept();
    expect((await concept({})).outcome).toBe(Outcome.UNCHANGED);
    await fixture.rpc.write({ resource: resource(Concept, "soul", {}) });
    const { outcome } = await fixture.rpc.write({ resource: resource(Concept, "soul") });
    expect(outcome).toBe(Outcome.UNCHANGED);
  });

  it("loses its last finalizer to a writer who sends empty data", async () => {
    await concept();
    await fixture.rpc.delete({ id: id(Concept, "jazz") });
    const { metadata } = await stored(fixture.rpc.read({ id: id(Concept, "jazz") }));
    expect((await concept({}, { ...metadata, finalizers: "" })).outcome).toBe(Outcome.DELETED);
  });

  it("is not one with data", async () => {
    await fixture.rpc.write({ resource: executive() });
    const { outcome } = await fixture.rpc.write({ resource: resource(Executive, "boss") });
    expect(outcome).toBe(Outcome.UPDATED);
    expect((await fixture.rpc.write({ resource: executive() })).outcome).toBe(Outcome.UPDATED);
  });
});

describe("the rules of a resource that is marked", () => {
  const withFinalizers = (finalizers: string | undefined) =>
    create(ResourceSchema, {
      metadata: { deletionTimestamp: NOW, ...(finalizers === undefined ? {} : { finalizers }) },
    });
  const check = (existing: string | undefined, next: string | undefined) =>
    checkDeletionRules(withFinalizers(existing), withFinalizers(next), "resource");

  it.each([
    ["T123: f1 f2 to f1", "f1 f2", "f1"],
    ["T124: f1 f2 to none left", "f1 f2", ""],
    ["T125: f1 f2 to no key", "f1 f2", undefined],
  ])("let finalizers go: %s", (_, existing, next) => {
    expect(check(existing, next)).toBe("ending");
  });

  it.each([
    ["T126: f1 to f1", "f1", "f1"],
    ["T127: f1 f2 to f3", "f1 f2", "f3"],
    ["T128: none to f3", undefined, "f3"],
  ])("let nothing else happen to them: %s", (_, existing, next) => {
    expect(() => check(existing, next)).toThrow("expected at least one finalizer to be removed");
  });
});

describe("a write around a deletion", () => {
  it("T129: cannot create what is marked already", async () => {
    for (const value of ["", NOW])
      await expectRule(write({ deletionTimestamp: value }), "can't be set on resource creation");
  });

  it("T130: may create with finalizers", async () => {
    expect((await stored(write({ finalizers: "f1" }))).metadata).toEqual({ finalizers: "f1" });
  });

  it("T131: cannot take the mark away", async () => {
    const { version } = await marked("f1");
    await expectRule(write({ finalizers: "f1" }, version), "cannot remove deletionTimestamp");
  });

  it("T132: cannot change the mark", async () => {
    await marked("f1");
    await expectRule(write({ deletionTimestamp: "other" }), "cannot modify deletionTimestamp");
  });

  it("T133: may mark, which is all that it does then", async () => {
    await write({ finalizers: "f1" });
    const { resource: found, outcome } = await write({ deletionTimestamp: NOW });
    expect([outcome, found?.metadata]).toEqual([
      Outcome.UPDATED,
      { finalizers: "f1", deletionTimestamp: NOW },
    ]);
  });

  it("T133: marks a resource without finalizers, and so ends it in the same commit", async () => {
    await write({});
    expect((await write({ deletionTimestamp: NOW })).outcome).toBe(Outcome.DELETED);
    await isGone();
  });

  it("T134: cannot change other metadata while it marks", async () => {
    await write({});
    await expectRule(write({ deletionTimestamp: NOW, other: "x" }), "cannot modify metadata");
  });

  it("T135: cannot change data while it marks", async () => {
    await write({});
    const next = resource(Artist, "korn", { name: "Other" }, { metadata: { deletionTimestamp: NOW } });
    await expectRule(fixture.rpc.write({ resource: next }), "cannot modify data");
  });

  it("T136: of what is stored changes nothing: that a write without effect is none comes before the rules of marked resources", async () => {
    const korn = await marked("f1");
    const { resource: found, outcome } = await fixture.rpc.write({ resource: korn });
    expect([outcome, found]).toEqual([Outcome.UNCHANGED, korn]);
  });

  it("T141: without a version keeps mark and finalizers, so that it may change nothing", async () => {
    const korn = await marked("f1");
    const { resource: found, outcome } = await write({});
    expect([outcome, found]).toEqual([Outcome.UNCHANGED, korn]);
  });

  it("T137: may remove a finalizer of several", async () => {
    await marked("f1 f2");
    const left = await stored(write({ finalizers: "f2" }));
    expect(left.metadata["finalizers"]).toBe("f2");
  });

  it("T138: cannot change data while it removes a finalizer", async () => {
    await marked("f1");
    const next = resource(Artist, "korn", { name: "Other" }, { metadata: { finalizers: "" } });
    await expectRule(fixture.rpc.write({ resource: next }), "cannot modify data");
  });

  it("T139: cannot change other metadata while it removes a finalizer", async () => {
    await marked("f1");
    await expectRule(write({ finalizers: "", other: "x" }), "cannot modify metadata");
  });

  it("T140: cannot add a finalizer", async () => {
    await marked("f1");
    const words = "expected at least one finalizer to be removed";
    await expectRule(write({ finalizers: "f1 f2" }), words);
  });

  it("T142: without a version may say that no finalizer is left, and keeps the mark", async () => {
    const korn = await marked("f1");
    const { resource: found, outcome } = await write({ finalizers: "" });
    expect(outcome).toBe(Outcome.DELETED);
    expect(found?.metadata["deletionTimestamp"]).toBe(korn.metadata["deletionTimestamp"]);
  });

  it("T143: without a version keeps the finalizers that it does not name", async () => {
    await write({ finalizers: "f1" });
    expect((await stored(write({ a: "b" }))).metadata).toEqual({ finalizers: "f1", a: "b" });
  });

  it("T144: with a version removes the finalizers that it does not name", async () => {
    const { version } = await stored(write({ finalizers: "f1" }));
    expect((await stored(write({}, version))).metadata).toEqual({});
  });

  it("T145: ends the resource with the last finalizer, in the same commit", async () => {
    await marked("f1 f2");
    expect((await write({ finalizers: "f2" })).outcome).toBe(Outcome.UPDATED);
    expect((await write({ finalizers: "" })).outcome).toBe(Outcome.DELETED);
    await isGone();
  });

  it("T145: of the last finalizer is told to watchers as one event, the end", async () => {
    await marked("f1");
    const watches = createWatches();
    const events = watches.open(fixture.rpc);
    await events.words(2);
    await write({ finalizers: "" });
    await fixture.rpc.write({ resource: artist("next") });
    expect(await events.words(2)).toEqual(["delete korn DELETED", "upsert next"]);
    watches.stopAll();
  });
});

describe("a write in a tenancy that is being deleted", () => {
  /** Runs a test on `korn`, with one finalizer, whose namespace is being deleted since. */
  async function inMarkedTenancy(test: (found: Fixture) => Promise<void>) {
    const units: Record<string, "live" | "marked"> = { "default/default": "live" };
    const policy = { state: () => tenancyOf(units).state({ partition: "default", namespace: "default" }) };
    await withFixture({ tenancy: { ...policy, guards: () => [] } }, async (found) => {
      await found.rpc.write({ resource: artist("korn", { metadata: { finalizers: "f1 f2" } }) });
      units["default/default"] = "marked";
      await test(found);
    });
  }
  const withMetadata = (metadata: Record<string, string>) => ({ resource: artist("korn", { metadata }) });

  it("T146: cannot change the resource", async () => {
    await inMarkedTenancy(async ({ rpc }) => {
      const words = "cannot write resource when tenancy marked for deletion";
      const call = rpc.write(withMetadata({ a: "b" }));
      await expectInvalid(call, "resource.id.tenancy", words, "TENANCY_MARKED_FOR_DELETION");
    });
  });

  it("T147: may mark it", async () => {
    await inMarkedTenancy(async ({ rpc }) => {
      expect((await rpc.write(withMetadata({ deletionTimestamp: NOW }))).outcome).toBe(Outcome.UPDATED);
    });
  });

  it("T148: may remove a finalizer", async () => {
    await inMarkedTenancy(async ({ rpc }) => {
      expect((await rpc.write(withMetadata({ finalizers: "f1" }))).outcome).toBe(Outcome.UPDATED);
    });
  });
});
