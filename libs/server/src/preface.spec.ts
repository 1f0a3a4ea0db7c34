import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { PassThrough } from "node:stream";

import { describe, expect, it } from "@jest/globals";
import { systemClock } from "@trellis/resource";
import { createVirtualClock } from "@trellis/testing";

import { type Protocol, sniffProtocol } from "./preface.ts";

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/** A connection that the test writes to, and what it was taken for. */
function sniff() {
  const clock = createVirtualClock();
  const socket = new PassThrough();
  const decisions: Protocol[] = [];
  sniffProtocol(socket as unknown as Socket, { clock, timeoutMs: 10_000 }, (protocol) =>
    decisions.push(protocol),
  );
  return { clock, socket, decisions };
}

describe("the first bytes of a connection", () => {
  it("are HTTP/2 with its whole preface, also when it comes byte by byte", async () => {
    const { clock, socket, decisions } = sniff();
    for (const byte of PREFACE) {
      expect(decisions).toEqual([]);
      socket.write(byte);
      await clock.flush();
    }
    expect(decisions).toEqual(["http2"]);
    expect(String(socket.read())).toBe(PREFACE);
  });

  it("are HTTP/1.1 at the first byte that the preface does not have, and are all put back", async () => {
    const { clock, socket, decisions } = sniff();
    socket.write("P");
    await clock.flush();
    expect(decisions).toEqual([]);
    socket.write("OST / HTTP/1.1\r\n");
    await clock.flush();
    expect(decisions).toEqual(["http1"]);
    expect(String(socket.read())).toBe("POST / HTTP/1.1\r\n");
  });

  it("may bring what follows the preface with them", async () => {
    const { clock, socket, decisions } = sniff();
    socket.write(`${PREFACE}frames`);
    await clock.flush();
    expect(decisions).toEqual(["http2"]);
    expect(String(socket.read())).toBe(`${PREFACE}frames`);
  });

  it("that never come end the connection after the timeout, and leave no timer", async () => {
    const { clock, socket, decisions } = sniff();
    await clock.advance(9_999);
    expect(decisions).toEqual([]);
    await clock.advance(1);
    expect([decisions, socket.destroyed, clock.pending()]).toEqual([["none"], true, 0]);
  });

  it("are read before the connection is cut for the lack of them, when the process stood still while they came", async () => {
    const timeoutMs = 50;
    const decided = Promise.withResolvers<Protocol>();
    const server = createServer((socket) => {
      sniffProtocol(socket, { clock: systemClock, timeoutMs }, decided.resolve);
      // The client has them under way, and nothing is read here until the time is up.
      for (const untilMs = performance.now() + 2 * timeoutMs; performance.now() < untilMs;);
    });
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
    client.on("error", () => undefined);
    client.write("GET / HTTP/1.1\r\n");
    const protocol = await decided.promise;
    client.destroy();
    server.close();
    expect(protocol).toBe("http1");
  });

  it("that come one a minute do not put off the timeout", async () => {
    const { clock, socket, decisions } = sniff();
    socket.write("PR");
    await clock.advance(6_000);
    socket.write("I");
    await clock.advance(4_000);
    expect([decisions, socket.destroyed]).toEqual([["none"], true]);
  });

  it("are none when the client leaves first", async () => {
    const { clock, socket, decisions } = sniff();
    socket.write("PR");
    socket.end();
    await clock.flush();
    expect([decisions, clock.pending()]).toEqual([["none"], 0]);
  });
});
