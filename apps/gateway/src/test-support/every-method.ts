import { create } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "@jest/globals";
import {
  DeleteResponse_Outcome,
  type Operation,
  OperationSchema,
  ResourceService,
  WriteResponse_Outcome,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { Condition_State, type ID, type Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { TypeService } from "@trellis/protos/trellis/resource/v1/type_service_pb";
import { errorReason, errorViolations } from "@trellis/resource";

import { ALBUM, album, albumId } from "./album.ts";
import type { Caller } from "./callers/caller.ts";

const { method } = ResourceService;

/** One client under test. */
interface Subject {
  /** Keeps its resources apart from those of other clients. */
  readonly names: string;
  readonly unary: Caller["unary"];
  /** Writes an album and answers it as stored. */
  readonly stored: (name: string) => Promise<Resource & { id: ID }>;
}

/** One test for each unary method of the API, through one client. `names` keeps its resources apart from those of other clients. */
export function describeEveryMethod(title: string, names: string, caller: () => Pick<Caller, "unary">): void {
  const unary: Caller["unary"] = (rpc, request) => caller().unary(rpc, request);
  async function stored(name: string): Promise<Resource & { id: ID }> {
    const { resource } = await unary(method.write, { resource: album(`${names}-${name}`, name) });
    if (resource?.id === undefined) throw new Error("the write answered without its resource");
    return resource as Resource & { id: ID };
  }
  const subject: Subject = { names, unary, stored };
  describe(title, () => {
    itReadsAndWrites(subject);
    itListsAndDeletes(subject);
    itTakesManyAndTellsTypes(subject);
  });
}

function itReadsAndWrites({ names, unary, stored }: Subject): void {
  it("Write creates, and a second one changes nothing", async () => {
    const first = await unary(method.write, { resource: album(`${names}-write`, "Loveless") });
    expect(first.outcome).toBe(WriteResponse_Outcome.CREATED);
    const second = await unary(method.write, { resource: album(`${names}-write`, "Loveless") });
    expect(second).toEqual({ ...first, outcome: WriteResponse_Outcome.UNCHANGED });
  });

  it("Read answers what was written", async () => {
    const resource = await stored("read");
    expect((await unary(method.read, { id: albumId(`${names}-read`) })).resource).toEqual(resource);
  });

  it("Read of what is absent fails with its code and reason", async () => {
    const error = await failure(unary(method.read, { id: albumId(`${names}-nobody`) }));
    expect([error.code, errorReason(error)]).toEqual([5, "RESOURCE_NOT_FOUND"]);
  });

  it("Write of what breaks rules tells all violations", async () => {
    const error = await failure(unary(method.write, { resource: { id: { name: "Not A Name" } } }));
    expect([error.code, errorReason(error)]).toEqual([3, "INVALID_REQUEST"]);
    expect(errorViolations(error).map(({ field }) => field)).toEqual(
      expect.arrayContaining(["resource.id.name", "resource.id.type"]),
    );
  });

  it("WriteStatus sets a status, and the generation stays", async () => {
    const { id, generation } = await stored("status");
    const { resource } = await unary(method.writeStatus, {
      id,
      key: "acme.dev/shop",
      status: {
        observedGeneration: generation,
        conditions: [{ type: "Ready", state: Condition_State.TRUE }],
      },
    });
    expect(resource?.status["acme.dev/shop"]?.conditions[0]?.type).toBe("Ready");
    expect(resource?.generation).toBe(generation);
  });
}

function itListsAndDeletes({ names, unary, stored }: Subject): void {
  it("List answers in the order of names", async () => {
    const [second, first] = [await stored("list-2"), await stored("list-1")];
    const list = { type: ALBUM, tenancy: {}, namePrefix: `${names}-list-` };
    expect((await unary(method.list, list)).resources).toEqual([first, second]);
  });

  it("ListByOwner answers what a resource owns", async () => {
    const owner = await stored("owner");
    const child = { ...album(`${names}-child`, "Child"), owner: owner.id };
    const { resource } = await unary(method.write, { resource: child });
    expect((await unary(method.listByOwner, { owner: owner.id })).resources).toEqual([resource]);
  });

  it("Delete deletes, and then finds nothing", async () => {
    const id = albumId((await stored("delete")).id.name);
    expect((await unary(method.delete, { id })).outcome).toBe(DeleteResponse_Outcome.DELETED);
    expect((await unary(method.delete, { id })).outcome).toBe(DeleteResponse_Outcome.ABSENT);
  });
}

function itTakesManyAndTellsTypes({ names, unary }: Subject): void {
  it("MutateAndValidate answers what would be stored, and stores nothing", async () => {
    const request = { resource: album(`${names}-tried`, "Tried") };
    const { resource } = await unary(method.mutateAndValidate, request);
    expect(resource?.id?.tenancy?.namespace).toBe("default");
    expect(errorReason(await failure(unary(method.read, { id: albumId(`${names}-tried`) })))).toBe(
      "RESOURCE_NOT_FOUND",
    );
  });

  it("Transact commits all of it as one version", async () => {
    const operations = ["one", "two"].map((name) => writeOperation(album(`${names}-transact-${name}`, name)));
    const { results, version } = await unary(method.transact, { operations });
    const versions = results.map(({ result }) =>
      result.case === "write" ? result.value.resource?.version : result.case,
    );
    expect(versions).toEqual([version, version]);
  });

  it("BatchWrite answers each operation by itself", async () => {
    const operations = [
      writeOperation(album(`${names}-batch`, "Good")),
      writeOperation(album("Bad Name", "Bad")),
    ];
    const { results } = await unary(method.batchWrite, { operations });
    expect(results.map(({ result }) => result.case)).toEqual(["write", "error"]);
  });

  it("ListTypes and GetSchema describe the types", async () => {
    const { types } = await unary(TypeService.method.listTypes, {});
    expect(types.map(({ messageName }) => messageName)).toContain("trellis.demo.v2.Album");
    const { files } = await unary(TypeService.method.getSchema, { types: [ALBUM] });
    expect(files?.file.map(({ name }) => name)).toContain("trellis/demo/v2/demo.proto");
  });
}

function writeOperation(resource: Resource): Operation {
  return create(OperationSchema, { operation: { case: "write", value: { resource } } });
}

async function failure(call: Promise<unknown>): Promise<ConnectError> {
  const error: unknown = await call.then(
    () => new Error("the call succeeded"),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ConnectError)) throw error;
  return error;
}
