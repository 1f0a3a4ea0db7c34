import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { create, toBinary } from "@bufbuild/protobuf";
import { anyPack, anyUnpack } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "@jest/globals";
import { type Access, allowAll, anonymous, anonymousAuthenticator, type Authorizer } from "@trellis/authz";
import { AlbumSchema } from "@trellis/protos/trellis/demo/v2/demo_pb";
import type { Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { BatchWriteRequestSchema } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import type { Hooks, Registry } from "@trellis/registry";
import { resourceType } from "@trellis/resource";
import { createMemoryBackend } from "@trellis/storage-memory";
import { createVirtualClock } from "@trellis/testing";

import { batchWrite } from "./batch-write.ts";
import type { Call } from "./call.ts";
import { createEnvironment } from "./environment.ts";
import { resourceOf } from "./record.ts";
import { readBatch } from "./unread-batch.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const album = resourceType(AlbumSchema);
const name = "issues";

/** What one batch after the other writes to one album, each in memory that is filled with something else when it is answered. */
async function write(
  titles: readonly string[],
  { authorizer = allowAll, hooks = {} }: { readonly authorizer?: Authorizer; readonly hooks?: Hooks },
) {
  const clock = createVirtualClock();
  const backend = createMemoryBackend({ clock, random: () => 0.5 });
  const registration = { type: album, hooks, description: "", system: false };
  let generations = 0;
  const environment = createEnvironment(
    {
      backend,
      registry: { resolve: () => registration } as unknown as Registry,
      authenticator: anonymousAuthenticator,
      authorizer,
      clock,
      random: () => 0.5,
      ulid: () => `01JDE6XJ4Z8Q6Z00000000${String(++generations).padStart(4, "0")}`,
    },
    {},
  );
  const call = {
    identity: anonymous,
    inBinary: true,
    aborted: false,
    signal: new AbortController().signal,
    shows: (version: number) => version,
  } as unknown as Call;
  const stored: string[] = [];
  const memories: WeakRef<ArrayBufferLike>[] = [];
  for (const title of titles) {
    const resource = {
      id: { name, type: { group: "demo", groupVersion: "v2", kind: "Album" } },
      data: anyPack(AlbumSchema, create(AlbumSchema, { title })),
    };
    const request = { operations: [{ operation: { case: "write" as const, value: { resource } } }] };
    // Of its own, and no part of the platform's.
    const memory = asBuffer(toBinary(BatchWriteRequestSchema, create(BatchWriteRequestSchema, request)));
    memories.push(new WeakRef(memory.buffer));
    const batch = readBatch(memory);
    if (batch === undefined) throw new Error("the batch is out of the ordinary");
    await batchWrite(environment, batch, call);
    readBatch.release(batch);
    memory.fill(0xff);
    const key = { group: "demo", kind: "Album", partition: "default", namespace: "default", name };
    const { record } = await backend.read(key);
    stored.push(titleOf(record && resourceOf(record)));
  }
  await backend.close();
  return { stored, memories };
}

function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array<ArrayBuffer>): Buffer<ArrayBuffer> {
  return Buffer.from(buffer, byteOffset, byteLength);
}

function titleOf(resource: Resource | undefined): string {
  return (resource?.data && anyUnpack(resource.data, AlbumSchema)?.title) ?? "";
}

describe("the memory of a batch, which is another's once it is answered,", () => {
  const titles = ["one", "two", "three"];

  it("is not part of what is stored", async () => {
    expect((await write(titles, {})).stored).toEqual(titles);
    expect((await write(titles, { hooks: { mutate: () => undefined } })).stored).toEqual(titles);
  });

  it("is not part of what an authorizer is shown, whenever it looks at it", async () => {
    const questions: Access[] = [];
    const shown: Resource[] = [];
    const authorizer: Authorizer = {
      decide: (access) => {
        if (questions.push(access) % 2 === 0 && access.resource !== undefined) shown.push(access.resource);
        return { decision: "allow" };
      },
    };
    expect((await write(titles, { authorizer })).stored).toEqual(titles);
    expect(shown.map(titleOf)).toEqual(["two"]);
    expect(questions.map(({ resource }) => titleOf(resource))).toEqual(titles);
  });

  it("is not kept by who keeps a question about it", async () => {
    const questions: Access[] = [];
    const authorizer: Authorizer = {
      decide: (access) => {
        questions.push(access);
        return { decision: "allow" };
      },
    };
    const { memories } = await write(titles, { authorizer });
    // What was waited for may be kept until something else is.
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
    expect(memories.map((memory) => memory.deref()?.byteLength)).toEqual([undefined, undefined, undefined]);
    expect(questions.map(({ resource }) => titleOf(resource))).toEqual(titles);
  });

  it("is not part of what hooks are shown", async () => {
    const kept: unknown[] = [];
    const keep = ({ next, previous }: Parameters<NonNullable<Hooks["validate"]>>[0]) => {
      kept.push(next.data, previous?.data);
      return [];
    };
    expect((await write(titles, { hooks: { validate: keep } })).stored).toEqual(titles);
    const expected = [titles[0], undefined, titles[1], titles[0], titles[2], titles[1]];
    expect(kept.map((data) => (data as { title?: string } | undefined)?.title)).toEqual(expected);
  });
});
