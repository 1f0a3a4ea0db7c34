import { Code } from "@connectrpc/connect";
import { describe, expect, it } from "@jest/globals";
import type { ID } from "@trellis/protos/trellis/resource/v1/resource_pb";
import {
  DeleteResponse_Outcome,
  WriteResponse_Outcome,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { systemClock } from "@trellis/resource";
import type { Backend } from "@trellis/storage";
import { createMemoryBackend } from "@trellis/storage-memory";
import { createVirtualClock } from "@trellis/testing";

import {
  album,
  artist,
  Artist,
  expectNotApplied,
  type Fixture,
  id,
  resource,
  serverDeadline,
  stored,
  withFixture,
} from "./test-support/fixture.ts";
import { race } from "./test-support/race.ts";

const create = ({ rpc }: Fixture) => rpc.write({ resource: artist() });
const change =
  (by: string) =>
  ({ rpc }: Fixture) =>
    rpc.write({ resource: artist("korn", { metadata: { by } }) });
const remove = ({ rpc }: Fixture) => rpc.delete({ id: id(Artist, "korn") });

describe("a writer that is overtaken between its read and its commit", () => {
  it("T100: writes over what came, when it gave no version", async () => {
    const { resource: written, outcome } = await race({
      setUp: create,
      deed: change("slow"),
      meanwhile: change("fast"),
    });
    expect(outcome).toBe(WriteResponse_Outcome.UPDATED);
    expect(written?.metadata).toEqual({ by: "slow" });
  });

  it("T117: goes on, however often it is overtaken", async () => {
    const { resource: written } = await race({
      setUp: create,
      deed: change("slow"),
      meanwhile: (fixture, attempt) => change(`fast-${attempt}`)(fixture),
      times: 20,
    });
    expect(written?.metadata).toEqual({ by: "slow" });
  });

  it("T118: is refused at its first attempt, when it gave a version", async () => {
    let version = "";
    let attempts = 0;
    const call = race({
      setUp: async (fixture) => ({ version } = await stored(create(fixture))),
      deed: ({ rpc }) => rpc.write({ resource: artist("korn", { version, metadata: { by: "slow" } }) }),
      meanwhile: (fixture, attempt) => {
        attempts = attempt;
        return change("fast")(fixture);
      },
      times: 5,
    });
    await expectNotApplied(call, Code.Aborted, "VERSION_MISMATCH");
    expect(attempts).toBe(1);
  });

  it("T121: updates what another created meanwhile", async () => {
    const { outcome } = await race({ deed: change("slow"), meanwhile: create });
    expect(outcome).toBe(WriteResponse_Outcome.UPDATED);
  });

  it("creates anew what another deleted meanwhile", async () => {
    const { outcome } = await race({ setUp: create, deed: change("slow"), meanwhile: remove });
    expect(outcome).toBe(WriteResponse_Outcome.CREATED);
  });

  it("does not say unchanged of what changed meanwhile", async () => {
    const { outcome } = await race({ setUp: create, deed: create, meanwhile: change("fast") });
    expect(outcome).toBe(WriteResponse_Outcome.UPDATED);
  });

  it("leaves no orphan when the owner goes meanwhile", async () => {
    const call = race({
      setUp: create,
      deed: ({ rpc }) => rpc.write({ resource: album("issues", { owner: id(Artist, "korn") as ID }) }),
      meanwhile: remove,
    });
    await expectNotApplied(call, Code.InvalidArgument, "OWNER_NOT_FOUND");
  });

  it("belongs to the owner's new incarnation when it was replaced meanwhile", async () => {
    let renewed: ID | undefined;
    const { resource: written } = await race({
      setUp: create,
      deed: ({ rpc }) => rpc.write({ resource: album("issues", { owner: id(Artist, "korn") as ID }) }),
      meanwhile: async (fixture) => {
        await remove(fixture);
        ({ id: renewed } = await stored(create(fixture)));
      },
    });
    expect(renewed).toBeDefined();
    expect(written?.owner).toEqual(renewed);
  });

  it("T191: writes its status on the newest state", async () => {
    let target: Awaited<ReturnType<typeof stored>> | undefined;
    const { resource: written } = await race({
      setUp: async (fixture) => (target = await stored(create(fixture))),
      deed: ({ rpc }) =>
        rpc.writeStatus({
          id: target?.id as ID,
          key: "x.dev/y",
          status: { observedGeneration: target?.generation ?? "" },
        }),
      meanwhile: ({ rpc }) => rpc.write({ resource: resource(Artist, "korn", { name: "KoЯn" }) }),
    });
    expect(written?.generation).not.toBe(target?.generation);
    expect(Object.keys(written?.status ?? {})).toEqual(["x.dev/y"]);
  });

  it("T284: deletes what was changed meanwhile", async () => {
    const { outcome } = await race({ setUp: create, deed: remove, meanwhile: change("fast") });
    expect(outcome).toBe(DeleteResponse_Outcome.DELETED);
  });

  it("marks what got a finalizer meanwhile", async () => {
    const { outcome } = await race({
      setUp: create,
      deed: remove,
      meanwhile: ({ rpc }) => rpc.write({ resource: artist("korn", { metadata: { finalizers: "f" } }) }),
    });
    expect(outcome).toBe(DeleteResponse_Outcome.MARKED);
  });

  it("deletes nothing of what has another version than it gave meanwhile", async () => {
    let version = "";
    const call = race({
      setUp: async (fixture) => ({ version } = await stored(create(fixture))),
      deed: ({ rpc }) => rpc.delete({ id: id(Artist, "korn"), version }),
      meanwhile: change("fast"),
    });
    await expectNotApplied(call, Code.Aborted, "VERSION_MISMATCH");
  });
});

describe("a writer that is overtaken until its deadline", () => {
  /** A backend whose every commit comes too late. */
  function overtaking(onCommit = (): void => undefined): Backend {
    const backend = createMemoryBackend({ clock: systemClock, random: Math.random });
    const commit: typeof backend.commit = async (operations, options) => {
      onCommit();
      const result = await backend.commit(operations, { ...options, evaluateOnly: true });
      const precondition = { kind: "absent" } as const;
      const { version } = result;
      return { outcome: "refused", operationIndex: 0, precondition, current: undefined, version };
    };
    return { ...backend, commit };
  }

  it("has 30 seconds when it gave none", async () => {
    const clock = createVirtualClock();
    const begun = Promise.withResolvers<void>();
    await withFixture({ backend: overtaking(begun.resolve), clock }, async ({ rpc }) => {
      let isAnswered = false;
      const call = rpc.write({ resource: artist() }).finally(() => (isAnswered = true));
      const refused = expectNotApplied(call, Code.Unavailable, "CONFLICT");
      await begun.promise;
      await clock.advance(29_999);
      expect(isAnswered).toBe(false);
      await clock.advance(1);
      await refused;
    });
  });

  it("has five minutes at most, whatever it asks for", async () => {
    const clock = createVirtualClock();
    const begun = Promise.withResolvers<void>();
    await withFixture({ backend: overtaking(begun.resolve), clock, random: () => 1 }, async ({ rpc }) => {
      let isAnswered = false;
      const headers = serverDeadline(3_600_000);
      const call = rpc.write({ resource: artist() }, { headers }).finally(() => (isAnswered = true));
      const refused = expectNotApplied(call, Code.Unavailable, "CONFLICT");
      await begun.promise;
      await clock.advance(299_999);
      expect(isAnswered).toBe(false);
      await clock.advance(1);
      await refused;
    });
  }, 60_000);

  it("is told so, and may try again", async () => {
    await withFixture({ backend: overtaking() }, async ({ rpc }) => {
      const call = rpc.write({ resource: artist() }, { headers: serverDeadline(40) });
      await expectNotApplied(call, Code.Unavailable, "CONFLICT", "other writers kept changing");
    });
  });
});
