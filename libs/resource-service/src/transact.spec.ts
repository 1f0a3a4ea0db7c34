import { Code } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import {
  type Operation,
  WriteResponse_Outcome,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { errorMetadata } from "@trellis/resource";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { OperationSchema } from "@trellis/protos/trellis/resource/v1/resource_service_pb";

import {
  album,
  artist,
  Artist,
  createFixture,
  expectError,
  expectInvalid,
  type Fixture,
  id,
  stored,
} from "./test-support/fixture.ts";

let fixture: Fixture;
beforeEach(() => {
  fixture = createFixture();
});
afterEach(() => fixture.server.close());

type Step = MessageInitShape<typeof OperationSchema>;
const write = (resource: ReturnType<typeof artist>): Step => ({
  operation: { case: "write", value: { resource } },
});
const remove = (name: string): Step => ({ operation: { case: "delete", value: { id: id(Artist, name) } } });
const check = (value: Extract<Operation["operation"], { case: "check" }>["value"] | object): Step => ({
  operation: { case: "check", value: value as never },
});

describe("a transaction", () => {
  it("applies everything as one version, an owner and its child among it", async () => {
    const owner = id(Artist, "korn") as never;
    const { results, version } = await fixture.rpc.transact({
      operations: [
        write(artist()),
        write(album("issues", { owner })),
        check({ id: id(Artist, "gone"), absent: true }),
      ],
    });
    expect(results.map(({ result }) => result.case)).toEqual(["write", "write", undefined]);
    const korn = await stored(fixture.rpc.read({ id: id(Artist, "korn") }));
    expect(korn.version).toBe(version);
    expect((await fixture.rpc.listByOwner({ owner: korn.id })).resources.map((one) => one.version)).toEqual([
      version,
    ]);
  });

  it("applies nothing when one step fails, and names the step", async () => {
    const error = await expectError(
      fixture.rpc.transact({ operations: [write(artist()), check({ id: id(Artist, "muse") })] }),
      Code.FailedPrecondition,
      "PRECONDITION_FAILED",
      "operations[1].check",
    );
    expect(errorMetadata(error)).toMatchObject({ operation: "1", applied: "no" });
    await expectError(fixture.rpc.read({ id: id(Artist, "korn") }), Code.NotFound, "RESOURCE_NOT_FOUND");
  });

  it("checks each step as the single method does", async () => {
    const wrong = artist("korn", { version: "1" });
    const error = await expectError(
      fixture.rpc.transact({ operations: [remove("x"), write(wrong)] }),
      Code.Aborted,
      "VERSION_MISMATCH",
    );
    expect(errorMetadata(error)["operation"]).toBe("1");
  });

  it("changes a resource at most once", async () => {
    await expectInvalid(
      fixture.rpc.transact({ operations: [write(artist()), remove("korn")] }),
      "operations[1]",
      "same resource as operations[0]",
    );
  });

  it("takes between 1 and 128 operations", async () => {
    await expectInvalid(fixture.rpc.transact({}), "operations");
    await expectInvalid(
      fixture.rpc.transact({ operations: Array.from({ length: 129 }, (_, n) => remove(`a-${n}`)) }),
      "operations",
    );
  });

  it("stores nothing in a dry run", async () => {
    const { results } = await fixture.rpc.transact({ operations: [write(artist())], dryRun: true });
    expect(results[0]?.result.case === "write" ? results[0].result.value.outcome : undefined).toBe(
      WriteResponse_Outcome.CREATED,
    );
    await expectError(fixture.rpc.read({ id: id(Artist, "korn") }), Code.NotFound, "RESOURCE_NOT_FOUND");
  });
});

describe("preconditions", () => {
  it("are compared inside the commit: fencing by a lease's generation", async () => {
    const lease = await stored(fixture.rpc.write({ resource: artist("lease") }));
    const fence = { id: id(Artist, "lease"), generation: lease.generation };
    await fixture.rpc.write({ resource: artist("work"), preconditions: [fence] });
    await fixture.rpc.write({ resource: artist("lease", { metadata: { holder: "other" } }) });
    await expectError(
      fixture.rpc.write({ resource: artist("work", { metadata: { a: "b" } }), preconditions: [fence] }),
      Code.FailedPrecondition,
      "PRECONDITION_FAILED",
      "at generation",
    );
  });
});

describe("a batch", () => {
  it("applies each operation by itself, in whatever order they end", async () => {
    const { results } = await fixture.rpc.batchWrite({
      operations: [write(artist("good")), write(artist("BAD")), remove("absent"), write(artist("fine"))],
    });
    expect(results.map(({ result }) => result.case)).toEqual(["write", "error", "delete", "write"]);
    expect(results[1]?.result.case === "error" ? results[1].result.value.code : undefined).toBe(
      Code.InvalidArgument,
    );
  });

  it("takes no checks and no dry runs", async () => {
    await expectInvalid(
      fixture.rpc.batchWrite({ operations: [check({ id: id(Artist, "x") })] }),
      "operations[0]",
      "check",
    );
    await expectInvalid(
      fixture.rpc.batchWrite({
        operations: [{ operation: { case: "write", value: { resource: artist(), dryRun: true } } }],
      }),
      "operations[0]",
      "dry_run",
    );
  });
});
