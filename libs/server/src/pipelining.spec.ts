import { create } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import { afterEach, describe, expect, it } from "@jest/globals";
import {
  type ReadResponse,
  ReadResponseSchema,
  ResourceService,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";

import { connectTcp } from "./test-support/tcp-client.ts";
import {
  eventually,
  type RunningServer,
  startServer,
  stopServers,
  testPart,
} from "./test-support/test-server.ts";

afterEach(stopServers);

const BODY = "{}";

/** A server of which the first call lasts until its signal is aborted, and all others answer at once. */
async function serve(): Promise<RunningServer & { readonly calls: () => number }> {
  let calls = 0;
  const read = (_: unknown, { signal }: HandlerContext): ReadResponse | Promise<ReadResponse> =>
    ++calls > 1
      ? create(ReadResponseSchema)
      : new Promise((_resolve, reject) =>
          signal.addEventListener("abort", () => reject(signal.reason as Error)),
        );
  const part = testPart({ connect: (router) => router.service(ResourceService, { read }) });
  return { ...(await startServer([part])), calls: () => calls };
}

describe.each([
  ["the fast lane", ""],
  ["the library", "origin: https://elsewhere.example\r\n"],
])("requests of HTTP/1.1 that wait for one before them, by %s", (_, headers) => {
  const request =
    `POST /${ResourceService.typeName}/Read HTTP/1.1\r\nhost: x\r\n${headers}` +
    `content-type: application/json\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`;

  it("are over when their client goes away, answered or not", async () => {
    const { port, server, calls } = await serve();
    const client = await connectTcp(port);
    client.send(request + request + request + request.slice(0, -1));
    await eventually(() => expect([calls(), server.load().requests]).toEqual([3, 4]));
    client.socket.destroy();
    await eventually(() => expect(server.load()).toEqual({ connections: 0, requests: 0 }));
  });

  it("are answered in their order", async () => {
    const { port, server, calls } = await serve();
    const first = await connectTcp(port);
    first.send(request);
    await eventually(() => expect(calls()).toBe(1));
    const client = await connectTcp(port);
    client.send(request + request);
    await eventually(() => expect(client.received().split("HTTP/1.1 200 OK")).toHaveLength(3));
    await eventually(() => expect(server.load().requests).toBe(1));
    client.socket.destroy();
    first.socket.destroy();
    await eventually(() => expect(server.load()).toEqual({ connections: 0, requests: 0 }));
  });
});
