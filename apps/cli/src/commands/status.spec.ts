import { Code, ConnectError, createRouterTransport, type Transport } from "@connectrpc/connect";
import { describe, expect, it } from "@jest/globals";
import { Health, HealthCheckResponse_ServingStatus } from "@trellis/protos/grpc/health/v1/health_pb";

import { serversOfTest } from "../test-support/server.ts";
import { createTerminal } from "../test-support/terminal.ts";

const setup = serversOfTest();
const { SERVING, NOT_SERVING } = HealthCheckResponse_ServingStatus;

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
      /^Server {3}http:\/\/trellis\.test:7500\nHealth {3}● ready\nStore {4}\w{26} at version \d+\nTypes {4}14\nLatency {2}[\d.]+ ms\n$/,
    );
    expect(exitCode).toBe(0);
    expect(JSON.parse((await trellis("status -o json")).stdout)).toMatchObject({
      health: "ready",
      types: 14,
    });
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
