import { Code } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { OperationSchema } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import type { TenancyPolicy } from "./tenancy.ts";

import {
  artist,
  Artist,
  Concept,
  createFixture,
  expectNotApplied,
  type Fixture,
  id,
  resource,
  stored,
  ULID,
} from "./test-support/fixture.ts";

/** Namespaces are concepts in the default namespace, which has no guard itself. Of every other one the policy believes the same, whatever is stored. */
function guarding(belief: "live" | "marked" | "absent"): TenancyPolicy {
  return {
    state: ({ namespace }) => ({
      partition: "live",
      namespace: namespace === "default" ? "live" : belief,
    }),
    guards: ({ partition, namespace: name }) =>
      name === "default"
        ? []
        : [
            {
              unit: "namespace",
              key: { group: "demo", kind: "Concept", partition, namespace: "default", name },
            },
          ],
  };
}

const inTeam = { tenancy: { partition: "default", namespace: "team" } };
let fixture: Fixture;
const write = (metadata: Record<string, string> = {}) =>
  fixture.rpc.write({ resource: artist("korn", { ...inTeam, metadata }) });
const createTeam = (metadata: Record<string, string> = {}) =>
  fixture.rpc.write({ resource: resource(Concept, "team", undefined, { metadata }) });
const deleteTeam = () => fixture.rpc.delete({ id: id(Concept, "team") });

describe.each(["live", "marked", "absent"] as const)(
  "a namespace that the policy believes to be %s",
  (belief) => {
    beforeEach(() => {
      fixture = createFixture({ tenancy: guarding(belief) });
    });
    afterEach(() => fixture.server.close());

    it("takes resources while it is there", async () => {
      await createTeam();
      await write();
      await write({ a: "b" });
    });

    it("takes nothing when it is not there", async () => {
      await expectNotApplied(write(), Code.InvalidArgument, "NAMESPACE_NOT_FOUND", "namespace not found");
      const target = id(Artist, "korn", { ...inTeam, uid: ULID });
      const call = fixture.rpc.writeStatus({ id: target, key: "x", status: { observedGeneration: ULID } });
      await expectNotApplied(call, Code.InvalidArgument, "NAMESPACE_NOT_FOUND");
    });

    it("takes nothing new, and no change, once it is being deleted; statuses and deletions pass", async () => {
      await createTeam({ finalizers: "f" });
      const korn = await stored(write({ finalizers: "f" }));
      await deleteTeam();
      const reason = "TENANCY_MARKED_FOR_DELETION";
      await expectNotApplied(write({ a: "b" }), Code.InvalidArgument, reason, "cannot write resource");
      const other = fixture.rpc.write({ resource: artist("muse", inTeam) });
      await expectNotApplied(other, Code.InvalidArgument, reason, "tenancy marked for deletion");
      await fixture.rpc.writeStatus({ id: korn.id, key: "x", status: { observedGeneration: ULID } });
      await fixture.rpc.delete({ id: korn.id });
      await write({ finalizers: "" });
    });

    it("may come in the same transaction as what is put into it", async () => {
      const operation = (next: ReturnType<typeof artist>): MessageInitShape<typeof OperationSchema> => ({
        operation: { case: "write", value: { resource: next } },
      });
      const { results } = await fixture.rpc.transact({
        operations: [operation(resource(Concept, "team")), operation(artist("korn", inTeam))],
      });
      expect(results).toHaveLength(2);
    });
  },
);

describe("a unit that was seen live", () => {
  it.each([
    ["a store that is elsewhere", undefined],
    ["a replica in this process that is asked for more than it has", () => undefined],
  ])(
    "is not read again for each write of %s, and the commit tells when it is live no more",
    async (_, readNow) => {
      fixture = createFixture({ tenancy: guarding("live") });
      const { backend } = fixture.server;
      const read: string[] = [];
      const elsewhere = createFixture({
        tenancy: guarding("live"),
        backend: {
          ...backend,
          readNow,
          async read(key, options) {
            read.push(key.kind);
            return await backend.read(key, options);
          },
        },
      });
      const there = (name: string) => elsewhere.rpc.write({ resource: artist(name, inTeam) });
      await createTeam({ finalizers: "f" });
      await there("korn");
      expect(read.splice(0).sort()).toEqual(["Artist", "Concept"]);
      await there("muse");
      expect(read.splice(0)).toEqual(["Artist"]);
      await deleteTeam();
      await expectNotApplied(there("tool"), Code.InvalidArgument, "TENANCY_MARKED_FOR_DELETION");
      expect(read.splice(0)).toEqual(["Artist"]);
      await expectNotApplied(there("tool"), Code.InvalidArgument, "TENANCY_MARKED_FOR_DELETION");
      expect(read.splice(0).sort()).toEqual(["Artist", "Concept"]);
      await fixture.server.close();
    },
  );
});

describe("a unit of a store in this process", () => {
  it("is looked at for each write, and never waited for", async () => {
    fixture = createFixture({ tenancy: guarding("live") });
    const { backend } = fixture.server;
    const seen: string[] = [];
    const here = createFixture({
      tenancy: guarding("live"),
      backend: {
        ...backend,
        readNow(key, options) {
          seen.push(key.kind);
          return backend.readNow?.(key, options);
        },
        read: () => Promise.reject(new Error("expected nothing to be waited for")),
      },
    });
    await createTeam();
    for (const name of ["korn", "muse"]) {
      await here.rpc.write({ resource: artist(name, inTeam) });
      expect(seen.splice(0).sort()).toEqual(["Artist", "Concept"]);
    }
    await fixture.server.close();
  });
});

describe("a namespace that is marked between a writer's read and its commit", () => {
  it.each([
    ["a creation", "muse"],
    ["a change", "korn"],
  ])("refuses %s", async (_, name) => {
    let armed = false;
    fixture = createFixture({ tenancy: guarding("live") });
    const { backend } = fixture.server;
    const racing = createFixture({
      tenancy: guarding("live"),
      backend: {
        ...backend,
        async commit(operations, options) {
          if (armed) {
            armed = false;
            await deleteTeam();
          }
          return await backend.commit(operations, options);
        },
      },
    });
    await createTeam({ finalizers: "f" });
    await write();
    armed = true;
    const call = racing.rpc.write({ resource: artist(name, { ...inTeam, metadata: { a: "b" } }) });
    await expectNotApplied(call, Code.InvalidArgument, "TENANCY_MARKED_FOR_DELETION");
    await fixture.server.close();
  });
});
