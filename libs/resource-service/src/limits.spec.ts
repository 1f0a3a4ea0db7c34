import { toBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { defineDomain, on } from "@trellis/controller";
import type { Hooks } from "@trellis/registry";
import { errorApplied, withFinalizer } from "@trellis/resource";
import { type ID, ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import {
  DeleteResponse_Outcome,
  WriteResponse_Outcome,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";

import {
  MAX_CONDITIONS,
  MAX_FINALIZER_BYTES,
  MAX_HOOK_FINALIZER_BYTES,
  MAX_METADATA_BYTES,
  MAX_METADATA_ENTRIES,
  MAX_PAGE_SIZE,
  MAX_RESOURCE_BYTES,
  MAX_STATUS_BYTES,
  MAX_STATUS_KEY_LENGTH,
  MAX_STATUSES,
} from "./limits.ts";
import {
  artist,
  Artist,
  createFixture,
  expectError,
  expectInvalid,
  expectNotApplied,
  type Fixture,
  id,
  resource,
  serverDeadline,
  stored,
  typeMessage,
  ULID,
  withFixture,
} from "./test-support/fixture.ts";

let fixture: Fixture;
beforeEach(() => {
  fixture = createFixture();
});
afterEach(() => fixture.server.close());

const withMetadata = (metadata: Record<string, string>) =>
  fixture.rpc.write({ resource: artist("korn", { metadata }) });
const entries = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`key-${n}`, ""]));

const withHook = (
  mutate: NonNullable<Hooks<typeof Artist.schema>["mutate"]>,
  test: (fixture: Fixture) => Promise<void>,
) => withFixture({ domains: [defineDomain({ types: [Artist], hooks: [on(Artist, { mutate })] })] }, test);

describe("the limits of a resource", () => {
  it("are on the entries of its metadata", async () => {
    await withMetadata(entries(MAX_METADATA_ENTRIES));
    const words = `at most ${MAX_METADATA_ENTRIES} entries`;
    await expectInvalid(withMetadata(entries(MAX_METADATA_ENTRIES + 1)), "resource.metadata", words);
    await expectInvalid(withMetadata({ "": "x" }), "resource.metadata", "empty key");
  });

  it("are on the bytes of its metadata", async () => {
    await withMetadata({ a: "ä".repeat(MAX_METADATA_BYTES / 2 - 1) });
    const words = `at most ${MAX_METADATA_BYTES} bytes`;
    await expectInvalid(withMetadata({ a: "ä".repeat(MAX_METADATA_BYTES / 2) }), "resource.metadata", words);
  });

  it("are on its encoded bytes", async () => {
    const sized = (length: number) =>
      fixture.rpc.write({ resource: resource(Artist, "korn", { name: "x".repeat(length) }) });
    await sized(MAX_RESOURCE_BYTES - 1024);
    await expectInvalid(sized(MAX_RESOURCE_BYTES), "resource", "split it", "REQUEST_TOO_LARGE");
  });
});

describe("a resource at the limits", () => {
  it("can be deleted all the same: what marks and holds a deletion is not of the caller's metadata", async () => {
    const metadata = entries(MAX_METADATA_ENTRIES);
    await withMetadata({ ...metadata, finalizers: "f" });
    const target = id(Artist, "korn");
    expect((await fixture.rpc.delete({ id: target })).outcome).toBe(DeleteResponse_Outcome.MARKED);
    const { finalizers: _, ...rest } = (await stored(fixture.rpc.read({ id: target }))).metadata;
    expect(Object.keys(rest)).toHaveLength(MAX_METADATA_ENTRIES + 1);
    const { outcome } = await withMetadata({ ...rest, finalizers: "" });
    expect(outcome).toBe(WriteResponse_Outcome.DELETED);
  });

  it("of its bytes can be deleted as well, one finalizer after the other", async () => {
    const of = async (length: number, metadata: Record<string, string>) =>
      await fixture.rpc.write({
        resource: resource(Artist, "korn", { name: "x".repeat(length) }, { metadata }),
      });
    const small = await stored(of(1, { finalizers: "f g" }));
    const overhead = toBinary(ResourceSchema, { ...small, version: "" }).length + 9;
    const length = MAX_RESOURCE_BYTES - overhead;
    await expectInvalid(of(length + 16, { finalizers: "f g" }), "resource", "at most", "REQUEST_TOO_LARGE");
    await of(length, { finalizers: "f g" });
    await fixture.rpc.delete({ id: id(Artist, "korn") });
    const { metadata } = await stored(fixture.rpc.read({ id: id(Artist, "korn") }));
    expect((await of(length, { ...metadata, finalizers: "g" })).outcome).toBe(WriteResponse_Outcome.UPDATED);
    expect((await of(length, { ...metadata, finalizers: "" })).outcome).toBe(WriteResponse_Outcome.DELETED);
  });
});

