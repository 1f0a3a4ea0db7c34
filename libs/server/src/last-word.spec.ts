import { connect } from "node:net";

import { afterEach, describe, expect, it } from "@jest/globals";

import { FLAG, FRAME, frame, getFields, preface } from "./test-support/http2-frames.ts";
import { startServer, stopServers } from "./test-support/test-server.ts";

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
