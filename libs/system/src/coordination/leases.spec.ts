import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { Client } from "@trellis/client";
import { createControllerRuntime, SYSTEM_LEASES, underLeases } from "@trellis/controller/runtime";
import { v2 } from "@trellis/demo";
import { Condition_State } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { CheckSchema } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { create } from "@bufbuild/protobuf";
import { errorReason, errorViolations } from "@trellis/resource";
import { seededRandom } from "@trellis/testing";

import { Lease, Namespace, systemControllers } from "../index.ts";
import { type Cluster, startCluster } from "../test-support/cluster.ts";

let cluster: Cluster;
beforeEach(async () => {
  cluster = await startCluster();
});
afterEach(() => cluster.stop());

const held = { holder: "me", duration: durationFromMs(4_000) };

describe("a lease", () => {
  it("can be anybody's, in any namespace", async () => {
    await cluster.client.write(Namespace, { name: "blue", data: {} });
    for (const namespace of ["default", "blue"]) {
      const { resource } = await cluster.client.write(Lease, { name: "mine", namespace, data: held });
      expect(resource.data.holder).toBe("me");
    }
  });

  it("fences what its holder writes, until somebody else writes it, whatever is renewed meanwhile", async () => {
    const { client } = cluster;
    const { resource: lease } = await client.write(Lease, { name: "mine", data: held });
    const fence = create(CheckSchema, { id: lease.id, generation: lease.generation });
    const write = () =>
      client.write(v2.Artist, { name: "korn", data: { name: "Korn" } }, { preconditions: [fence] });
    await write();
    const renewed = await client.writeStatus(Lease, lease, {
      key: "me",
      observedGeneration: lease.generation,
      conditions: [{ type: "Renewed", state: Condition_State.TRUE }],
    });
    expect(renewed.version).not.toBe(lease.version);
    await write();
    await client.write(Lease, { name: "mine", data: { ...held, holder: "you" }, version: renewed.version });
    const refused = await write().catch((error: unknown) => error);
    expect(errorReason(refused)).toBe("PRECONDITION_FAILED");
  });

  it.each([
    ["a holder without a duration", { holder: "me" }, "data"],
    ["a duration that is too short", { ...held, duration: durationFromMs(999) }, "data.duration"],
    ["one that is too long", { ...held, duration: durationFromMs(3_600_001) }, "data.duration"],
  ])("is refused with %s", async (_, data, field) => {
    const refused = await cluster.client
      .write(Lease, { name: "mine", data })
      .catch((error: unknown) => error);
    expect(errorViolations(refused).map((violation) => violation.field)).toEqual([`resource.${field}`]);
  });

  it("needs no duration while nobody holds it", async () => {
    await cluster.client.write(Lease, { name: "mine", data: { transitions: 3n } });
  });

  it("may name another that is renewed for it, or how many share what it is for", async () => {
    const { client } = cluster;
    await client.write(Lease, { name: "mine", data: { ...held, member: "me", candidates: ["mine"] } });
    await client.write(Lease, { name: "shared", data: { shards: 4 } });
  });

  it.each([
    ["a member without a holder", { member: "me" }],
    ["candidates without a holder", { candidates: ["mine"] }],
    ["a holder of what is divided", { ...held, shards: 2 }],
  ])("is refused with %s", async (_, data) => {
    const refused = await cluster.client
      .write(Lease, { name: "mine", data })
      .catch((error: unknown) => error);
    expect(errorReason(refused)).toBe("INVALID_DATA");
  });
});

describe("the lease of one of the system's controllers", () => {
  const name = `${SYSTEM_LEASES}reaper`;
  const deeds: Readonly<Record<string, (client: Client) => Promise<unknown>>> = {
    write: (client) => client.write(Lease, { name, data: held }),
    delete: (client) => client.delete(Lease, { name }),
    writeStatus: async (client) => {
      const lease = await client.read(Lease, { name });
      await client.writeStatus(Lease, lease, {
        key: "k",
        observedGeneration: lease.generation,
        conditions: [],
      });
    },
  };

  it.each(Object.keys(deeds))("is closed to others: %s", async (deed) => {
    await cluster.system.write(Lease, { name, data: { transitions: 1n } });
    const refused = await deeds[deed]?.(cluster.client).catch((error: unknown) => error);
    expect(errorReason(refused)).toBe("PERMISSION_DENIED");
    await deeds[deed]?.(cluster.system);
  });

  it("is closed to others before it is there", async () => {
    const refused = await deeds.write?.(cluster.client).catch((error: unknown) => error);
    expect(errorReason(refused)).toBe("PERMISSION_DENIED");
  });

  it("can be read by all, and its name used in other namespaces", async () => {
    await cluster.system.write(Lease, { name, data: held });
    expect((await cluster.client.read(Lease, { name })).data.holder).toBe("me");
    await cluster.client.write(Namespace, { name: "blue", data: {} });
    await cluster.client.write(Lease, { name, namespace: "blue", data: held });
  });
});

describe("the system's controllers under leases", () => {
  const silent = { debug: ignore, info: ignore, warn: ignore, error: ignore };
  function ignore(): void {
    // Tests look at what is stored.
  }

  it("do their work in one of two managers, and in the other when that stops", async () => {
    const { clock, system } = cluster;
    const [first, second] = ["first", "second"].map((who) => {
      const random = seededRandom(1);
      const holder = { id: who, name: who };
      const placement = underLeases({
        client: system,
        clock,
        random,
        log: silent,
        holder,
        prefix: SYSTEM_LEASES,
      });
      const controllers = systemControllers({ clock });
      return createControllerRuntime({ client: system, clock, log: silent, controllers, placement });
    });
    first?.start();
    await clock.advance(1_000);
    second?.start();
    await clock.advance(1_000);
    await expectCascade("one");
    expect(second?.status().elsewhere.map(({ name }) => name)).toContain("reaper");
    await first?.stop();
    await clock.advance(1_000);
    expect(second?.status().elsewhere).toEqual([]);
    await expectCascade("two");
    await second?.stop();
  });

  async function expectCascade(name: string): Promise<void> {
    const { client, clock } = cluster;
    const { resource: owner } = await client.write(v2.Artist, { name, data: { name } });
    await client.write(v2.Album, { name, owner: owner.id, data: { title: name } });
    await client.delete(v2.Artist, { name });
    await clock.advance(1_000);
    expect(await client.find(v2.Album, { name })).toBeUndefined();
  }
});
