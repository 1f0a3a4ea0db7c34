import { describe, expect, it } from "@jest/globals";
import type { Authorizer } from "@trellis/authz";
import type { Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";

import { artist, withFixture } from "./test-support/fixture.ts";

/** An authorizer that allows everything, and does something with what it was shown. */
function allowing(look: (resource: Resource) => void): Authorizer {
  return {
    decide: ({ verb, resource }) => {
      if (verb === "write" && resource !== undefined) look(resource);
      return { decision: "allow" };
    },
  };
}

describe("a resource that an authorizer was asked about", () => {
  const first = artist("korn", { metadata: { by: "first" } });
  const second = artist("korn", { metadata: { by: "second" } });

  it("may be frozen", async () => {
    await withFixture({ authorizer: allowing(Object.freeze) }, async ({ rpc }) => {
      const created = await rpc.write({ resource: first });
      const { resource } = await rpc.write({ resource: second });
      expect(resource?.metadata).toEqual({ by: "second" });
      expect(resource?.generation).not.toBe(created.resource?.generation);
    });
  });

  it("may be kept: what is done to either of it and the answer is not done to the other", async () => {
    const kept: Resource[] = [];
    await withFixture({ authorizer: allowing((resource) => kept.push(resource)) }, async ({ rpc }) => {
      for (const resource of [first, second]) {
        const writing = rpc.write({ resource });
        await Promise.resolve();
        for (const one of kept) one.metadata = { by: "nobody" };
        expect((await writing).resource?.metadata).toEqual(resource.metadata);
      }
      expect(kept.map(({ version, generation }) => version + generation)).toEqual(["", ""]);
    });
  });
});
