import { createConnectTransport } from "@connectrpc/connect-web";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import {
  Health,
  HealthCheckResponse_ServingStatus as Status,
} from "@trellis/protos/grpc/health/v1/health_pb";
import { ResourceService } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { errorReason } from "@trellis/resource";
import { runProgram, type ServerProcess, startGateway } from "@trellis/testkit";

import { ALBUMS_PATH } from "../test-support/album.ts";
import { grpcCaller } from "../test-support/callers/grpc-caller.ts";
import { transportCaller } from "../test-support/callers/transport-caller.ts";

const ORIGIN = "https://console.example";

let server: ServerProcess;
let grpc: ReturnType<typeof grpcCaller>;
beforeAll(async () => {
  server = await startGateway({ domains: ["@trellis/demo"], flags: ["--cors-origin", ORIGIN] });
  grpc = grpcCaller(server.url);
}, 60_000);
afterAll(async () => {
  grpc.close();
  expect(await server.stop()).toBe(0);
});

describe.each([
  ["gRPC", () => grpc],
  ["Connect", () => transportCaller(createConnectTransport({ baseUrl: server.url }))],
])("grpc.health.v1 over %s", (_, caller) => {
  const { check, list, watch } = Health.method;

  it.each(["", ResourceService.typeName])("Check says that %j serves", async (service) => {
    expect((await caller().unary(check, { service })).status).toBe(Status.SERVING);
  });

  it("Check of a service that is not there is NotFound", async () => {
    const error: unknown = await caller()
      .unary(check, { service: "acme.v1.Nothing" })
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConnectError);
    expect([(error as ConnectError).code, errorReason(error)]).toEqual([Code.NotFound, "ROUTE_NOT_FOUND"]);
  });

  it("List names every service", async () => {
    const { statuses } = await caller().unary(list, {});
    expect(Object.keys(statuses)).toEqual(expect.arrayContaining(["", ResourceService.typeName]));
  });

  it.each([
    ["", Status.SERVING],
    ["acme.v1.Nothing", Status.SERVICE_UNKNOWN],
  ])("Watch of %j begins with what is", async (service, status) => {
    const seen = await caller().stream(watch, { service }, () => true);
    expect(seen.map((message) => message.status)).toEqual([status]);
  });
});

describe("reflection", () => {
  it.each(["grpc-v1", "grpc-v1alpha"])("lists all methods over %s", async (reflection) => {
    const { stdout, exitCode } = await runProgram("buf", [
      "curl",
      "--http2-prior-knowledge",
      "--reflect-protocol",
      reflection,
      "--list-methods",
      server.url,
    ]);
    expect(exitCode).toBe(0);
    const methods = stdout.trim().split("\n");
    expect(methods).toEqual(
      expect.arrayContaining([
        ...ResourceService.methods.map(({ name }) => `${ResourceService.typeName}/${name}`),
        "trellis.resource.v1.TypeService/ListTypes",
        "trellis.resource.v1.TypeService/GetSchema",
        "grpc.health.v1.Health/Check",
      ]),
    );
  });
});

describe("CORS", () => {
  function preflight(origin: string, path: string, method: string): Promise<Response> {
    return fetch(server.url + path, {
      method: "OPTIONS",
      headers: {
        origin,
        "access-control-request-method": method,
        "access-control-request-headers": "if-match",
      },
    });
  }

  it.each([
    [`/${ResourceService.typeName}/Write`, "POST"],
    [`${ALBUMS_PATH}/x`, "PUT"],
    [`${ALBUMS_PATH}/x`, "DELETE"],
  ])("lets an allowed page send to %s by %s", async (path, method) => {
    const answer = await preflight(ORIGIN, path, method);
    expect(answer.status).toBe(204);
    expect(answer.headers.get("access-control-allow-origin")).toBe(ORIGIN);
    expect(answer.headers.get("access-control-allow-methods")).toContain(method);
    const headers = answer.headers.get("access-control-allow-headers")?.toLowerCase();
    for (const header of [
      "if-match",
      "connect-protocol-version",
      "grpc-timeout",
      "x-grpc-web",
      "trellis-min-version",
    ])
      expect(headers).toContain(header);
  });

  it("lets it read answers and errors, with the headers that matter", async () => {
    const answer = await fetch(`${server.url}${ALBUMS_PATH}/nobody`, { headers: { origin: ORIGIN } });
    expect(answer.status).toBe(404);
    expect(answer.headers.get("access-control-allow-origin")).toBe(ORIGIN);
    const exposed = answer.headers.get("access-control-expose-headers")?.toLowerCase();
    for (const header of [
      "trellis-store",
      "trellis-version",
      "etag",
      "grpc-status",
      "grpc-status-details-bin",
    ])
      expect(exposed).toContain(header);
  });

  it("gives other pages nothing, and says that the answer depends on the page", async () => {
    const answer = await preflight("https://evil.example", ALBUMS_PATH, "GET");
    expect(answer.headers.get("access-control-allow-origin")).toBeNull();
    expect(answer.headers.get("vary")).toBe("Origin");
  });
});
