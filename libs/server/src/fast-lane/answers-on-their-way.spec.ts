import { connect as connectHttp2 } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";

import { create, toBinary } from "@bufbuild/protobuf";
import { afterEach, describe, expect, it } from "@jest/globals";
import {
  ReadRequestSchema,
  ReadResponseSchema,
  ResourceService,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { enveloped } from "@trellis/testkit";

import { relayTo, stopRelays } from "../test-support/tcp-relay.ts";
import {
  eventually,
  type RunningServer,
  startServer,
  stopServers,
  testPart,
} from "../test-support/test-server.ts";

/** More than the system's buffers between two sockets hold. */
const LARGE_BYTES = 24_000_000;
const REQUEST = toBinary(ReadRequestSchema, create(ReadRequestSchema));
const MAX_WINDOW = 2 ** 31 - 1;
/** Longer than what was sent last is waited for, once nothing is under way. */
const REST_MS = 1_000;

afterEach(async () => {
  stopRelays();
  await stopServers();
});

async function serve(limits: { readonly graceMs?: number; readonly writeStallMs?: number }) {
  let answered = 0;
  const part = testPart({
    connect: (router) =>
      router.service(ResourceService, {
        read: () => {
          answered += 1;
          return create(ReadResponseSchema, { resource: { id: { name: "x".repeat(LARGE_BYTES) } } });
        },
      }),
  });
  return { ...(await startServer([part], { limits })), answered: () => answered };
}

/** A client whose windows bound nothing, behind a network that can rest. */
async function behindNetwork(server: RunningServer, contentType: string) {
  const relay = await relayTo(server.url);
  const session = connectHttp2(relay.url, { settings: { initialWindowSize: MAX_WINDOW } });
  session.on("error", () => undefined);
  await new Promise((resolve) => session.once("localSettings", resolve));
  session.setLocalWindowSize(MAX_WINDOW);
  return {
    ...relay,
    close: () => session.destroy(),
    /** The bytes of an answer and its status in gRPC, once its stream is closed. */
    async call(): Promise<{ readonly bytes: number; readonly status: unknown }> {
      const stream = session.request({
        ":method": "POST",
        ":path": `/${ResourceService.typeName}/Read`,
        "content-type": contentType,
      });
      let bytes = 0;
      let status: unknown;
      stream.on("error", () => undefined);
      stream.on("data", (chunk: Buffer) => (bytes += chunk.length));
      stream.on("trailers", (trailers) => (status = trailers["grpc-status"]));
      stream.end(contentType === "application/grpc" ? enveloped(REQUEST) : REQUEST);
      await new Promise((resolve) => stream.on("close", resolve));
      return { bytes, status };
    },
  };
}

describe.each([
  ["application/grpc", "0"],
  ["application/proto", undefined],
])("an answer of %s that waits for the network", (contentType, status) => {
  it("is waited for by a server that stops", async () => {
    const running = await serve({ graceMs: 10_000 });
    const network = await behindNetwork(running, contentType);
    await network.call();
    network.rest();
    const call = network.call();
    await eventually(() => expect(running.answered()).toBe(2));
    const stopped = running.server.stop();
    await sleep(REST_MS);
    expect(running.server.load().requests).toBe(1);
    network.goOn();
    const answer = await call;
    expect(answer.bytes).toBeGreaterThan(LARGE_BYTES);
    expect(answer.status).toBe(status);
    await stopped;
    network.close();
  });

  it("is under way no more when the client has left it unread for too long", async () => {
    const running = await serve({ writeStallMs: 100 });
    const network = await behindNetwork(running, contentType);
    network.rest();
    const call = network.call();
    await eventually(() => expect(running.answered()).toBe(1));
    await eventually(() => expect(running.server.load().requests).toBe(0));
    network.close();
    await call;
  });
});
