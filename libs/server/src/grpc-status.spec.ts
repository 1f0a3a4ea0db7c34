import { create } from "@bufbuild/protobuf";
import { ConnectError, createClient } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { ReadResponseSchema, ResourceService } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { apiError, errorMetadata, errorReason, errorViolations } from "@trellis/resource";

import { setGrpcStatus } from "./grpc-status.ts";
import { startServer, stopServers, testPart } from "./test-support/test-server.ts";

const violations = Array.from({ length: 100 }, (_, at) => ({
  field: `operations[${at}].write.resource.metadata["${"k".repeat(400)}"]`,
  description: `found ${"ß".repeat(900)}`,
}));

const BROKEN = "100 rules are broken";

/** The largest error that there is, of texts that grow most on their way. */
const largest = (message = "文".repeat(2_000)): ConnectError =>
  apiError({ reason: "INVALID_REQUEST", message, violations });

let url: string;
beforeAll(async () => {
  const part = testPart({
    name: "refusing",
    connect: (router) =>
      router.service(ResourceService, {
        read: () => create(ReadResponseSchema),
        transact() {
          throw largest(BROKEN);
        },
      }),
  });
  ({ url } = await startServer([part]));
});
afterAll(stopServers);

describe("an error too large for trailers", () => {
  it.each([
    ["a long message", "文".repeat(2_000)],
    ["many violations", BROKEN],
  ])("goes into them as far as they take it: %s", (_, message) => {
    const trailer = setGrpcStatus(new Headers(), largest(message));
    const bytes = [...trailer].reduce((sum, [name, value]) => sum + name.length + value.length, 0);
    expect(bytes).toBeLessThan(8_192);
  });

  it("ends its call over gRPC and not the connection", async () => {
    const client = createClient(ResourceService, createGrpcTransport({ baseUrl: url }));
    const error = await client.transact({}).then(
      () => undefined,
      (thrown: unknown) => ConnectError.from(thrown),
    );
    expect(errorReason(error)).toBe("INVALID_REQUEST");
    const shown = errorViolations(error);
    expect(shown).toEqual(errorViolations(largest(BROKEN)).slice(0, shown.length));
    expect(shown.length).toBeGreaterThan(0);
    expect(Number(errorMetadata(error)["violations_left_out"])).toBe(100 - shown.length);
    await expect(client.read({})).resolves.toBeDefined();
  });

  it.each([
    ["Connect", () => createConnectTransport({ baseUrl: url, httpVersion: "2" })],
    ["gRPC-Web", () => createGrpcWebTransport({ baseUrl: url, httpVersion: "2" })],
  ])("stays as it is where it is part of a body: %s", async (_, transport) => {
    const client = createClient(ResourceService, transport());
    const error = await client.transact({}).then(
      () => undefined,
      (thrown: unknown) => ConnectError.from(thrown),
    );
    expect(errorViolations(error)).toEqual(errorViolations(largest(BROKEN)));
  });
});
