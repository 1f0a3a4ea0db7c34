import { type MessageInitShape, fromBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { BadRequestSchema, ErrorInfoSchema } from "@trellis/protos/google/rpc/error_details_pb";
import {
  DeleteResponse_Outcome,
  type OperationSchema,
  WriteResponse_Outcome,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";

import {
  artist,
  Artist,
  createFixture,
  expectInvalid,
  type Fixture,
  id,
  stored,
  ULID,
} from "./test-support/fixture.ts";

let fixture: Fixture;
beforeEach(() => {
  fixture = createFixture();
});
afterEach(() => fixture.server.close());

type Step = MessageInitShape<typeof OperationSchema>;
const write = (...args: Parameters<typeof artist>): Step => ({
  operation: { case: "write", value: { resource: artist(...args) } },
});
const remove = (name: string): Step => ({ operation: { case: "delete", value: { id: id(Artist, name) } } });
const batch = (...operations: Step[]) => fixture.rpc.batchWrite({ operations });

describe("a batch", () => {
  it("applies each operation by itself, and answers by position", async () => {
    const muse = await stored(fixture.rpc.write({ resource: artist("muse") }));
    const status: Step = {
      operation: {
        case: "writeStatus",
        value: { id: muse.id, key: "x.dev/y", status: { observedGeneration: ULID } },
      },
    };
    const { results, version } = await batch(
      write("good"),
      write("BAD"),
      remove("absent"),
      status,
      write("fine"),
    );
    expect(results.map(({ result }) => result.case)).toEqual([
      "write",
      "error",
      "delete",
      "writeStatus",
      "write",
    ]);
    expect(version).toBe(String(fixture.server.backend.position().version));
  });

  it("gives a failed operation's error as the single method would, details included", async () => {
    const korn = await stored(fixture.rpc.write({ resource: artist() }));
    const { results } = await batch(write("korn", { version: "1", metadata: { a: "b" } }), write("BAD"));
    const errors = results.map(({ result }) => (result.case === "error" ? result.value : undefined));
    expect(errors.map((error) => error?.code)).toEqual([Code.Aborted, Code.InvalidArgument]);
    const details = errors.flatMap((error) => error?.details ?? []);
    const infos = details
      .filter(({ typeUrl }) => typeUrl.endsWith("ErrorInfo"))
      .map(({ value }) => fromBinary(ErrorInfoSchema, value));
    expect(infos).toMatchObject([
      { reason: "VERSION_MISMATCH", metadata: { current_version: korn.version, applied: "no" } },
      { reason: "INVALID_REQUEST", domain: "trellis.dev", metadata: { applied: "no" } },
    ]);
    const bad = details.find(({ typeUrl }) => typeUrl.endsWith("BadRequest"));
    expect(bad && fromBinary(BadRequestSchema, bad.value).fieldViolations[0]?.field).toBe("resource.id.name");
  });

  it("applies the operations of one resource in their order", async () => {
    const { results } = await batch(
      write("korn", { metadata: { n: "1" } }),
      write("korn", { metadata: { n: "2" }, tenancy: { partition: "default" } }),
      remove("korn"),
      remove("korn"),
    );
    const outcomes = results.map(({ result }) =>
      result.case === "write" || result.case === "delete" ? result.value.outcome : undefined,
    );
    expect(outcomes).toEqual([
      WriteResponse_Outcome.CREATED,
      WriteResponse_Outcome.UPDATED,
      DeleteResponse_Outcome.DELETED,
      DeleteResponse_Outcome.ABSENT,
    ]);
  });

  it.each([
    ["alone runs many operations at a time", 1, 32],
    ["among many runs few, so that all together are no more than some hundred", 64, 256],
  ])("%s", async (_, batches, most) => {
    const { backend } = fixture.server;
    let underWay = 0;
    const found: number[] = [];
    const commit: typeof backend.commit = async (operations, options) => {
      found.push(++underWay);
      await new Promise((resolve) => setImmediate(resolve));
      underWay -= 1;
      return await backend.commit(operations, options);
    };
    const { rpc } = createFixture({ backend: { ...backend, commit } });
    const operationsOf = (one: number) => Array.from({ length: 100 }, (__, at) => write(`many-${one}-${at}`));
    const answers = await Promise.all(
      Array.from({ length: batches }, (__, one) => rpc.batchWrite({ operations: operationsOf(one) })),
    );
    expect(answers.flatMap(({ results }) => results).every(({ result }) => result.case === "write")).toBe(
      true,
    );
    // Batches that begin do not know yet of those that begin after them.
    const later = found.slice(found.length / 2);
    expect(Math.max(...later)).toBeLessThanOrEqual(most);
    expect(Math.max(...found)).toBeGreaterThan(16);
  });

  it("that began among many runs more at a time when it is alone", async () => {
    const { backend } = fixture.server;
    let underWay = 0;
    let most = 0;
    const commit: typeof backend.commit = async (operations, options) => {
      most = Math.max(most, ++underWay);
      await new Promise((resolve) => setImmediate(resolve));
      underWay -= 1;
      return await backend.commit(operations, options);
    };
    const { rpc } = createFixture({ backend: { ...backend, commit } });
    const operationsOf = (count: number, one: number) =>
      Array.from({ length: count }, (_, at) => write(`grown-${one}-${at}`));
    const short = Array.from({ length: 64 }, (_, one) =>
      rpc.batchWrite({ operations: operationsOf(8, one) }),
    );
    const long = rpc.batchWrite({ operations: operationsOf(600, 64) });
    await Promise.all(short);
    most = 0;
    await long;
    expect(most).toBe(32);
  });

  it("takes between 1 and 1000 operations", async () => {
    await expectInvalid(batch(), "operations");
    const many = (length: number) => Array.from({ length }, (_, n) => remove(`a-${n}`));
    await expectInvalid(batch(...many(1001)), "operations");
    expect((await batch(...many(1000))).results).toHaveLength(1000);
  });

  it("takes neither checks nor dry runs nor nothing, and tells of all of them", async () => {
    const call = batch(
      { operation: { case: "check", value: { id: id(Artist, "x") } } },
      { operation: { case: "write", value: { resource: artist(), dryRun: true } } },
      {},
    );
    const fields = ["operations[0].check", "operations[1].write.dry_run", "operations[2]"];
    for (const field of fields) await expectInvalid(call, field);
  });

  it("takes at most 256 preconditions, those of all its operations together", async () => {
    const preconditions = Array.from({ length: 200 }, () => ({ id: id(Artist, "x"), absent: true }));
    const step = (name: string): Step => ({
      operation: { case: "delete", value: { id: id(Artist, name), preconditions } },
    });
    await expectInvalid(batch(step("a"), step("b")), "operations", "400 preconditions together");
    expect((await batch(step("a"))).results[0]?.result.case).toBe("delete");
  });
});
