import { connect } from "node:net";

import { create } from "@bufbuild/protobuf";
import { afterEach, describe, expect, it } from "@jest/globals";
import { ReadResponseSchema, ResourceService } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { RAW_FORMS, rawCall } from "@trellis/testkit";

import { FLAG, FRAME, frame, getFields, preface } from "./test-support/http2-frames.ts";
import { deferred, eventually, startServer, stopServers, testPart } from "./test-support/test-server.ts";

afterEach(stopServers);

describe("a server that stops", () => {
  it("resets no HTTP/2 connection on which something comes after it has said the last word", async () => {
    const { port, server } = await startServer([]);
    const errors: Error[] = [];
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    socket.on("error", (error) => errors.push(error)).resume();
    socket.write(preface(), "latin1");
    await new Promise((resolve) => socket.once("data", resolve));
    let isStopped = false;
    const stopped = server.stop().then(() => (isStopped = true));
    await new Promise((resolve) => socket.once("end", resolve));
    socket.write(frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 1, getFields("/healthz")), "latin1");
    await new Promise((resolve) => setImmediate(resolve));
    expect(isStopped).toBe(false);
    socket.end();
    await stopped;
    expect(errors).toEqual([]);
  });

  // The end of the connection is still being written, or just was.
  it.each(
    RAW_FORMS.filter(({ http }) => http === 2).flatMap((form) =>
      [0, 1, 2, 3].flatMap((turns) => [
        [form.name, turns, "fast lane", form, {}] as const,
        [form.name, turns, "library", form, { origin: "https://elsewhere.example" }] as const,
      ]),
    ),
  )(
    "loses no answer over %s that is ready %i turns later, by the %s",
    async (_, turns, _by, form, headers) => {
      const release = deferred();
      const part = testPart({
        connect: (router) =>
          router.service(ResourceService, {
            async read() {
              await release.promise;
              return create(ReadResponseSchema, { resource: { id: { name: "it" } } });
            },
          }),
      });
      const { url, server } = await startServer([part], { corsOrigins: ["https://console.example"] });
      const message = Buffer.from(form.json ? "{}" : "");
      const path = `/${ResourceService.typeName}/Read`;
      const called = rawCall(url, form, { path, message, headers });
      await eventually(() => expect(server.load().requests).toBe(1));
      const stopped = server.stop();
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
      release.resolve();
      const { status, body, trailers } = await called;
      expect([status, Buffer.from(body, "hex").toString("latin1")]).toEqual([
        200,
        expect.stringContaining("it"),
      ]);
      if (form.enveloped) expect(trailers).toMatchObject({ "grpc-status": "0" });
      await stopped;
    },
  );

  it("does not wait long for an HTTP/2 client that keeps its side open", async () => {
    const { port, server } = await startServer([]);
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    socket.on("error", () => undefined).resume();
    socket.write(preface(), "latin1");
    await new Promise((resolve) => socket.once("data", resolve));
    await server.stop();
    expect(server.load().connections).toBe(0);
    socket.destroy();
  });
});