describe("the limits of finalizers", () => {
  const names = (bytes: number) => "f".repeat(bytes - "finalizers".length);

  it("are on their bytes, apart from the rest of the metadata", async () => {
    await withMetadata({ ...entries(MAX_METADATA_ENTRIES), finalizers: names(MAX_FINALIZER_BYTES) });
    const words = `at most ${MAX_FINALIZER_BYTES} bytes of finalizers`;
    const beyond = withMetadata({ finalizers: names(MAX_FINALIZER_BYTES + 1) });
    await expectInvalid(beyond, "resource.metadata", words);
  });

  it("leave room for those of a hook, and a writer may send what it read", async () => {
    const mutate = ({ next }: { next: { metadata: Record<string, string> } }) => ({
      metadata: withFinalizer(next.metadata, "example.dev/hook"),
    });
    await withHook(mutate, async ({ rpc }) => {
      const metadata = { ...entries(MAX_METADATA_ENTRIES), finalizers: names(MAX_FINALIZER_BYTES) };
      const first = await stored(rpc.write({ resource: artist("korn", { metadata }) }));
      expect(first.metadata["finalizers"]).toContain(" example.dev/hook");
      const again = artist("korn", { metadata: { ...first.metadata, "key-0": "changed" } });
      expect((await rpc.write({ resource: again })).outcome).toBe(WriteResponse_Outcome.UPDATED);
    });
  });
});

describe("a mutate hook", () => {
  it.each([
    ["entries", () => entries(MAX_METADATA_ENTRIES + 1)],
    ["bytes", () => ({ a: "x".repeat(MAX_METADATA_BYTES) })],
    ["an empty key", () => ({ "": "x" })],
    ["finalizers", () => ({ finalizers: "f".repeat(MAX_FINALIZER_BYTES + MAX_HOOK_FINALIZER_BYTES) })],
  ])(
    "that makes metadata beyond the limits (%s) is a defect of its author: nothing is stored",
    async (_, made) => {
      await withHook(
        () => ({ metadata: made() }),
        async ({ rpc }) => {
          const words = "failed mutate hook of demo.v2.Artist";
          await expectNotApplied(rpc.write({ resource: artist() }), Code.Internal, "HOOK_FAILED", words);
          const tried = rpc.mutateAndValidate({ resource: artist() });
          await expectError(tried, Code.Internal, "HOOK_FAILED", words);
          const read = rpc.read({ id: id(Artist, "korn") });
          await expectError(read, Code.NotFound, "RESOURCE_NOT_FOUND");
        },
      );
    },
  );
});

