import type { MessageInitShape } from "@bufbuild/protobuf";
import { Health } from "@trellis/protos/trellis/catalog/v1/health_pb";
import { Protocol } from "@trellis/protos/trellis/catalog/v1/protocol_pb";
import type { WorkloadSelectorSchema } from "@trellis/protos/trellis/catalog/v1/selector_pb";
import { Condition_State } from "@trellis/protos/trellis/resource/v1/resource_pb";
import type { ServiceEndpoints as ServiceEndpointsData } from "@trellis/protos/trellis/catalog/v1/service_endpoints_pb";
import { WriteResponse_Outcome } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { createTestServer, createVirtualClock, type TestServer, type VirtualClock } from "@trellis/testing";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";

import catalog, {
  ENDPOINT_MANAGER_KEY,
  HealthStatus,
  MANAGED_BY,
  Service,
  ServiceEndpoints,
  Workload,
} from "../index.ts";
import { ENDPOINTS_INTERVAL_MS } from "./limits.ts";

let clock: VirtualClock;
let server: TestServer;
beforeEach(() => {
  clock = createVirtualClock();
  server = createTestServer({ domains: [catalog], clock });
});
afterEach(() => server.close());

function writeService(workloads: MessageInitShape<typeof WorkloadSelectorSchema> | undefined, name = "api") {
  const ports = [{ targetPort: "http", protocol: Protocol.HTTP }];
  return server.client.write(Service, { name, data: { ports, ...(workloads && { workloads }) } });
}

function writeWorkload(
  name: string,
  init: { identity?: string; metadata?: Record<string, string>; host?: string } = {},
) {
  const { identity = "", metadata = {}, host = "10.0.0.1" } = init;
  return server.client.write(Workload, {
    name,
    metadata,
    data: { addresses: [{ host }], ports: { http: { port: 80 } }, identity },
  });
}

function writeByHand(host: string) {
  const endpoints = [{ addresses: [{ host }], healthStatus: Health.PASSING }];
  return server.client.write(ServiceEndpoints, {
    name: "api",
    metadata: { by: "hand" },
    data: { endpoints },
  });
}

/** Lets the time pass that lies between two runs of a service, of which the last finds nothing to do. */
async function settle() {
  await clock.advance(3 * ENDPOINTS_INTERVAL_MS.longest);
  await server.settled();
}

/** The stored endpoints, once nothing is left to do. */
async function stored(name = "api") {
  await settle();
  return server.client.find(ServiceEndpoints, { name });
}

async function targets(name = "api") {
  return (await stored(name))?.data.endpoints.map(({ targetRef }) => targetRef?.name);
}

async function conditions() {
  await settle();
  const { status, generation } = await server.client.read(Service, { name: "api" });
  expect(status[ENDPOINT_MANAGER_KEY]?.observedGeneration).toBe(generation);
  return status[ENDPOINT_MANAGER_KEY]?.conditions.map(({ type, state, reason, message }) => ({
    type,
    true: state === Condition_State.TRUE,
    reason,
    message,
  }));
}

