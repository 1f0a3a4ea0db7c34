import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import { Health } from "@trellis/protos/trellis/catalog/v1/health_pb";
import type { ResourceType } from "@trellis/client";
import { WriteResponse_Outcome } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { createTestServer, createVirtualClock, type TestServer } from "@trellis/testing";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { parseAllDocuments } from "yaml";

import { ENDPOINTS_INTERVAL_MS } from "./controllers/limits.ts";
import catalog, {
  HealthStatus,
  Node,
  NodeHealthStatus,
  Service,
  ServiceEndpoints,
  Workload,
} from "./index.ts";

const FOLDER = join(import.meta.dirname, "../../../examples/catalog");

interface Manifest {
  readonly type: string;
  readonly name: string;
  readonly owner?: { readonly type: string; readonly name: string };
  readonly metadata?: Record<string, string>;
  readonly data: JsonValue;
}

const types: readonly ResourceType[] = [
  Workload,
  Service,
  ServiceEndpoints,
  HealthStatus,
  Node,
  NodeHealthStatus,
];

const manifests = readdirSync(FOLDER)
  .filter((file) => file.endsWith(".yaml"))
  .flatMap((file) =>
    parseAllDocuments(readFileSync(join(FOLDER, file), "utf8")).map(
      (document) => document.toJS() as Manifest,
    ),
  );

let server: TestServer;
beforeAll(async () => {
  const clock = createVirtualClock();
  server = createTestServer({ domains: [catalog], clock });
  const ownersFirst = manifests.toSorted((a, b) => depth(a) - depth(b));
  for (const manifest of ownersFirst) await apply(manifest);
  await clock.advance(3 * ENDPOINTS_INTERVAL_MS.longest);
  await server.settled();
});
afterAll(() => server.close());

function depth({ type, owner }: Manifest): number {
  return owner !== undefined || type === ServiceEndpoints.gvk ? 1 : 0;
}

function typeOf(name: string) {
  const type = types.find(({ gvk }) => gvk === name);
  if (type === undefined) throw new Error(`the example has a ${name}, which the catalog does not have`);
  return type;
}

function apply({ type: typeName, name, owner, metadata = {}, data }: Manifest) {
  const type = typeOf(typeName);
  const { group, groupVersion, kind } = typeOf(owner?.type ?? typeName);
  return server.client.write(type, {
    name,
    metadata,
    data: fromJson(type.schema, data),
    ...(owner && {
      owner: {
        $typeName: "trellis.resource.v1.ID",
        uid: "",
        name: owner.name,
        type: { $typeName: "trellis.resource.v1.Type", group, groupVersion, kind },
      },
    }),
  });
}

async function endpointsOf(name: string) {
  const { data } = await server.client.read(ServiceEndpoints, { name });
  return data.endpoints.map(({ targetRef, healthStatus }) => [targetRef?.name, healthStatus]);
}

describe("the catalog example", () => {
  it("has about fifty resources: four nodes, twenty workloads, services of every kind", () => {
    const count = (type: { gvk: string }) =>
      manifests.filter((manifest) => manifest.type === type.gvk).length;
    expect(manifests.length).toBeGreaterThanOrEqual(45);
    expect(manifests.length).toBeLessThanOrEqual(55);
    expect([count(Node), count(Workload), count(ServiceEndpoints)]).toEqual([4, 20, 1]);
  });

  it("shows every health in the service that its comment describes", async () => {
    expect(await endpointsOf("api")).toEqual([
      ["api-1", Health.PASSING],
      ["api-2", Health.WARNING],
      ["api-3", Health.WARNING],
      ["api-4", Health.CRITICAL],
      ["api-5", Health.CRITICAL],
    ]);
    expect(await endpointsOf("web")).toContainEqual(["web-2", Health.MAINTENANCE]);
  });

  it("has endpoints with the ports that each service targets", async () => {
    const { data } = await server.client.read(ServiceEndpoints, { name: "api" });
    expect(data.endpoints[0]?.addresses).toMatchObject([
      { host: "10.20.0.101", ports: ["grpc", "http", "mesh"] },
      { host: "api-1.shop.example", ports: ["http"], external: true },
    ]);
  });

  it("selects by prefix, by name, by both and by filter", async () => {
    expect((await endpointsOf("payments")).map(([name]) => name)).toEqual(["payments-1", "payments-2"]);
    expect((await endpointsOf("payments-next")).map(([name]) => name)).toEqual(["payments-canary"]);
    expect((await endpointsOf("postgres-read")).map(([name]) => name)).toEqual([
      "postgres-primary",
      "postgres-replica-1",
      "postgres-replica-2",
    ]);
  });

  it("leaves the endpoints that are written by hand as they are", async () => {
    expect(await endpointsOf("legacy-billing")).toEqual([[undefined, Health.PASSING]]);
  });

  it("changes nothing when it is applied again", async () => {
    for (const manifest of manifests) {
      expect([manifest.name, (await apply(manifest)).outcome]).toEqual([
        manifest.name,
        WriteResponse_Outcome.UNCHANGED,
      ]);
    }
  });
});
