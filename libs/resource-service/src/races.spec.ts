import { Code } from "@connectrpc/connect";
import { describe, expect, it } from "@jest/globals";
import {
  DeleteResponse_Outcome,
  WriteResponse_Outcome,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { systemClock } from "@trellis/resource";
import type { Backend, Operation } from "@trellis/storage";
import { createMemoryBackend } from "@trellis/storage-memory";

import {
  album,
  artist,
  Artist,
  createFixture,
  expectError,
  id,
  resource,
  stored,
} from "./test-support/fixture.ts";

/** A backend in which something happens just before a commit: what a slow writer meets. */
function interrupted(before: () => Promise<void>): Backend {
  const backend = createMemoryBackend({ clock: systemClock, random: Math.random });
  let left = 1;
  return {
    ...backend,
    async commit(operations: readonly Operation[], options) {
      if (armed && left > 0) {
        left -= 1;
        await before();
      }
      return await backend.commit(operations, options);
    },
  };
}

let armed = false;

/** Runs `deed` while, between its read and its commit, `meanwhile` happens. */
async function race<T>(
  setUp: (fixture: ReturnType<typeof createFixture>) => Promise<unknown>,
  deed: (fixture: ReturnType<typeof createFixture>) => Promise<T>,
  meanwhile: (fixture: ReturnType<typeof createFixture>) => Promise<unknown>,
): Promise<T> {
  armed = false;
  const fixture = createFixture({
    backend: interrupted(async () => {
      armed = false;
      await meanwhile(fixture);
    }),
  });
  try {
    await setUp(fixture);
    armed = true;
    return await deed(fixture);
  } finally {
    armed = false;
    await fixture.server.close();
  }
}

describe("a writer that is overtaken between its read and its commit", () => {
  it("T100: writes over what came, when it gave no version", async () => {
    const { resource: written, outcome } = await race(
      ({ rpc }) => rpc.write({ resource: artist() }),
      ({ rpc }) => rpc.write({ resource: artist("korn", { metadata: { by: "slow" } }) }),
      ({ rpc }) => rpc.write({ resource: artist("korn", { metadata: { by: "fast" } }) }),
    );
    expect(outcome).toBe(WriteResponse_Outcome.UPDATED);
    expect(written?.metadata).toEqual({ by: "slow" });
  });

  it("T118: is refused, when it gave a version", async () => {
    let version = "";
    await expectError(
      race(
        async ({ rpc }) => (version = (await stored(rpc.write({ resource: artist() }))).version),
        ({ rpc }) => rpc.write({ resource: artist("korn", { version, metadata: { by: "slow" } }) }),
        ({ rpc }) => rpc.write({ resource: artist("korn", { metadata: { by: "fast" } }) }),
      ),
      Code.Aborted,
      "VERSION_MISMATCH",
    );
  });

  it("T121: updates what another created meanwhile", async () => {
    const { outcome } = await race(
      async () => undefined,
      ({ rpc }) => rpc.write({ resource: artist("korn", { metadata: { by: "slow" } }) }),
      ({ rpc }) => rpc.write({ resource: artist() }),
    );
    expect(outcome).toBe(WriteResponse_Outcome.UPDATED);
  });

  it("creates anew what another deleted meanwhile", async () => {
    const { outcome } = await race(
      ({ rpc }) => rpc.write({ resource: artist() }),
      ({ rpc }) => rpc.write({ resource: artist("korn", { metadata: { by: "slow" } }) }),
      ({ rpc }) => rpc.delete({ id: id(Artist, "korn") }),
    );
    expect(outcome).toBe(WriteResponse_Outcome.CREATED);
  });

  it("does not say unchanged of what changed meanwhile", async () => {
    const { outcome } = await race(
      ({ rpc }) => rpc.write({ resource: artist() }),
      ({ rpc }) => rpc.write({ resource: artist() }),
      ({ rpc }) => rpc.write({ resource: artist("korn", { metadata: { by: "fast" } }) }),
    );
    expect(outcome).toBe(WriteResponse_Outcome.UPDATED);
  });

  it("leaves no orphan when the owner goes meanwhile", async () => {
    await expectError(
      race(
        ({ rpc }) => rpc.write({ resource: artist() }),
        ({ rpc }) => rpc.write({ resource: album("issues", { owner: id(Artist, "korn") as never }) }),
        ({ rpc }) => rpc.delete({ id: id(Artist, "korn") }),
      ),
      Code.InvalidArgument,
      "OWNER_NOT_FOUND",
    );
  });

  it("T191: writes its status on the newest state", async () => {
    let target: Awaited<ReturnType<typeof stored>> | undefined;
    const { resource: written } = await race(
      async ({ rpc }) => (target = await stored(rpc.write({ resource: artist() }))),
      ({ rpc }) =>
        rpc.writeStatus({
          id: target?.id as never,
          key: "x.dev/y",
          status: { observedGeneration: target?.generation ?? "" },
        }),
      ({ rpc }) => rpc.write({ resource: resource(Artist, "korn", { name: "KoЯn" }) }),
    );
    expect(written?.generation).not.toBe(target?.generation);
    expect(Object.keys(written?.status ?? {})).toEqual(["x.dev/y"]);
  });

  it("T284: deletes what was changed meanwhile", async () => {
    const { outcome } = await race(
      ({ rpc }) => rpc.write({ resource: artist() }),
      ({ rpc }) => rpc.delete({ id: id(Artist, "korn") }),
      ({ rpc }) => rpc.write({ resource: artist("korn", { metadata: { by: "fast" } }) }),
    );
    expect(outcome).toBe(DeleteResponse_Outcome.DELETED);
  });
});
