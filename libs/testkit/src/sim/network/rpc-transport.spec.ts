import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { describe, expect, it } from "@jest/globals";
import { StorageService, type WatchResponse } from "@trellis/protos/trellis/storage/v1/storage_service_pb.js";

import { createDice } from "../world/dice.ts";
import { MachineClock } from "../world/machine-clock.ts";
import { SimulatedProcess } from "../world/simulated-process.ts";
import { World } from "../world/world.ts";
import type { ConnectionParts } from "./connection.ts";
import { dialer } from "./dial.ts";
import { Links } from "./links.ts";
import { Listeners } from "./listeners.ts";

/** A server that yields numbered answers, and a client of it. */
function start({ answers = 0, silentRate = 0 } = {}) {
  const world = new World();
  const links = new Links(world, createDice(1, "links"));
  const listeners = new Listeners();
  const processOf = (name: string): SimulatedProcess => {
    const clock = new MachineClock(world, { rate: 1, bootMs: 0, wallMs: 0 });
    return new SimulatedProcess({ name, world, clock, dice: createDice(1, name) });
  };
  const [client, server] = [processOf("client"), processOf("server")];
  const seen = { yielded: 0, aborted: 0 };
  const serve = (): void =>
    listeners.listen("server:1", server, (router) => {
      router.service(StorageService, {
        async *watch(_, { signal }) {
          signal.addEventListener("abort", () => seen.aborted++);
          for (let number = 1; number <= answers; number++) {
            seen.yielded++;
            yield { storeId: String(number) };
          }
          await new Promise((resolve) => signal.addEventListener("abort", resolve));
        },
      });
    });
  const parts: ConnectionParts = { world, links, listeners, chance: () => silentRate > 0 };
  const connection = dialer(parts, { host: "client", process: client })("server:1");
  const rpc = createClient(StorageService, connection.transport);
  return { world, links, listeners, client, server, serve, connection, rpc, seen };
}

/** Reads a watch to its end. */
function read(answers: AsyncIterable<WatchResponse>): { ids: string[]; code: Code | undefined } {
  const found: { ids: string[]; code: Code | undefined } = { ids: [], code: undefined };
  const reading = async (): Promise<void> => {
    for await (const { storeId } of answers) found.ids.push(storeId);
  };
  reading().catch((error: unknown) => (found.code = ConnectError.from(error).code));
  return found;
}

describe("calls over a simulated connection", () => {
  it("arrive in order, whatever the delays", async () => {
    const { world, links, serve, rpc } = start({ answers: 100 });
    serve();
    Object.assign(links.weather, { delayMs: 20, lateRate: 0.2 });
    const found = read(rpc.watch({}));
    await world.run({ ms: 60_000 });
    expect(found.ids).toEqual(Array.from({ length: 100 }, (_, at) => String(at + 1)));
  });

  it("hold the server back while nobody reads", async () => {
    const { world, serve, rpc, seen } = start({ answers: 1_000 });
    serve();
    const answers = rpc.watch({})[Symbol.asyncIterator]();
    let first: unknown;
    void answers.next().then((answer) => (first = answer.value));
    await world.run({ ms: 1_000 });
    expect(first).toMatchObject({ storeId: "1" });
    expect(seen.yielded).toBeLessThan(20);
  });

  it("fail when nobody listens", async () => {
    const { world, rpc } = start();
    const found = read(rpc.watch({}));
    await world.run({ ms: 1_000 });
    expect(found.code).toBe(Code.Unavailable);
  });

  it("fail when the server dies; what it sends then reaches nobody", async () => {
    const { world, server, serve, rpc } = start({ answers: 3 });
    serve();
    const found = read(rpc.watch({}));
    await world.run({ ms: 1_000 });
    server.kill();
    await world.run({ ms: 2_000 });
    expect(found).toEqual({ ids: ["1", "2", "3"], code: Code.Unavailable });
  });

  it("may fail long after the way was cut: neither end is told", async () => {
    const { world, links, serve, rpc, seen } = start({ answers: 30, silentRate: 1 });
    serve();
    const found = read(rpc.watch({}));
    await world.run({ ms: 1 });
    links.cut("server", "client");
    await world.run({ ms: 3_000 });
    expect(found.code).toBeUndefined();
    expect(seen.aborted).toBe(0);
    await world.run({ ms: 6_000 });
    expect(found.code).toBe(Code.Unavailable);
    expect(seen.aborted).toBe(1);
  });

  it("end at the server when the client gives them up, closes the connection or dies", async () => {
    for (const end of ["signal", "close", "kill"] as const) {
      const { world, client, serve, connection, rpc, seen } = start({ answers: 1 });
      serve();
      const controller = new AbortController();
      read(rpc.watch({}, { signal: controller.signal }));
      await world.run({ ms: 1_000 });
      if (end === "signal") controller.abort();
      else if (end === "close") connection.close();
      else client.kill();
      await world.run({ ms: 2_000 });
      expect({ end, aborted: seen.aborted }).toEqual({ end, aborted: 1 });
    }
  });

  it("are let go of at the end of a run, also where their process was killed", async () => {
    const { world, listeners, server, serve, rpc, seen } = start({ answers: 1 });
    serve();
    read(rpc.watch({}));
    await world.run({ ms: 1_000 });
    server.kill();
    await world.run({ ms: 10_000 });
    expect(seen.aborted).toBe(0);
    listeners.end();
    expect(seen.aborted).toBe(1);
  });
});
