import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { errorReason } from "@trellis/resource";

import type { ReconcileContext } from "../context.ts";
import { type AnyController, defineController } from "../define.ts";
import { createControllerRuntime, createControllersPart } from "../runtime/index.ts";
import { Artist } from "../test-support/run.ts";
import { CONTROLLER_LEASES, Lease } from "./lease.ts";
import type { Result } from "../result.ts";
import { createLeaseWorld, type LeaseWorld } from "./test-support/lease-world.ts";
import { underLeases } from "./under-leases.ts";

type Context = ReconcileContext<typeof Artist.schema>;
type Reconcile = (context: Context) => Promise<Result | void>;

let world: LeaseWorld;
beforeEach(() => {
  world = createLeaseWorld();
});
const toStop: (() => Promise<void>)[] = [];
afterEach(async () => {
  const stopped = Promise.all(toStop.splice(0).map((stop) => stop()));
  await world.clock.advance(10_000);
  await stopped;
  await world.close();
});

/** A process that runs controllers under leases: of those named, or one called `artists`. */
function startManager(name: string, reconcile: Reconcile = async () => {}, controllers = ["artists"]) {
  const process = world.createProcess(name);
  const { client, clock, log } = process;
  const ran: string[] = [];
  const define = (controller: string): AnyController =>
    defineController({
      name: controller,
      type: Artist,
      async reconcile(context) {
        ran.push(`${context.request.name} ${context.resource?.data.name}`);
        return await reconcile(context);
      },
    });
  const holder = { id: `id of ${name}`, name };
  const placement = underLeases({
    client,
    clock,
    log,
    random: world.random,
    holder,
    prefix: CONTROLLER_LEASES,
  });
  const runtime = createControllerRuntime({
    client,
    clock,
    log,
    placement,
    controllers: controllers.map((controller) => define(controller)),
  });
  runtime.start();
  toStop.push(() => runtime.stop());
  return {
    ...process,
    ran,
    runtime,
    holder,
    running: () =>
      runtime
        .status()
        .controllers.filter(({ state }) => state === "running")
        .map((controller) => controller.name),
  };
}

async function artist(name: string, called: string): Promise<void> {
  await world.client.write(Artist, { name, data: { name: called } });
}

describe("a controller in several managers", () => {
  it("C024, C025: runs in one, and in another when that has died", async () => {
    const first = startManager("first");
    await world.clock.advance(10);
    const second = startManager("second");
    await artist("korn", "Korn");
    await world.clock.advance(20_000);
    expect(first.ran).toEqual(["korn Korn"]);
    expect(second.ran).toEqual([]);
    first.network.cut = true;
    await artist("korn", "KoRn");
    await world.clock.advance(5_000);
    expect(second.ran).toEqual(["korn KoRn"]);
  });

  it("is handed over at once when its manager stops, after what was under way", async () => {
    const ending = Promise.withResolvers<void>();
    const first = startManager("first", async ({ client, request, signal }) => {
      await new Promise((resolve) => {
        signal.addEventListener("abort", resolve);
      });
      await ending.promise;
      await client.write(Artist, { name: "last", data: { name: `after ${request.name}` } });
    });
    await artist("korn", "Korn");
    await world.clock.advance(10);
    const second = startManager("second");
    await world.clock.advance(10);
    const stopped = first.runtime.stop();
    await world.clock.advance(2_000);
    expect(second.ran).toEqual([]);
    ending.resolve();
    await stopped;
    await world.clock.advance(0);
    expect(second.ran).toEqual(["korn Korn", "last after korn"]);
  });

  it("leaves what its next manager reconciles as the last one wrote it, however late that hears of it", async () => {
    const first = startManager("first", async ({ resource, client }) => {
      if (resource?.data.name === "new")
        await client.write(Artist, { name: "korn", data: { name: "written by first" } });
    });
    await artist("korn", "old");
    await world.clock.advance(10);
    const second = startManager("second");
    await world.clock.advance(1_000);
    second.network.holdMessages("open watches");
    await artist("korn", "new");
    await world.clock.advance(10);
    await first.runtime.stop();
    await world.clock.advance(10_000);
    expect(second.ran).toEqual(["korn written by first"]);
  });
});

