import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, describe, expect, it } from "@jest/globals";
import { after, defineController, defineDomain, requestOf, retry, watch } from "@trellis/controller";
import demo, { v2 } from "@trellis/demo";

import type { Faults } from "./faulty-transport.ts";
import { seededRandom } from "./seeded-random.ts";
import { createTestServer, type TestServer } from "./test-server.ts";
import { createVirtualClock } from "./virtual-clock.ts";

const { Artist, Album } = v2;
let server: TestServer;
afterEach(() => server.close());

/** Keeps for every artist an album of its name. */
const discography = defineController({
  name: "discography",
  type: Artist,
  watches: [watch(Album, ({ resource }) => [requestOf(resource.id)])],
  async reconcile({ request, resource, cache, client }) {
    if (cache.get(Album, request) !== undefined) return;
    await client.write(Album, { ...request, owner: resource.id, data: { title: resource.data.name } });
  },
});
const write = (name: string) => server.client.write(Artist, { name, data: { name } });

describe("a test server", () => {
  it("runs the controllers of its domains until they have nothing left to do", async () => {
    const domain = defineDomain({
      types: demo.types,
      hooks: demo.hooks as never,
      controllers: [discography],
    });
    server = createTestServer({ domains: [domain] });
    for (const name of ["korn", "slipknot"]) await write(name);
    await server.settled();
    expect((await server.client.read(Album, { name: "korn" })).data.title).toBe("korn");
    await server.client.delete(Album, { name: "korn" });
    await server.settled();
    expect(await server.client.find(Album, { name: "korn" })).toBeDefined();
  });

  it("is settled only when the caches show what is stored, and nothing that is gone", async () => {
    const seen: number[] = [];
    const counter = defineController({
      name: "counter",
      type: Artist,
      reconcile: async ({ cache }) => void seen.push(cache.list(Artist).length),
      absent: async ({ cache }) => void seen.push(cache.list(Artist).length),
    });
    const controllerFaults: Faults = {
      async message() {
        for (let turn = 0; turn < 30; turn++) await new Promise((resolve) => setImmediate(resolve));
      },
    };
    server = createTestServer({ domains: [demo], controllers: [counter], controllerFaults });
    await write("korn");
    await server.settled();
    await server.client.delete(Artist, { name: "korn" });
    await server.settled();
    expect(seen).toEqual([1, 0]);
    expect(server.runtime.caches.get(Artist.gvk)?.size).toBe(0);
  });

  it("is settled while a controller waits for a time of its own wish", async () => {
    const clock = createVirtualClock();
    let runs = 0;
    const timer = defineController({
      name: "timer",
      type: Artist,
      async reconcile() {
        runs += 1;
        return after(60_000);
      },
    });
    server = createTestServer({ domains: [demo], controllers: [timer], clock });
    await write("korn");
    await server.settled();
    expect(runs).toBe(1);
    await clock.advance(60_000);
    expect(runs).toBe(2);
  });

  it("says who is busy, and to advance the clock when it is time that is waited for", async () => {
    const failing = defineController({
      name: "failing",
      type: Artist,
      reconcile: async () => retry(new Error("the moon is full")),
    });
    server = createTestServer({ domains: [demo], controllers: [failing], clock: createVirtualClock() });
    await write("korn");
    await expect(server.settled()).rejects.toThrow(
      /advance the clock: failing .*1 to be retried.*the moon is full/,
    );
  });

  it("says of a name that runs again and again that it does, and why", async () => {
    const clock = createVirtualClock();
    let runs = 0;
    const looping = defineController({
      name: "looping",
      type: Artist,
      owns: [Album],
      async reconcile({ children }) {
        runs += 1;
        await children(Album).set([{ name: "counted", data: { title: `run ${runs}` } }]);
      },
    });
    server = createTestServer({ domains: [demo], controllers: [looping], clock });
    await write("korn");
    await expect(server.settled()).rejects.toThrow(/korn runs again and again, because of its own writes/);
  });

  it("is refused with a domain that is none", async () => {
    expect(() => createTestServer({ domains: [demo, undefined as never] })).toThrow(
      "domains[1] must be a domain, made by defineDomain(…); found undefined",
    );
    server = createTestServer({ domains: [demo], controllers: [] });
  });

  it("ends the watches of its client when it closes, a controller that hangs or not", async () => {
    const hanging = defineController({
      name: "hanging",
      type: Artist,
      reconcile: () => new Promise(() => {}),
    });
    const clock = createVirtualClock();
    server = createTestServer({ domains: [demo], controllers: [hanging], clock });
    const watching = (async () => {
      let items = 0;
      for await (const item of server.client.watch(Artist)) items += item.kind === "upsert" ? 1 : 0;
      return items;
    })();
    await write("korn");
    await clock.flush();
    await server.close();
    expect(await watching).toBe(1);
  });

  it("lets go wrong between controllers and server what a test wants", async () => {
    const faults: Faults = {};
    const clock = createVirtualClock();
    server = createTestServer({
      domains: [demo],
      controllers: [discography],
      clock,
      controllerFaults: faults,
    });
    faults.request = ({ method }) => {
      if (method === "Write") throw new ConnectError("no route", Code.Unavailable);
    };
    await write("korn");
    await clock.advance(1_000);
    expect(await server.client.find(Album, { name: "korn" })).toBeUndefined();
    delete faults.request;
    await clock.advance(60_000);
    expect(await server.client.find(Album, { name: "korn" })).toBeDefined();
  });

  it("takes the names that are ready in an order that a seed decides", async () => {
    const orders = new Set<string>();
    const names = ["a", "b", "c", "d", "e", "f"];
    for (const seed of [1, 2, 3, 1]) {
      const taken: string[] = [];
      const gate = Promise.withResolvers<void>();
      const noting = defineController({
        name: "noting",
        type: Artist,
        async reconcile({ request: { name } }) {
          taken.push(name);
          await gate.promise;
        },
      });
      server = createTestServer({ domains: [demo], controllers: [noting], order: seededRandom(seed) });
      for (const name of names) await write(name);
      gate.resolve();
      await server.settled();
      await server.close();
      expect([...taken].sort()).toEqual(names);
      orders.add(taken.join(""));
    }
    expect(orders.size).toBe(3);
    server = createTestServer({ domains: [demo], controllers: [] });
  });

  it("kills the controllers at any point and starts them anew, with nothing in mind", async () => {
    const clock = createVirtualClock();
    const started: string[] = [];
    let kept: (() => Promise<unknown>) | undefined;
    const slow = defineController({
      name: "slow",
      type: Artist,
      async reconcile({ request, client, signal }) {
        started.push(request.name);
        if (started.length > 1) return;
        kept = () => client.write(Album, { name: "late", data: { title: "Late" } });
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
      },
    });
    server = createTestServer({ domains: [demo], controllers: [slow], clock });
    await write("korn");
    await clock.flush();
    const { runtime } = server;
    await server.restart();
    expect(server.runtime).not.toBe(runtime);
    await server.settled();
    expect(started).toEqual(["korn", "korn"]);
    await expect(kept?.()).rejects.toThrow();
    expect(await server.client.find(Album, { name: "late" })).toBeUndefined();
  });
});
