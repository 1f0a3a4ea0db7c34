import { type ClientHttp2Session, connect, createServer, type Http2Session } from "node:http2";
import type { AddressInfo } from "node:net";

import { afterEach, describe, expect, it } from "@jest/globals";
import fc from "fast-check";

import { RenewedMap, renewStreamTables } from "./session-tables.ts";

let close: (() => Promise<void>) | undefined;
afterEach(async () => {
  await close?.();
  close = undefined;
});

/** A server that answers, or leaves open what asks for it, with renewed tables; and a client with such tables. */
async function serve() {
  const server = createServer();
  const found: boolean[] = [];
  server.on("session", (session) => found.push(renewStreamTables(session)));
  server.on("stream", (stream, headers) => {
    stream.on("error", () => undefined);
    stream.respond({ ":status": 200 });
    if (headers[":path"] !== "/open") stream.end("answered");
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  client.on("error", () => undefined);
  found.push(renewStreamTables(client));
  close = async () => {
    client.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { server, client, found };
}

/** The text of an answer, or the code with which the stream ended. */
function ask(client: ClientHttp2Session, path: string): Promise<string | number> {
  return new Promise((resolve) => {
    const stream = client.request({ ":path": path });
    let text = "";
    stream.setEncoding("utf8").on("data", (piece: string) => (text += piece));
    stream
      .on("error", () => undefined)
      .on("close", () => resolve(text === "" ? (stream.rstCode ?? 0) : text));
    stream.end();
  });
}

describe("the tables of an HTTP/2 connection's streams", () => {
  it("are found in this version of Node, of servers and of clients", async () => {
    const { client, found } = await serve();
    expect(await ask(client, "/")).toBe("answered");
    expect(found).toEqual([true, true]);
  });

  it("serve hundreds of calls at once, one after the other, and beside streams that stay open", async () => {
    const { client } = await serve();
    const open = Array.from({ length: 20 }, () => ask(client, "/open"));
    for (let round = 0; round < 5; round++) {
      const answers = await Promise.all(Array.from({ length: 100 }, () => ask(client, "/")));
      expect(new Set(answers)).toEqual(new Set(["answered"]));
    }
    client.destroy();
    expect(await Promise.all(open)).toHaveLength(20);
  });

  it("let a connection that closes wait for its streams, and one that is destroyed end them", async () => {
    const { server, client } = await serve();
    const session = new Promise<Http2Session>((resolve) => server.once("session", resolve));
    const answers = Array.from({ length: 10 }, () => ask(client, "/open"));
    await ask(client, "/");
    const closed = new Promise((resolve) => client.once("close", resolve));
    client.close();
    await new Promise((resolve) => setImmediate(resolve));
    expect(client.destroyed).toBe(false);
    (await session).destroy();
    await closed;
    expect(await Promise.all(answers)).toHaveLength(10);
  });

  it("are left as they are where they are not known", () => {
    expect(renewStreamTables({} as Http2Session)).toBe(false);
    expect(renewStreamTables({ [Symbol("state")]: { streams: [] } } as unknown as Http2Session)).toBe(false);
  });
});

describe("a map that is begun anew", () => {
  it("has what a map has, whatever comes and goes", () => {
    const step = fc.record({ set: fc.boolean(), key: fc.nat(40) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 600, minLength: 200 }), (steps) => {
        const [renewed, model] = [new RenewedMap<number, number>(), new Map<number, number>()];
        steps.forEach(({ set, key }, value) => {
          if (set) {
            renewed.set(key, value);
            model.set(key, value);
          } else expect(renewed.delete(key)).toBe(model.delete(key));
          expect([renewed.size, renewed.get(key)]).toEqual([model.size, model.get(key)]);
        });
        const values: number[] = [];
        renewed.forEach((value) => values.push(value));
        expect(values).toEqual([...model.values()]);
      }),
      { numRuns: 20 },
    );
  });

  it("calls back for each once, although each is taken out meanwhile", () => {
    const map = new RenewedMap<number, number>(Array.from({ length: 300 }, (_, key) => [key, key] as const));
    let calls = 0;
    map.forEach((key) => {
      calls += 1;
      map.delete(key);
    });
    expect([calls, map.size]).toEqual([300, 0]);
  });
});
