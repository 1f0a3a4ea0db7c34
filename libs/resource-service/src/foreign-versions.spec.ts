import { Code } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";

import {
  artist,
  Artist,
  createFixture,
  expectNotApplied,
  type Fixture,
  id,
  stored,
  ULID,
} from "./test-support/fixture.ts";

let fixture: Fixture;
let korn: Resource;
beforeEach(async () => {
  fixture = createFixture();
  korn = await stored(fixture.rpc.write({ resource: artist() }));
});
afterEach(() => fixture.server.close());

const headers = { "trellis-store": "01JDE6XJ4Z8Q6Z0000000000BB" };
const status = { observedGeneration: ULID };
const named = (parts: object) => ({ id: korn.id, ...parts });

/** By what a mutation may name a version, each of them that of a resource as another store had it. */
const MUTATIONS: readonly [string, (rpc: Fixture["rpc"], version: string) => Promise<unknown>][] = [
  ["write", (rpc, version) => rpc.write({ resource: artist("korn", { version }) }, { headers })],
  [
    "write of a status",
    (rpc, version) => rpc.writeStatus({ ...named({ key: "k", status, version }) }, { headers }),
  ],
  ["delete", (rpc, version) => rpc.delete({ id: id(Artist, "korn"), version }, { headers })],
  [
    "precondition",
    (rpc, version) =>
      rpc.write({ resource: artist("tool"), preconditions: [named({ version })] }, { headers }),
  ],
  [
    "transaction",
    (rpc, version) =>
      rpc.transact(
        { operations: [{ operation: { case: "write", value: { resource: artist("korn", { version }) } } }] },
        { headers },
      ),
  ],
];

describe("a version of another store", () => {
  it.each(MUTATIONS)("is never compared with this one's: %s", async (_, mutation) => {
    for (const version of [korn.version, "7"]) {
      const call = mutation(fixture.rpc, version);
      await expectNotApplied(call, Code.OutOfRange, "STORE_CHANGED", "read it again");
    }
    expect((await stored(fixture.rpc.read({ id: id(Artist, "korn") }))).version).toBe(korn.version);
  });

  it("does not stand in the way of a mutation that names none", async () => {
    const { resource } = await fixture.rpc.write(
      { resource: artist("korn", { metadata: { a: "b" } }) },
      { headers },
    );
    expect(resource?.id?.uid).toBe(korn.id?.uid);
    await fixture.rpc.writeStatus(named({ key: "k", status }), { headers });
    await fixture.rpc.delete({ id: id(Artist, "korn") }, { headers });
  });
});