describe("the limit of the bytes of statuses", () => {
  const write = (to: ID, key: string, length: number) =>
    fixture.rpc.writeStatus({
      id: to,
      key,
      status: { observedGeneration: ULID, conditions: [{ type: "C", message: "x".repeat(length) }] },
    });

  it("is apart from that of the resource: who fills one leaves the other its room", async () => {
    const sized = (length: number) =>
      fixture.rpc.write({ resource: resource(Artist, "korn", { name: "x".repeat(length) }) });
    const { id: full } = await stored(sized(MAX_RESOURCE_BYTES - 256));
    await write(full, "key", MAX_STATUS_BYTES - 256);
    const { outcome } = await sized(MAX_RESOURCE_BYTES - 257);
    expect(outcome).toBe(WriteResponse_Outcome.UPDATED);
    await expectInvalid(sized(MAX_RESOURCE_BYTES), "resource", "split it", "REQUEST_TOO_LARGE");
  });

  it("is on all of them together, and says which way out there is", async () => {
    const { id: to } = await stored(fixture.rpc.write({ resource: artist() }));
    await write(to, "a", MAX_STATUS_BYTES / 2);
    const beyond = write(to, "b", MAX_STATUS_BYTES / 2);
    await expectInvalid(beyond, "status", "shorter messages", "REQUEST_TOO_LARGE");
    await write(to, "b", 1);
  });
});

describe("the limits of statuses", () => {
  let id: ID;
  beforeEach(async () => {
    ({ id } = await stored(fixture.rpc.write({ resource: artist() })));
  });
  const write = (key: string, conditions = 0) =>
    fixture.rpc.writeStatus({
      id,
      key,
      status: {
        observedGeneration: ULID,
        conditions: Array.from({ length: conditions }, (_, n) => ({ type: `C${n}` })),
      },
    });

  it("are on their number, on their keys and on their conditions", async () => {
    for (let n = 0; n < MAX_STATUSES; n++) await write(`key-${n}`);
    await expectInvalid(write("one-more"), "key", `at most ${MAX_STATUSES} statuses`);
    await write("key-0", MAX_CONDITIONS);
    await expectInvalid(write("key-0", MAX_CONDITIONS + 1), "status.conditions", `at most ${MAX_CONDITIONS}`);
    await expectInvalid(
      write("k".repeat(MAX_STATUS_KEY_LENGTH + 1)),
      "key",
      `${MAX_STATUS_KEY_LENGTH} characters`,
    );
  });
});

/** Stores artists in one commit, past the service: one write each would take long. */
async function storeArtists(names: readonly string[]): Promise<void> {
  const tenancy = { partition: "default", namespace: "default" };
  const stays = { uid: ULID, groupVersion: Artist.groupVersion, generation: ULID, marked: false };
  await fixture.server.backend.commit(
    names.map((name) => ({
      kind: "put",
      key: { group: Artist.group, kind: Artist.kind, ...tenancy, name },
      record: { ...stays, bytes: toBinary(ResourceSchema, artist(name, { tenancy })) },
      preconditions: [],
    })),
  );
}

describe("the limit of a page", () => {
  it("is the server's, whatever is asked", async () => {
    const names = Array.from({ length: MAX_PAGE_SIZE + 1 }, (_, n) => `artist-${n}`);
    while (names.length > 0) await storeArtists(names.splice(0, 1_000));
    const request = { type: typeMessage(Artist), tenancy: {}, pageSize: MAX_PAGE_SIZE * 100 };
    const { resources, nextPageToken } = await fixture.rpc.list(request);
    expect(resources).toHaveLength(MAX_PAGE_SIZE);
    expect(nextPageToken).not.toBe("");
  });
});

describe("a deadline", () => {
  it("that passes on its way to storage leaves a mutation's outcome open", async () => {
    const { backend } = fixture.server;
    const read: typeof backend.read = (_, options) =>
      new Promise((__, reject) => {
        options?.signal?.addEventListener("abort", () => reject(new Error("aborted")));
      });
    const { rpc } = createFixture({ backend: { ...backend, read, readNow: undefined } });
    const call = rpc.write({ resource: artist() }, { headers: serverDeadline(20) });
    const error = await expectError(call, Code.DeadlineExceeded, "DEADLINE_EXCEEDED");
    expect(errorApplied(error)).toBe("unknown");
  });
});