describe("the endpoints of a service that selects workloads", () => {
  it("are one for each workload, owned by the service and marked as computed", async () => {
    await writeWorkload("api-1", { identity: "web" });
    await writeWorkload("api-2", { identity: "api" });
    await writeWorkload("db");
    const { resource: service } = await writeService({ prefixes: ["api-"], names: ["db"] });
    const endpoints = await stored();
    expect(endpoints?.owner).toEqual(service.id);
    expect(endpoints?.metadata).toEqual({ [MANAGED_BY]: ENDPOINT_MANAGER_KEY });
    expect(await targets()).toEqual(["api-1", "api-2", "db"]);
    expect(await conditions()).toMatchObject([
      { type: "EndpointsManaged", true: true, reason: "SelectorFound" },
      { type: "BoundIdentities", true: true, reason: "WorkloadIdentitiesFound", message: "api,web" },
    ]);
  });

  it("are stored, and said to be managed, even when there is no workload yet", async () => {
    await writeService({ names: ["api-1"] });
    expect(await targets()).toEqual([]);
    expect(await conditions()).toMatchObject([
      { true: true },
      { type: "BoundIdentities", true: false, reason: "NoWorkloadIdentitiesFound" },
    ]);
  });

  it("follow workloads that come, change and go, selected by name or by prefix", async () => {
    await writeService({ prefixes: ["api-"], names: ["db"] });
    await writeWorkload("api-1");
    expect(await targets()).toEqual(["api-1"]);
    await writeWorkload("db");
    expect(await targets()).toEqual(["api-1", "db"]);
    await writeWorkload("api-1", { host: "10.9.9.9" });
    expect((await stored())?.data.endpoints[0]?.addresses[0]?.host).toBe("10.9.9.9");
    await server.client.delete(Workload, { name: "api-1" });
    expect(await targets()).toEqual(["db"]);
  });

  it("follow the selector, and workloads that cease to pass its filter", async () => {
    await writeWorkload("api-1", { metadata: { team: "web" } });
    await writeWorkload("web-1", { metadata: { team: "web" } });
    await writeService({ prefixes: ["api-"], filter: "team=web" });
    expect(await targets()).toEqual(["api-1"]);
    await writeService({ prefixes: ["web-"], filter: "team=web" });
    expect(await targets()).toEqual(["web-1"]);
    await writeWorkload("web-1", { metadata: { team: "ops" } });
    expect(await targets()).toEqual([]);
    await writeWorkload("web-1", { metadata: { team: "web" } });
    expect(await targets()).toEqual(["web-1"]);
  });

  it("select everything by the empty prefix, in their own namespace only", async () => {
    await writeWorkload("api-1");
    await writeService({ prefixes: [""] });
    expect(await targets()).toEqual(["api-1"]);
    await writeWorkload("zoo");
    expect(await targets()).toEqual(["api-1", "zoo"]);
  });

  it("follow the health of a workload", async () => {
    const { resource } = await writeWorkload("api-1");
    await writeService({ names: ["api-1"] });
    expect((await stored())?.data.endpoints[0]?.healthStatus).toBe(Health.PASSING);
    await server.client.write(HealthStatus, {
      name: "h",
      owner: resource.id,
      data: { type: "http", status: Health.WARNING },
    });
    expect((await stored())?.data.endpoints[0]?.healthStatus).toBe(Health.WARNING);
  });

  it("are put right when somebody changes or deletes them", async () => {
    await writeWorkload("api-1");
    await writeService({ names: ["api-1"] });
    await settle();
    const owner = (await stored())?.owner;
    await server.client.write(ServiceEndpoints, { name: "api", owner, data: {} });
    expect(await targets()).toEqual(["api-1"]);
    await server.client.delete(ServiceEndpoints, { name: "api" });
    expect(await targets()).toEqual(["api-1"]);
  });

  it("are not written again when nothing changed in them", async () => {
    await writeWorkload("api-1");
    await writeService({ names: ["api-1"] });
    const before = (await stored())?.version;
    await writeWorkload("api-1", { metadata: { note: "seen" } });
    await writeWorkload("api-2");
    expect((await stored())?.version).toBe(before);
  });

  it("are written at once after the first changes, and then less than twice a second, however many workloads change", async () => {
    const count = 1_000;
    const names = Array.from({ length: count }, (_, number) => `api-${number}`);
    await writeService({ prefixes: ["api-"] });
    await Promise.all(names.map((name) => writeWorkload(name)));
    const before = (await stored())?.version;
    const written = countWrites(before, ({ endpoints }) =>
      endpoints.every(({ addresses }) => addresses[0]?.host === "10.0.0.2"),
    );
    for (const name of names) {
      await writeWorkload(name, { host: "10.0.0.2" });
      await clock.advance(2);
    }
    expect(await targets()).toHaveLength(count);
    const writes = await written;
    expect(writes).toBeGreaterThan(1);
    // Two seconds of changes: six writes in the first 0.8 s (at 0, 25, 75, 175, 375 and 775 ms), then one each second, the last after the last of them.
    expect(writes).toBeLessThanOrEqual(8);
  }, 60_000);
});

