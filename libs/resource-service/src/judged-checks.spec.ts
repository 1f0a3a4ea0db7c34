import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { describe, expect, it } from "@jest/globals";
import type { Authorizer } from "@trellis/authz";
import type { CheckSchema, OperationSchema } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { createMemoryBackend } from "@trellis/storage-memory";
import { laggingBackend } from "@trellis/testkit";
import { createVirtualClock, seededRandom } from "@trellis/testing";

import {
  album,
  artist,
  Artist,
  expectNotApplied,
  type Fixture,
  id,
  withFixture,
} from "./test-support/fixture.ts";

type Step = MessageInitShape<typeof OperationSchema>;

describe("a mutation on a replica that lags", () => {
  describe.each(["precondition", "check"] as const)(
    "with a %s of what the caller may not read any more",
    (kind) => {
      /** Reads what is public; whether a resource is, stands in it. */
      const authorizer: Authorizer = {
        decide: ({ verb, resource }) => {
          if (verb !== "read") return { decision: "allow" };
          if (resource === undefined) return { decision: "needsResource" };
          const isPublic = resource.metadata["visible"] === "public";
          return isPublic ? { decision: "allow" } : { decision: "deny", reason: "it is not public" };
        },
      };
      const checkOf = ({ rpc }: Fixture, conditions: MessageInitShape<typeof CheckSchema>) =>
        kind === "check"
          ? rpc.transact({ operations: [{ operation: { case: "check", value: conditions } }] })
          : rpc.write({ resource: album(), preconditions: [conditions] });
      const withSecret = async (
        lag: "public" | "absent",
        test: (fixture: Fixture, generation: string) => Promise<void>,
      ): Promise<void> => {
        const clock = createVirtualClock();
        const backend = laggingBackend(createMemoryBackend({ clock, random: seededRandom(1) }));
        await withFixture({ backend, clock, authorizer }, async (fixture) => {
          const write = (visible: string) =>
            fixture.rpc.write({ resource: artist("korn", { metadata: { visible } }) });
          const absent = backend.position().version;
          await write("public");
          const shown = backend.position().version;
          const { resource } = await write("no");
          const least = lag === "absent" ? absent : shown;
          backend.lag = () => least;
          await test(fixture, resource?.generation ?? "");
        });
      };

      it.each(["public", "absent"] as const)("tells nothing of it where it looks %s", async (lag) => {
        await withSecret(lag, async (fixture, generation) => {
          const target = id(Artist, "korn");
          for (const conditions of [
            { id: target, generation },
            { id: target, generation: "01H00000000000000000000000" },
            { id: target, absent: true },
            { id: target },
          ]) {
            const error = await expectNotApplied(
              checkOf(fixture, conditions),
              Code.PermissionDenied,
              "PERMISSION_DENIED",
            );
            expect(error.rawMessage).not.toContain(generation);
          }
        });
      });

      it("tells of another that it may read", async () => {
        await withSecret("public", async (fixture) => {
          const visible = { metadata: { visible: "public" } };
          const { resource } = await fixture.rpc.write({ resource: artist("muse", visible) });
          const target = id(Artist, "muse");
          const { generation = "" } = resource ?? {};
          await checkOf(fixture, { id: target, generation });
          const wrong = { id: target, generation: "01H00000000000000000000000" };
          await expectNotApplied(checkOf(fixture, wrong), Code.FailedPrecondition, "PRECONDITION_FAILED");
          await checkOf(fixture, { id: id(Artist, "tool"), absent: true });
          const missing = checkOf(fixture, { id: id(Artist, "tool") });
          await expectNotApplied(missing, Code.FailedPrecondition, "PRECONDITION_FAILED");
        });
      });
    },
  );

  it("with a check of what an earlier operation of the transaction changes goes by what that leaves", async () => {
    const authorizer: Authorizer = {
      decide: ({ verb, resource }) => ({
        decision: verb === "read" && resource === undefined ? "needsResource" : "allow",
      }),
    };
    await withFixture({ authorizer }, async ({ rpc }) => {
      const target = id(Artist, "korn");
      const write = (to: string): Step => ({
        operation: { case: "write", value: { resource: artist("korn", { metadata: { to } }) } },
      });
      const check = (absent: boolean): Step => ({
        operation: { case: "check", value: { id: target, absent } },
      });
      const remove: Step = { operation: { case: "delete", value: { id: target } } };
      await rpc.transact({ operations: [write("a"), check(false)] });
      await rpc.transact({ operations: [check(false), write("b"), check(false)] });
      await rpc.transact({ operations: [check(false), remove, check(true)] });
      await rpc.transact({ operations: [check(true), write("c"), check(false)] });
    });
  });
});
