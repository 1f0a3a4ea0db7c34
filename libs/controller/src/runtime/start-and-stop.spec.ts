import { afterEach, describe, expect, it } from "@jest/globals";
import type { Client } from "@trellis/client";

import { sharded } from "../controller.ts";
import { type AnyController, defineController } from "../define.ts";
import { Album, Artist, createRun, drain, type Run } from "../test-support/run.ts";
import { createControllerRuntime } from "./controller-runtime.ts";
import type { Placed, Placement, Tenure } from "./placement.ts";

let run: Run;
afterEach(() => run.close());

/** A controller that notes what is called of it. */
function createNoting(options: Partial<AnyController> = {}) {
  const calls: string[] = [];
  const controller = defineController({
    name: "noting",
    type: Artist,
    init: async () => void calls.push("init"),
    onStart: async ({ cache }) => void calls.push(`start with ${cache.list(Artist).length}`),
    onStop: async ({ cache, signal }) =>
      void calls.push(
        `stop with ${cache.list(Artist).length}, ${signal.aborted ? "aborted" : "not aborted"}`,
      ),
    reconcile: async ({ request }) => void calls.push(request.name),
    ...options,
  });
  return { calls, controller };
}

/** A placement that does what the test says, when it says so. */
function createTold(client: Client) {
  let placed: Placed | undefined;
  const tenure: Tenure = { client };
  const placement: Placement = {
    start: (_, given) => void (placed = given),
    retire: () => undefined,
    stop: async () => undefined,
    waitingFor: () => undefined,
    elsewhere: () => undefined,
  };
  return {
    placement,
    begin: () => placed?.begin("noting", tenure),
    end: async () => await placed?.end("noting", tenure, "at once"),
  };
}

const log = { debug() {}, info() {}, warn() {}, error() {} };

describe("a controller's start", () => {
  it("is init, then full caches, then onStart, then the first run; its end is onStop", async () => {
    const { calls, controller } = createNoting();
    run = createRun([]);
    await run.artist("korn");
    const runtime = createControllerRuntime({
      client: run.client,
      clock: run.clock,
      log,
      controllers: [controller],
    });
    runtime.start();
    await run.clock.flush();
    await runtime.stop();
    expect(calls).toEqual(["init", "start with 1", "korn", "stop with 1, aborted"]);
  });

  it("C007: is tried again after a wait when init fails, and nothing runs before", async () => {
    let failures = 2;
    const { calls, controller } = createNoting({
      init: async () => {
        calls.push("init");
        if (failures-- > 0) throw new Error("not yet");
      },
    });
    run = createRun([controller]);
    await run.artist("korn");
    await run.clock.flush();
    expect(calls).toEqual(["init"]);
    expect(run.status("noting")).toMatchObject({ state: "failed", lastError: "not yet", idle: false });
    await run.clock.advance(500);
    expect(calls).toEqual(["init", "init"]);
    await run.clock.advance(1_000);
    expect(calls).toEqual(["init", "init", "init", "start with 1", "korn"]);
    expect(run.status("noting").state).toBe("running");
    expect(run.lines.filter(({ level }) => level === "error")).toMatchObject([
      { fields: { controller: "noting", waitMs: 500 } },
      { fields: { controller: "noting", waitMs: 1_000 } },
    ]);
  });

  it("that fails in onStart is tried again from the beginning, without onStop", async () => {
    let fails = true;
    const { calls, controller } = createNoting({
      onStart: async () => {
        calls.push("start");
        if (fails) throw new Error("not yet");
      },
    });
    run = createRun([controller]);
    await run.clock.flush();
    fails = false;
    await run.clock.advance(500);
    expect(calls).toEqual(["init", "start", "init", "start"]);
  });

  it("that hangs keeps nobody else from running, nor the runtime from stopping", async () => {
    const { calls, controller } = createNoting();
    const hanging = defineController({
      name: "hanging",
      type: Artist,
      init: () => new Promise<never>(() => {}),
      reconcile: async () => {},
    });
    run = createRun([hanging, controller]);
    await run.artist("korn");
    await run.clock.flush();
    expect(calls).toContain("korn");
    const stopped = run.server.runtime.stop();
    await run.clock.advance(5_000);
    await stopped;
  });

  it("ends all the same, and tells it, when onStop throws at once", async () => {
    const { controller } = createNoting({
      onStop: () => {
        throw new Error("no goodbye");
      },
    });
    run = createRun([controller]);
    await run.settled();
    await run.server.runtime.stop();
    const told = run.lines.filter(({ level }) => level === "error");
    expect(told).toMatchObject([{ fields: { err: new Error("no goodbye") } }]);
  });

  it("gives init and onStart a client that works, until the controller stops", async () => {
    const { controller } = createNoting({
      init: async ({ client }: { client: Client }) =>
        void (await client.write(Album, { name: "from-init", data: { title: "x" } })),
      onStart: async ({ client }: { client: Client }) =>
        void (await client.write(Album, { name: "from-start", data: { title: "x" } })),
    });
    run = createRun([controller]);
    await run.settled();
    expect(await run.client.find(Album, { name: "from-init" })).toBeDefined();
    expect(await run.client.find(Album, { name: "from-start" })).toBeDefined();
  });
});