/** How often the endpoints are written after `version`, until they are as `complete` says. */
async function countWrites(
  version: string | undefined,
  complete: (data: ServiceEndpointsData) => boolean,
): Promise<number> {
  let writes = 0;
  for await (const item of server.client.watch(ServiceEndpoints, {}, { name: "api" })) {
    if (item.kind !== "upsert" || item.resource.version === version) continue;
    writes++;
    if (complete(item.resource.data)) break;
  }
  return writes;
}

describe("the endpoints of a service that selects nothing", () => {
  it("are left to people, and the service says so", async () => {
    await writeService(undefined);
    await writeByHand("10.1.1.1");
    expect((await stored())?.data.endpoints[0]?.addresses[0]?.host).toBe("10.1.1.1");
    expect(await conditions()).toMatchObject([
      { type: "EndpointsManaged", true: false, reason: "SelectorNotFound" },
      { type: "BoundIdentities", true: false, reason: "NoWorkloadIdentitiesFound" },
    ]);
  });

  it("are taken over when it gains a selector, and taken back when it loses it", async () => {
    await writeService(undefined);
    await writeByHand("10.1.1.1");
    await writeWorkload("api-1");
    await writeService({ names: ["api-1"] });
    expect(await targets()).toEqual(["api-1"]);
    expect((await stored())?.metadata).toEqual({ by: "hand", [MANAGED_BY]: ENDPOINT_MANAGER_KEY });
    await writeService(undefined);
    expect(await stored()).toBeUndefined();
    expect(await conditions()).toMatchObject([{ true: false }, { true: false }]);
  });

  it("can be written again without saying whose they are", async () => {
    const { resource: service } = await writeService(undefined);
    await writeByHand("10.1.1.1");
    await writeByHand("10.2.2.2");
    const endpoints = await stored();
    expect(endpoints?.owner).toEqual(service.id);
    expect(endpoints?.data.endpoints[0]?.addresses[0]?.host).toBe("10.2.2.2");
    expect((await writeByHand("10.2.2.2")).outcome).toBe(WriteResponse_Outcome.UNCHANGED);
  });

  it("cannot be written for a service that does not exist", async () => {
    await expect(writeByHand("10.1.1.1")).rejects.toThrow(/owner/);
  });
});

describe("the end of a service", () => {
  it("takes its computed endpoints along", async () => {
    await writeWorkload("api-1");
    await writeService({ names: ["api-1"] });
    await settle();
    await server.client.delete(Service, { name: "api" });
    expect(await stored()).toBeUndefined();
  });

  it("takes endpoints written by hand along", async () => {
    await writeService(undefined);
    await writeByHand("10.1.1.1");
    await settle();
    await server.client.delete(Service, { name: "api" });
    expect(await stored()).toBeUndefined();
  });

  it("does not leave its endpoints to a new service of its name", async () => {
    await writeWorkload("api-1");
    await writeService({ names: ["api-1"] });
    await settle();
    await server.client.delete(Service, { name: "api" });
    const { resource: service } = await writeService({ names: ["api-1"] });
    const endpoints = await stored();
    expect(endpoints?.owner).toEqual(service.id);
    expect(endpoints?.data.endpoints).toHaveLength(1);
  });
});

describe("rules that hooks check", () => {
  it("are told at once, each at its field", async () => {
    await expect(writeService({ names: ["a"], filter: "a=b,," })).rejects.toThrow(/workloads\.filter/);
    const orphan = server.client.write(HealthStatus, {
      name: "h",
      data: { type: "http", status: Health.PASSING },
    });
    await expect(orphan).rejects.toThrow(/owner/);
  });
});
