import { create, toBinary } from "@bufbuild/protobuf";
import { Code, createClient } from "@connectrpc/connect";
import { encodeEnvelope } from "@connectrpc/connect/protocol";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterEach, describe, expect, it } from "@jest/globals";
import { Health } from "@trellis/protos/grpc/health/v1/health_pb";
import { ServerReflectionRequestSchema } from "@trellis/protos/grpc/reflection/v1/reflection_pb";
import { createVirtualClock } from "@trellis/testing";

import { halfRequest } from "./test-support/half-request.ts";
import { eventually, startServer, stopServers } from "./test-support/test-server.ts";

afterEach(stopServers);

const HOUR_MS = 3_600_000;
const QUESTION = encodeEnvelope(
  0,
  toBinary(
    ServerReflectionRequestSchema,
    create(ServerReflectionRequestSchema, { messageRequest: { case: "listServices", value: "" } }),
  ),
);

/** A server on virtual time that asks no client whether it is there: the clients' answers come in real time. */
async function startQuiet() {
  const clock = createVirtualClock();
  return { clock, ...(await startServer([], { clock, limits: { pingIntervalMs: 1e9 } })) };
}

describe("a stream of requests", () => {
  it("whose first message does not come is answered DEADLINE_EXCEEDED after 30 s, and keeps nothing", async () => {
    const { clock, server, url } = await startQuiet();
    const silent = halfRequest(url, "a stream of requests", 0);
    await eventually(() => expect(server.load().requests).toBe(1));
    await clock.advance(29_999);
    expect(server.load().requests).toBe(1);
    await clock.advance(1);
    expect(await silent.answered).toMatchObject({ "grpc-status": String(Code.DeadlineExceeded) });
    await clock.advance(2_000);
    await eventually(() => expect(server.load()).toEqual({ connections: 0, requests: 0 }));
  });

  it("that has begun may be silent for hours, and is answered still", async () => {
    const { clock, server, url } = await startQuiet();
    const begun = halfRequest(url, "a stream of requests", 0);
    begun.send(QUESTION);
    await eventually(() => expect(begun.answers()).toBe(1));
    await clock.advance(5 * HOUR_MS);
    expect(begun.isOver()).toBe(false);
    begun.send(QUESTION);
    await eventually(() => expect(begun.answers()).toBe(2));
    begun.cut();
    await eventually(() => expect(server.load().requests).toBe(0));
  });

  it("that stops in the middle of a later message is answered DEADLINE_EXCEEDED", async () => {
    const { clock, server, url } = await startQuiet();
    const cut = halfRequest(url, "a stream of requests", 0);
    cut.send(QUESTION);
    await eventually(() => expect(cut.answers()).toBe(1));
    cut.send(QUESTION.subarray(0, 6));
    // The bytes are there once nothing else is due: until then time stands still.
    await eventually(() => expect(clock.pending()).toBeGreaterThan(1));
    await clock.advance(30_000);
    expect(await cut.answered).toMatchObject({ "grpc-status": String(Code.DeadlineExceeded) });
    await clock.advance(2_000);
    await eventually(() => expect(server.load().requests).toBe(0));
  });
});

describe("a stream of answers", () => {
  it("goes on for hours after its one request was read", async () => {
    const { clock, server, url } = await startQuiet();
    const caller = new AbortController();
    const health = createClient(Health, createGrpcTransport({ baseUrl: url }));
    const watch = health.watch({}, { signal: caller.signal })[Symbol.asyncIterator]();
    expect((await watch.next()).done).toBe(false);
    const next = watch.next().then(String, (error: Error) => error.message);
    await clock.advance(5 * HOUR_MS);
    expect(server.load().requests).toBe(1);
    caller.abort();
    expect(await next).toContain("canceled");
  });
});
