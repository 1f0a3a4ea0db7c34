import { toBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { errorApplied } from "@trellis/resource";
import { type ID, ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";

import {
  MAX_CONDITIONS,
  MAX_METADATA_BYTES,
  MAX_METADATA_ENTRIES,
  MAX_PAGE_SIZE,
  MAX_RESOURCE_BYTES,
  MAX_STATUS_KEY_LENGTH,
  MAX_STATUSES,
} from "./limits.ts";
import {
  artist,
  Artist,
  createFixture,
  expectError,
  expectInvalid,
  type Fixture,
  resource,
  serverDeadline,
  stored,
  typeMessage,
  ULID,
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
    const { rpc } = createFixture({ backend: { ...backend, read } });
    const call = rpc.write({ resource: artist() }, { headers: serverDeadline(20) });
    const error = await expectError(call, Code.DeadlineExceeded, "DEADLINE_EXCEEDED");
    expect(errorApplied(error)).toBe("unknown");
  });
});