describe("a controller that loses its lease", () => {
  async function loser(reconcile: Reconcile) {
    const manager = startManager("loser", reconcile);
    await artist("korn", "Korn");
    await artist("muse", "Muse");
    await world.clock.advance(10);
    expect(manager.ran).toEqual(["korn Korn"]);
    return manager;
  }

  it("C026: is told by its signal, and reconciles nothing more", async () => {
    let aborted = false;
    const manager = await loser(async ({ signal }) => {
      await new Promise((resolve) => {
        signal.addEventListener("abort", resolve);
      });
      aborted = true;
    });
    manager.network.cut = true;
    await world.clock.advance(3_400);
    expect(aborted).toBe(false);
    await world.clock.advance(100);
    expect(aborted).toBe(true);
    await world.clock.advance(10_000);
    expect(manager.ran).toEqual(["korn Korn"]);
    expect(manager.running()).toEqual([]);
  });

  it("writes nothing more, whatever it does", async () => {
    const later = Promise.withResolvers<void>();
    let failed: unknown;
    const manager = await loser(async ({ client, signal }) => {
      await later.promise;
      try {
        await client.write(Artist, { name: "late", data: { name: "Late" } });
      } catch (error) {
        failed = error;
      }
      expect(signal.aborted).toBe(true);
    });
    await takeFrom("artists");
    await world.clock.advance(10);
    later.resolve();
    await world.clock.advance(1_000);
    expect(failed).toBeDefined();
    expect(await world.client.find(Artist, { name: "late" })).toBeUndefined();
    expect(manager.runtime.status().elsewhere).toEqual([{ name: "artists", holder: "a stranger" }]);
  });

  it("has refused what was on its way", async () => {
    let failed: unknown;
    const manager = startManager("loser", async ({ client, resource }) => {
      if (resource === undefined) return;
      failed = await client.delete(Artist, { name: "korn" }).catch((error: unknown) => error);
    });
    await world.clock.advance(1_500);
    await artist("korn", "Korn");
    manager.network.holdRequests();
    await world.clock.advance(10);
    expect(manager.ran).toEqual(["korn Korn"]);
    // It cannot know.
    manager.network.holdMessages();
    await takeFrom("artists");
    manager.network.letRequestsGo();
    await world.clock.advance(0);
    expect(errorReason(failed)).toBe("PRECONDITION_FAILED");
    expect(await world.client.find(Artist, { name: "korn" })).toBeDefined();
  });

  it("C027: begins anew when it has it again, with everything", async () => {
    const manager = startManager("only");
    await artist("korn", "Korn");
    await world.clock.advance(10);
    manager.network.cut = true;
    await artist("muse", "Muse");
    await world.clock.advance(10_000);
    manager.network.cut = false;
    await world.clock.advance(15_000);
    expect(manager.ran).toEqual(["korn Korn", "korn Korn", "muse Muse"]);
    await artist("korn", "KoRn");
    await world.clock.advance(10);
    expect(manager.ran.at(-1)).toBe("korn KoRn");
  });

  async function takeFrom(controller: string): Promise<void> {
    const name = CONTROLLER_LEASES + controller;
    const { data, version } = await world.client.read(Lease, { name });
    const taken = { ...data, holder: "stranger", holderName: "a stranger", member: "" };
    await world.client.write(Lease, { name, data: taken, version });
  }
});

describe("many controllers", () => {
  it("are spread over managers that start together, each runs once", async () => {
    const names = Array.from({ length: 8 }, (_, at) => `controller ${at}`);
    const managers = ["one", "two"].map((name) => startManager(name, undefined, names));
    await world.clock.advance(2_000);
    const running = managers.map((manager) => manager.running());
    expect(running.flat().toSorted()).toEqual(names);
    expect(Math.min(...running.map(({ length }) => length))).toBeGreaterThanOrEqual(2);
  });
});

describe("the health of a manager", () => {
  it("is good while it stands by, and says who runs what", async () => {
    const managers = ["one", "two"].map((name) => startManager(name));
    const parts = managers.map(({ runtime, clock, log }) =>
      createControllersPart({ name: "controllers", runtime, clock, log }),
    );
    expect(parts[0]?.notReady()).toMatch(/^waiting for demo\.v2\.Artist$/);
    await world.clock.advance(100);
    expect(parts.map((part) => part.notReady())).toEqual([undefined, undefined]);
    const [holder] = managers.filter(({ runtime }) => runtime.status().elsewhere.length === 0);
    expect(parts.map((part) => part.remark()).filter((remark) => remark !== undefined)).toEqual([
      `standing by: artists runs at ${holder?.name}`,
    ]);
  });

  it("is bad while it cannot take a lease that nobody holds, and says so", async () => {
    const manager = startManager("one");
    manager.network.onRequest = (method) => {
      if (method === "Write") throw new Error("no");
    };
    const { runtime, clock, log } = manager;
    const part = createControllersPart({ name: "controllers", runtime, clock, log });
    await world.clock.advance(1_000);
    expect(part.notReady()).toBe("waiting for the lease controller-artists");
    expect(manager.lines.filter(({ level }) => level === "warn")).toHaveLength(1);
  });
});
