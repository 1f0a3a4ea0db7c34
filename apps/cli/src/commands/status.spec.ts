import { Code, ConnectError, createRouterTransport, type Transport } from "@connectrpc/connect";
import { describe, expect, it } from "@jest/globals";
import { Health, HealthCheckResponse_ServingStatus } from "@trellis/protos/grpc/health/v1/health_pb";

import { Condition_State } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { PartitionSchema } from "@trellis/protos/trellis/tenancy/v1/tenancy_pb";
import { type Clock, resourceType } from "@trellis/resource";
import { createVirtualClock } from "@trellis/testing";

import { serversOfTest } from "../test-support/server.ts";
import { createTerminal } from "../test-support/terminal.ts";

const setup = serversOfTest();
/** As servers have it beside the types of their domains. */
const Partition = resourceType(PartitionSchema);
const system = { types: [Partition], hooks: [], controllers: [] };
const { SERVING, NOT_SERVING } = HealthCheckResponse_ServingStatus;

/** The server's transport, which tells its time, as servers do over the network. */
function withDate(transport: Transport, clock: Clock): Transport {
  return {
    stream: (...args) => transport.stream(...args),
    async unary(...args) {
      const response = await transport.unary(...args);
      response.header.set("date", new Date(clock.now()).toUTCString());
      return response;
    },
  };
}

/** The server's transport, with a health service beside it. */
function withHealth(transport: Transport, status: HealthCheckResponse_ServingStatus): Transport {
  const health = createRouterTransport(({ service }) => service(Health, { check: () => ({ status }) }));
  return {
    stream: (...args) => transport.stream(...args),
    unary: (...args) => (args[0].parent.typeName === Health.typeName ? health : transport).unary(...args),
  };
}

describe("trellis status", () => {
  it("shows whether the server is ready, and what it is", async () => {
    const { server } = setup();
    const trellis = createTerminal(withHealth(server.transport, SERVING));
    const { stdout, exitCode } = await trellis("status");
    expect(stdout).toMatch(
      /^Server {3}http:\/\/trellis\.test:7500\nHealth {3}● ready\nStore {4}\w{26} at version \d+\nTypes {4}14 in catalog\.v1 \(6\), demo\.v1 \(5\), demo\.v2 \(3\)\nLatency {2}[\d.]+ ms\n$/,
    );
    expect(exitCode).toBe(0);
    expect(JSON.parse((await trellis("status -o json")).stdout)).toMatchObject({
      health: "ready",
      types: 14,
    });
  });

  it("says whether the system's controllers run, from their last heartbeat", async () => {
    const clock = createVirtualClock();
    const { server, trellis } = setup({ clock, domains: [system] });
    const controllers = async () => (await trellis("status")).stdout.split("\n").slice(5).join("\n");
    const hint =
      "\nDeletions do not cascade and namespaces are not emptied.\nStart a controller manager with --cluster-secret.\n";
    const never = `Controllers  ● none of the system's has ever run\n${hint}`;
    expect(await controllers()).toBe(never);
    const { resource: partition } = await server.client.write(Partition, { name: "default" });
    expect(await controllers()).toBe(never);
    await server.client.writeStatus(Partition, partition, {
      key: "trellis.dev/system-controllers",
      observedGeneration: partition.generation,
      conditions: [{ type: "Running", state: Condition_State.TRUE }],
    });
    await clock.advance(60_000);
    expect(await controllers()).toBe("Controllers  ● the system's own run\n");
    const json = async () => JSON.parse((await trellis("status -o json")).stdout) as unknown;
    expect(await json()).toMatchObject({ controllers: { running: true } });
    await clock.advance(240_000);
    expect(await controllers()).toBe(`Controllers  ● none of the system's has run for 5m\n${hint}`);
    expect(await json()).toMatchObject({
      controllers: { running: false, lastSeen: expect.stringMatching(/^\d{4}-.*Z$/) as unknown },
    });
  });

  it("goes by the server's clock, whatever this machine's says", async () => {
    const clock = createVirtualClock();
    const { server } = setup({ clock, domains: [system] });
    const { resource: partition } = await server.client.write(Partition, { name: "default" });
    await server.client.writeStatus(Partition, partition, {
      key: "trellis.dev/system-controllers",
      observedGeneration: partition.generation,
      conditions: [{ type: "Running", state: Condition_State.TRUE }],
    });
    const terminals = [-3_600_000, 0, 3_600_000].map((skewMs) =>
      createTerminal(withDate(server.transport, clock), {
        clock: { ...clock, now: () => clock.now() + skewMs },
      }),
    );
    for (const trellis of terminals)
      expect((await trellis("status")).stdout).toContain("Controllers  ● the system's own run\n");
    await clock.advance(300_000);
    for (const trellis of terminals)
      expect((await trellis("status")).stdout).toContain("none of the system's has run for 5m\n");
  });

  it("says nothing of controllers where the server does not let them be seen", async () => {
    const { trellis } = setup({
      domains: [system],
      authorizer: { decide: () => ({ decision: "deny", reason: "not for you" }) },
    });
    const { stdout, exitCode } = await trellis("status");
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/\nLatency {2}[\d.]+ ms\n$/);
  });

  it("exits with 1 when the server is not ready", async () => {
    const { server } = setup();
    const trellis = createTerminal(withHealth(server.transport, NOT_SERVING));
    expect(await trellis("status")).toMatchObject({
      exitCode: 1,
      stdout: expect.stringContaining("○ not ready") as unknown,
    });
  });

  it("says when the server does not tell", async () => {
    const { trellis } = setup();
    expect(await trellis("status")).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining("○ not told") as unknown,
    });
  });

  it("says in two lines that there is no server", async () => {
    const refuse = () => {
      throw new ConnectError("x", Code.Unavailable, undefined, undefined, {
        cause: { code: "ECONNREFUSED" },
      });
    };
    const trellis = createTerminal({ unary: refuse, stream: refuse });
    expect(await trellis("status")).toEqual({
      exitCode: 1,
      stdout: "",
      stderr:
        'error: cannot reach http://trellis.test:7500: connection refused\nStart a server with "npm start", or name another with --server or TRELLIS_SERVER.\n',
    });
  });
});