describe("a controller's placement", () => {
  it("C011: it runs while it is placed here, is stopped when it is not, and begins anew when it is again", async () => {
    const { calls, controller } = createNoting();
    run = createRun([]);
    const { placement, begin, end } = createTold(run.client);
    const runtime = createControllerRuntime({
      client: run.client,
      clock: run.clock,
      log,
      placement,
      controllers: [controller],
    });
    runtime.start();
    await run.artist("korn");
    await run.clock.flush();
    expect(calls).toEqual([]);
    expect(runtime.status().controllers[0]?.state).toBe("standby");
    begin();
    await run.clock.flush();
    expect(drain(calls)).toEqual(["init", "start with 1", "korn"]);
    await end();
    expect(drain(calls)).toEqual(["stop with 1, aborted"]);
    await run.artist("korn", "changed");
    await run.clock.advance(10_000);
    expect(calls).toEqual([]);
    begin();
    await run.clock.flush();
    expect(drain(calls)).toEqual(["init", "start with 1", "korn"]);
    await runtime.stop();
  });

  it("may be for some of its names: each shard that runs here has its own, and their figures are one controller's", async () => {
    const { calls, controller } = createNoting({
      placement: sharded(3),
      init: undefined,
      onStart: undefined,
    });
    run = createRun([]);
    let placed: Placed | undefined;
    const { placement } = createTold(run.client);
    const runtime = createControllerRuntime({
      client: run.client,
      clock: run.clock,
      log,
      placement: { ...placement, start: (_, given) => void (placed = given) },
      controllers: [controller],
    });
    runtime.start();
    const names = Array.from({ length: 30 }, (_, number) => `n${number}`);
    for (const name of names) await run.artist(name);
    const tenures = [0, 1, 2].map((index): Tenure => ({ client: run.client, shard: { index, of: 3 } }));
    for (const tenure of tenures.slice(0, 2)) placed?.begin("noting", tenure);
    await run.clock.flush();
    const here = drain(calls);
    expect(new Set(here).size).toBe(here.length);
    expect(here.length).toBeGreaterThan(5);
    expect(here.length).toBeLessThan(30);
    expect(runtime.status().controllers[0]).toMatchObject({ reconciles: here.length, state: "running" });
    for (const tenure of tenures.slice(2)) placed?.begin("noting", tenure);
    await run.clock.flush();
    expect([...here, ...drain(calls)].sort()).toEqual(names.sort());
    await runtime.stop();
  });

  it("C012: everyMember runs without anybody's leave, and reads only", async () => {
    const outcomes: string[] = [];
    run = createRun([
      defineController({
        name: "reading",
        type: Artist,
        placement: "everyMember",
        async reconcile({ client, request }) {
          await client.read(Artist, request);
          await client.write(Album, { name: "x", data: {} }).then(
            () => outcomes.push("written"),
            (error: unknown) => outcomes.push(String(error)),
          );
        },
      }),
    ]);
    await run.artist("korn");
    await run.settled();
    expect(outcomes).toEqual([expect.stringContaining("nothing was sent")]);
  });
});
