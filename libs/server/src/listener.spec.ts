import { connect as connectHttp2 } from "node:http2";

import { afterEach, describe, expect, it } from "@jest/globals";
import { createVirtualClock } from "@trellis/testing";

import { ListenError } from "./listen-error.ts";
import { connectTcp } from "./test-support/tcp-client.ts";
import { deferred, eventually, routesPart, startServer, stopServers } from "./test-support/test-server.ts";

afterEach(stopServers);

const echo = routesPart({
  "/echo": async (request) => ({
    status: 200,
    body: `${request.method} ${request.url.pathname} ${String(Buffer.from(await request.body()))}`,
  }),
});

describe("one port for HTTP/1.1 and HTTP/2", () => {
  it("answers requests in a row on one connection, in order", async () => {
    const { port } = await startServer([echo]);
    const client = await connectTcp(port);
    const post = (path: string) => `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nhi`;
    client.send(post("/echo/1") + post("/echo/2") + post("/echo/3"));
    await client.until("/echo/3 hi");
    const bodies = client.received().match(/POST \/echo\/\d hi/g);
    expect(bodies).toEqual(["POST /echo/1 hi", "POST /echo/2 hi", "POST /echo/3 hi"]);
    client.socket.destroy();
  });

  it("answers a client that has closed its side after asking", async () => {
    const { port } = await startServer([echo]);
    const client = await connectTcp(port);
    client.socket.end("GET /echo HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    expect(await client.closed).toContain("GET /echo");
  });

  it("speaks HTTP/2 after its preface", async () => {
    const { url } = await startServer([echo]);
    const session = connectHttp2(url);
    const stream = session.request({ ":method": "POST", ":path": "/echo" });
    stream.end("hi");
    const answer = await stream.setEncoding("utf8").toArray();
    expect(answer.join("")).toBe("POST /echo hi");
    session.close();
  });

  it.each(["http://127.0.0.1/echo", "http://user@host.example:1/echo"])(
    "takes the absolute target %s, as proxies send it",
    async (target) => {
      const { port } = await startServer([echo]);
      const client = await connectTcp(port);
      client.send(`GET ${target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
      expect(await client.closed).toContain("GET /echo");
    },
  );

  it.each([
    "OPTIONS * HTTP/1.1",
    "CONNECT a:1 HTTP/1.1",
    "GET // HTTP/1.1",
    "GET http:// HTTP/1.1",
    "GET /%ff HTTP/1.1",
  ])("survives %s", async (line) => {
    const { port, url } = await startServer([echo]);
    const client = await connectTcp(port);
    client.send(`${line}\r\nhost: x\r\nconnection: close\r\n\r\n`);
    await client.closed;
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  it("asks no client to upgrade and ignores the one that wants to", async () => {
    const { port } = await startServer([echo]);
    const client = await connectTcp(port);
    client.send("GET /echo HTTP/1.1\r\nhost: x\r\nconnection: close, upgrade\r\nupgrade: websocket\r\n\r\n");
    expect(await client.closed).toMatch(/^HTTP\/1\.1 200 /);
  });

  it("cuts an answer rather than write about broken bytes in its middle", async () => {
    const more = deferred();
    const slow = routesPart({
      "/slow": async () => ({
        status: 200,
        body: (async function* () {
          yield "begun";
          await more.promise;
        })(),
      }),
    });
    const { port } = await startServer([slow]);
    const client = await connectTcp(port);
    client.send("GET /slow HTTP/1.1\r\nhost: x\r\n\r\n");
    await client.until("begun");
    client.send("garbage\r\n\r\n");
    expect(await client.closed).not.toContain("400");
    more.resolve();
  });
});

describe("a request that HTTP does not allow is answered in words", () => {
  it.each([
    ["without a host", "GET /echo HTTP/1.1", "", 400, "send the header Host"],
    ["that expects wonders", "GET /echo HTTP/1.1", "host: x\r\nexpect: wonders\r\n", 417, "100-continue"],
    ["for a tunnel", "CONNECT a:1 HTTP/1.1", "host: x\r\n", 405, "CONNECT"],
  ])("%s", async (_, line, headers, status, words) => {
    const { port, server } = await startServer([echo]);
    const client = await connectTcp(port);
    client.send(`${line}\r\n${headers}\r\n`);
    const received = await client.closed;
    expect(received).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(received.toLowerCase()).toContain("connection: close");
    expect(received).toContain("content-type: application/problem+json");
    expect(received).toContain(words);
    await eventually(() => expect(server.load()).toEqual({ connections: 0, requests: 0 }));
  });

  it("behind one that is being answered, once that is answered", async () => {
    const { port } = await startServer([echo]);
    const client = await connectTcp(port);
    client.send("GET /echo HTTP/1.1\r\nhost: x\r\n\r\nGET /echo HTTP/1.1\r\n\r\n");
    expect(await client.closed).toMatch(
      /^HTTP\/1\.1 200 [^]*GET \/echo HTTP\/1\.1 400 [^]*send the header Host/,
    );
  });

  it.each([
    ["that expects wonders", { ":method": "GET", ":path": "/echo", expect: "wonders" }, 417, "100-continue"],
    ["for a tunnel", { ":method": "CONNECT", ":authority": "x:1" }, 405, "CONNECT"],
  ])("over HTTP/2: %s", async (_, headers, status, words) => {
    const { url } = await startServer([echo]);
    const session = connectHttp2(url);
    const stream = session.request(headers, { endStream: true });
    const answered = new Promise<unknown>((resolve) =>
      stream.once("response", ({ ":status": code }) => resolve(code)),
    );
    const text = (await stream.setEncoding("utf8").toArray()).join("");
    expect([await answered, text]).toEqual([status, expect.stringContaining(words)]);
    session.close();
  });

  it("but HTTP/1.0 needs no host", async () => {
    const { port } = await startServer([echo]);
    const client = await connectTcp(port);
    client.send("GET /echo HTTP/1.0\r\n\r\n");
    expect(await client.closed).toMatch(/^HTTP\/1\.1 200 /);
  });

  it.each(["/nowhere", "/", "/healthz"])("TRACE %s is 405, and told what it could be", async (path) => {
    const { port } = await startServer([]);
    const client = await connectTcp(port);
    client.send(`TRACE ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
    const received = await client.closed;
    expect(received).toMatch(/^HTTP\/1\.1 405 /);
    expect(received).toMatch(/\r\nallow: .*GET/i);
    expect(received).toContain("METHOD_NOT_ALLOWED");
  });
});

describe("connections", () => {
  it("are freed when an HTTP/2 client is gone in the middle of an upload that was refused", async () => {
    const { server, url } = await startServer([echo], { limits: { maxRequestBytes: 100 } });
    for (let round = 0; round < 3; round++) {
      const session = connectHttp2(url);
      session.on("error", () => undefined);
      const stream = session.request({ ":method": "POST", ":path": "/echo" });
      stream.on("error", () => undefined);
      stream.write(Buffer.alloc(1024 * 1024));
      await new Promise((resolve) => stream.once("response", resolve));
      session.destroy();
    }
    await eventually(() => expect(server.load()).toEqual({ connections: 0, requests: 0 }));
  });

  it("beyond the most that are allowed are closed at once, and the log says so", async () => {
    const { port, log } = await startServer([echo], { limits: { maxConnections: 1 } });
    const first = await connectTcp(port);
    first.send("GET /echo HTTP/1.1\r\nhost: x\r\n\r\n");
    await first.until("GET /echo");
    expect(await (await connectTcp(port)).closed).toBe("");
    expect(log.lines).toContainEqual(
      expect.objectContaining({ level: "warn", fields: { maxConnections: 1, refused: 1 } }),
    );
    first.socket.destroy();
  });

  it("that are refused by the thousand take a line of the log now and then, with their number", async () => {
    const clock = createVirtualClock();
    const { port, log } = await startServer([echo], { clock, limits: { maxConnections: 1 } });
    const first = await connectTcp(port);
    first.send("GET /echo HTTP/1.1\r\nhost: x\r\n\r\n");
    await first.until("GET /echo");
    const refuse = async () => expect(await (await connectTcp(port)).closed).toBe("");
    for (let connections = 0; connections < 5; connections++) await refuse();
    await clock.advance(10_000);
    await refuse();
    const told = log.lines.flatMap(({ level, fields }) => (level === "warn" ? [fields] : []));
    expect(told).toEqual([
      { maxConnections: 1, refused: 1 },
      { maxConnections: 1, refused: 5 },
    ]);
    first.socket.destroy();
  });
});

describe("a port that cannot be taken", () => {
  it("is told with what to do", async () => {
    const { port } = await startServer([]);
    const second = startServer([], {}, port);
    await expect(second).rejects.toThrow(
      `cannot listen on 127.0.0.1:${port}: another process has it; choose another with --listen`,
    );
    expect(ListenError.is(await second.catch((error: unknown) => error))).toBe(true);
  });
});
