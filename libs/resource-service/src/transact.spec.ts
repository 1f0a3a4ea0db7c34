import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { ID } from "@trellis/protos/trellis/resource/v1/resource_pb";
import {
  type CheckSchema,
  type OperationSchema,
  WriteResponse_Outcome as Outcome,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { errorMetadata, errorViolations } from "@trellis/resource";

import {
  album,
  artist,
  Artist,
  createFixture,
  expectError,
  expectInvalid,
  expectNotApplied,
  type Fixture,
  id,
  Label,
  label,
  resource,
  restricted,
  stored,
  ULID,
} from "./test-support/fixture.ts";

let fixture: Fixture;
beforeEach(() => {
  fixture = createFixture();
});
afterEach(() => fixture.server.close());

type Step = MessageInitShape<typeof OperationSchema>;
type Condition = MessageInitShape<typeof CheckSchema>;
const write = (next: ReturnType<typeof artist>, preconditions: Condition[] = []): Step => ({
  operation: { case: "write", value: { resource: next, preconditions } },
});
const remove = (name: string, version = ""): Step => ({
  operation: { case: "delete", value: { id: id(Artist, name), version } },
});
const check = (value: Condition): Step => ({ operation: { case: "check", value } });
const writeStatus = (target: ID, status = { observedGeneration: ULID }): Step => ({
  operation: { case: "writeStatus", value: { id: target, key: "x.dev/y", status } },
});
const transact = (...operations: Step[]) => fixture.rpc.transact({ operations });

describe("a transaction", () => {
  it("applies everything as one version, an owner and its child among it", async () => {
    const muse = await stored(fixture.rpc.write({ resource: artist("muse") }));
    await fixture.rpc.write({ resource: artist("gone") });
    const owner = id(Artist, "korn") as ID;
    const { results, version } = await transact(
      write(artist()),
      write(album("issues", { owner })),
      writeStatus(muse.id),
      remove("gone"),
      check({ id: id(Artist, "never"), absent: true }),
    );
    const cases = results.map(({ result }) => result.case);
    expect(cases).toEqual(["write", "write", "writeStatus", "delete", undefined]);
    const korn = await stored(fixture.rpc.read({ id: id(Artist, "korn") }));
    const { resources } = await fixture.rpc.listByOwner({ owner: korn.id });
    const status = await stored(fixture.rpc.read({ id: muse.id }));
    expect([korn.version, status.version, ...resources.map((one) => one.version)]).toEqual(
      Array(3).fill(version),
    );
  });

  it("takes no version when it changes nothing", async () => {
    await fixture.rpc.write({ resource: artist() });
    const before = fixture.server.backend.position();
    const { results, version } = await transact(write(artist()), remove("absent"));
    const [first] = results;
    expect(first?.result.case === "write" && first.result.value.outcome).toBe(Outcome.UNCHANGED);
    expect(fixture.server.backend.position()).toEqual(before);
    expect(version).toBe(String(before.version));
  });

  it("checks each step as the single method does, and names the one that fails", async () => {
    const korn = await stored(fixture.rpc.write({ resource: artist() }));
    const before = fixture.server.backend.position();
    const orphan = album("x", { owner: id(Artist, "absent") as ID });
    const cases: [Step, Code, string][] = [
      [write(artist("korn", { version: "1", metadata: { a: "b" } })), Code.Aborted, "VERSION_MISMATCH"],
      [write(artist("korn", { uid: ULID })), Code.FailedPrecondition, "UID_MISMATCH"],
      [write(orphan), Code.InvalidArgument, "OWNER_NOT_FOUND"],
      [write(resource(Artist, "x", {})), Code.InvalidArgument, "INVALID_DATA"],
      [write(artist("BAD")), Code.InvalidArgument, "INVALID_REQUEST"],
      [write(label("x", { tenancy: { namespace: "n" } })), Code.InvalidArgument, "WRONG_SCOPE"],
      [remove("korn", "1"), Code.Aborted, "VERSION_MISMATCH"],
      [writeStatus({ ...korn.id, uid: ULID }), Code.NotFound, "RESOURCE_NOT_FOUND"],
      [writeStatus(korn.id, { observedGeneration: "x" }), Code.InvalidArgument, "INVALID_REQUEST"],
      [check({ id: id(Artist, "absent") }), Code.FailedPrecondition, "PRECONDITION_FAILED"],
      [check({ id: id(Artist, "x"), version: "y" }), Code.InvalidArgument, "INVALID_REQUEST"],
      [{}, Code.InvalidArgument, "INVALID_REQUEST"],
    ];
    for (const [step, code, reason] of cases) {
      const error = await expectNotApplied(transact(write(artist("other")), step), code, reason);
      expect([reason, errorMetadata(error)["operation"]]).toEqual([reason, "1"]);
      for (const { field } of errorViolations(error)) expect(field).toMatch(/^operations\[1\]/);
    }
    expect(fixture.server.backend.position()).toEqual(before);
  });

  it("tells the current version of the step whose version is another", async () => {
    const korn = await stored(fixture.rpc.write({ resource: artist() }));
    const error = await expectNotApplied(
      transact(write(artist("korn", { version: "1", metadata: { a: "b" } }))),
      Code.Aborted,
      "VERSION_MISMATCH",
    );
    expect(errorMetadata(error)).toEqual({ operation: "0", applied: "no", current_version: korn.version });
  });

  it("has later steps see what earlier ones do", async () => {
    const korn = await stored(fixture.rpc.write({ resource: artist() }));
    const orphan = transact(remove("korn"), write(album("issues", { owner: korn.id })));
    await expectNotApplied(orphan, Code.InvalidArgument, "OWNER_NOT_FOUND");
    const words = "an earlier operation of this request changes it";
    const gone = transact(remove("korn"), check({ id: korn.id }));
    await expectNotApplied(gone, Code.FailedPrecondition, "PRECONDITION_FAILED", words);
    await transact(remove("korn"), check({ id: id(Artist, "korn"), absent: true }));
  });

  it("changes a resource at most once, however it is named", async () => {
    const full = artist("korn", { tenancy: { partition: "default", namespace: "default" } });
    const call = transact(write(full), remove("korn"));
    const error = await expectInvalid(call, "operations[1]", "same resource as operations[0]");
    expect(errorMetadata(error)["operation"]).toBe("1");
  });

  it("takes between 1 and 128 operations", async () => {
    await expectInvalid(transact(), "operations");
    const many = (length: number) => Array.from({ length }, (_, n) => remove(`a-${n}`));
    await expectInvalid(transact(...many(129)), "operations");
    expect((await transact(...many(128))).results).toHaveLength(128);
  });

  it("takes at most 256 preconditions, those of all its operations and its checks together", async () => {
    const absent = (name: string) => ({ id: id(Artist, name), absent: true });
    const conditions = (length: number) => Array.from({ length }, (_, n) => absent(`absent-${n}`));
    const call = transact(
      write(artist("a"), conditions(128)),
      write(artist("b"), conditions(128)),
      check(absent("c")),
    );
    await expectInvalid(call, "operations", "257 preconditions together, at most 256");
    await transact(write(artist("a"), conditions(128)), write(artist("b"), conditions(128)));
  });

  it("takes no more bytes than fit into one commit", async () => {
    const name = "x".repeat(900 * 1024);
    const steps = Array.from({ length: 5 }, (_, n) => write(resource(Artist, `a-${n}`, { name })));
    await expectInvalid(transact(...steps), "operations", "split the transaction");
  });

  it("is dry as a whole, or not at all", async () => {
    const before = fixture.server.backend.position();
    const { results } = await fixture.rpc.transact({ operations: [write(artist())], dryRun: true });
    const [first] = results;
    expect(first?.result.case === "write" && first.result.value.outcome).toBe(Outcome.CREATED);
    expect(fixture.server.backend.position()).toEqual(before);
    const inside: Step = { operation: { case: "write", value: { resource: artist(), dryRun: true } } };
    const error = await expectInvalid(transact(inside), "operations[0].write.dry_run");
    expect(errorMetadata(error)["operation"]).toBe("0");
  });

  it("is denied when one step is", async () => {
    const rpc = restricted(fixture, "write demo.v2.Artist");
    const call = rpc.transact({ operations: [write(artist()), write(album())] });
    const error = await expectNotApplied(call, Code.PermissionDenied, "PERMISSION_DENIED");
    expect(errorMetadata(error)["operation"]).toBe("1");
    await expectError(fixture.rpc.read({ id: id(Artist, "korn") }), Code.NotFound, "RESOURCE_NOT_FOUND");
  });
});

describe("preconditions", () => {
  it.each([
    ["that it is there", () => ({}), true],
    ["the uid", ({ id: { uid } }: { id: ID }) => ({ uid }), true],
    ["another uid", () => ({ uid: ULID }), false],
  ])("compare %s", async (_, parts, holds) => {
    const korn = await stored(fixture.rpc.write({ resource: artist() }));
    const preconditions = [{ id: id(Artist, "korn", parts(korn)) }];
    const call = fixture.rpc.delete({ id: id(Artist, "absent"), preconditions });
    if (holds) await call;
    else await expectNotApplied(call, Code.FailedPrecondition, "PRECONDITION_FAILED", "preconditions[0]");
  });

  it("compare version and generation, and tell what is there", async () => {
    const korn = await stored(fixture.rpc.write({ resource: artist() }));
    const { version, generation } = korn;
    const call = (condition: Condition) =>
      fixture.rpc.writeStatus({
        id: korn.id,
        key: "x.dev/y",
        status: { observedGeneration: ULID },
        preconditions: [{ id: id(Artist, "korn"), ...condition } as Condition],
        dryRun: true,
      });
    for (const right of [{ version }, { generation }, { version, generation }]) await call(right);
    for (const wrong of [
      { version: "1" },
      { generation: ULID },
      { absent: true },
      { version, generation: ULID },
    ]) {
      const error = await expectNotApplied(call(wrong), Code.FailedPrecondition, "PRECONDITION_FAILED");
      expect(errorMetadata(error)).toMatchObject({
        precondition: "preconditions[0]",
        current_version: version,
      });
    }
    await expectInvalid(call({ absent: true, version }), "preconditions[0]", "absent excludes version");
  });

  it("are compared inside the commit: fencing by a lease's generation", async () => {
    const lease = await stored(fixture.rpc.write({ resource: artist("lease") }));
    const fence = { id: id(Artist, "lease"), generation: lease.generation };
    const guarded = (metadata: Record<string, string>) =>
      fixture.rpc.write({ resource: artist("work", { metadata }), preconditions: [fence] });
    await guarded({});
    const status = { observedGeneration: ULID };
    await fixture.rpc.writeStatus({ id: lease.id, key: "renewed", status });
    await guarded({ a: "b" });
    await fixture.rpc.write({ resource: artist("lease", { metadata: { holder: "other" } }) });
    const words = "at generation";
    const reason = "PRECONDITION_FAILED";
    await expectNotApplied(guarded({ a: "c" }), Code.FailedPrecondition, reason, words);
    await expectNotApplied(guarded({ a: "b" }), Code.FailedPrecondition, reason, words);
  });

  it("are at most 256", async () => {
    const preconditions = Array.from({ length: 257 }, () => ({ id: id(Artist, "x"), absent: true }));
    await expectInvalid(fixture.rpc.write({ resource: artist(), preconditions }), "preconditions");
  });

  it("need the right to read what they compare, by name or by the resource", async () => {
    const rpc = restricted(fixture, "write demo.v2.Artist");
    const checked = (target: ReturnType<typeof id>) =>
      rpc.write({ resource: artist(), preconditions: [{ id: target, absent: true }] });
    const reason = "PERMISSION_DENIED";
    await expectNotApplied(checked(id(Artist, "other")), Code.PermissionDenied, reason);
    await checked(id(Label, "secret"));
    await fixture.rpc.write({ resource: label("secret") });
    await expectNotApplied(checked(id(Label, "secret")), Code.PermissionDenied, reason);
  });
});
