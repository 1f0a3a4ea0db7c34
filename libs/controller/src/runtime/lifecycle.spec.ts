import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, describe, expect, it } from "@jest/globals";
import { apiError, type Reason } from "@trellis/resource";
import type { NetworkCall } from "@trellis/testing";

import type { AbsentContext } from "../context.ts";
import { defineController, watch } from "../define.ts";
import { byOwner } from "../mappers.ts";
import { Album, Artist, createRun, drain, Festival, type Run } from "../test-support/run.ts";

let run: Run;
afterEach(() => run.close());

const fault = (reason: Reason) => apiError({ reason, message: `a test wants ${reason}` });

function createArtists() {
  const ran: string[] = [];
  const look = async ({ request, cache }: AbsentContext) =>
    void ran.push(`${request.name} with ${cache.list(Album).length}`);
  const controller = defineController({
    name: "artists",
    type: Artist,
    watches: [watch(Album, byOwner())],
    reconcile: look,
    absent: look,
  });
  return { ran, controller };
}

describe("the start", () => {
  it("reconciles nothing before all caches that the controller needs are full", async () => {
    const { ran, controller } = createArtists();
    const written = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    let isHeld = false;
    run = createRun([controller], {
      controllerFaults: {
        request: () => written.promise,
        async message(_: NetworkCall, position: number) {
          if (position === 0 && !isHeld) {
            isHeld = true;
            await held.promise;
          }
        },
      },
    });
    await run.artist("korn");
    await run.album("issues");
    written.resolve();
    await run.clock.flush();
    expect(ran).toEqual([]);
    expect(run.status("artists").state).toBe("waiting");
    expect(run.server.runtime.status().waitingFor).toHaveLength(1);
    held.resolve();
    await run.settled();
    expect(ran).toEqual(["korn with 1"]);
    expect(run.status("artists").state).toBe("running");
  });

  it("of a second time changes nothing", async () => {
    const { ran, controller } = createArtists();
    run = createRun([controller]);
    run.server.runtime.start();
    await run.artist("korn");
    await run.settled();
    expect(ran).toEqual(["korn with 0"]);
  });

  it("is refused for two controllers of one name", () => {
    run = createRun([]);
    const { controller } = createArtists();
    expect(() => createRun([controller, controller])).toThrow('two controllers are called "artists"');
  });
});

describe("a cache whose watch breaks", () => {
  it("is resumed: nothing is reconciled that did not change", async () => {
    const { ran, controller } = createArtists();
    run = createRun([controller]);
    for (const name of ["a", "b"]) await run.artist(name);
    await run.settled();
    drain(ran);
    run.faults.message = () => {
      delete run.faults.message;
      throw new ConnectError("cut", Code.Unavailable);
    };
    await run.artist("b", "changed");
    await run.clock.advance(1_000);
    await run.settled();
    expect(drain(ran)).toEqual(["b with 0"]);
  });

  it("that ended for good is opened anew: what was deleted meanwhile goes, what is the same wakes nobody", async () => {
    const { ran, controller } = createArtists();
    run = createRun([controller]);
    for (const name of ["gone", "same", "new"]) await run.artist(name);
    await run.settled();
    drain(ran);
    run.faults.message = run.faults.request = () => {
      throw fault("PERMISSION_DENIED");
    };
    await run.client.delete(Artist, { name: "gone" });
    await run.clock.flush();
    await run.artist("new", "changed");
    await run.artist("more");
    expect(run.lines.filter(({ level }) => level === "error")).toMatchObject([
      { fields: { type: "demo.v2.Artist" }, message: expect.stringContaining("opened again") },
    ]);
    delete run.faults.message;
    delete run.faults.request;
    await run.clock.advance(6_000);
    await run.settled();
    expect(drain(ran).sort()).toEqual(["gone with 0", "more with 0", "new with 0"]);
  });

  it("tells why it is not open", async () => {
    run = createRun([createArtists().controller], {
      controllerFaults: {
        request() {
          throw fault("UNAVAILABLE");
        },
      },
    });
    await run.clock.flush();
    expect(run.server.runtime.status().waitingFor).toMatchObject([
      { type: "demo.v2.Artist", error: { code: Code.Unavailable } },
      { type: "demo.v2.Album", error: { code: Code.Unavailable } },
    ]);
  });
});

describe("the stop", () => {
  it("fires the signal, waits for what runs, and lets it finish its work", async () => {
    const told: string[] = [];
    run = createRun([
      defineController({
        name: "polite",
        type: Artist,
        async reconcile({ client, signal }) {
          await new Promise((resolve) => signal.addEventListener("abort", resolve));
          told.push("aborted");
          await client.write(Festival, { name: "last", data: { name: "Last" } });
          told.push("finished");
        },
      }),
    ]);
    await run.artist("korn");
    await run.clock.flush();
    await run.server.runtime.stop();
    expect(told).toEqual(["aborted", "finished"]);
    expect(await run.client.find(Festival, { name: "last" })).toBeDefined();
    expect(run.status("polite").state).toBe("stopped");
    expect(run.server.runtime.status().controllers[0]?.running).toBe(0);
  });

  it("waits no longer than five seconds, and what runs on can write nothing more", async () => {
    const release = Promise.withResolvers<void>();
    let outcome: unknown;
    run = createRun([
      defineController({
        name: "stubborn",
        type: Artist,
        async reconcile({ client }) {
          await release.promise;
          outcome = await client.write(Festival, { name: "late", data: { name: "Late" } }).then(
            () => "written",
            (error: unknown) => ConnectError.from(error).code,
          );
        },
      }),
    ]);
    await run.artist("korn");
    await run.clock.flush();
    let isStopped = false;
    const stopped = run.server.runtime.stop().then(() => (isStopped = true));
    await run.clock.advance(4_999);
    expect(isStopped).toBe(false);
    await run.clock.advance(1);
    await stopped;
    release.resolve();
    await run.clock.flush();
    expect(outcome).toBe(Code.Canceled);
    expect(await run.client.find(Festival, { name: "late" })).toBeUndefined();
    expect(run.lines.at(-1)).toMatchObject({ level: "warn", fields: { controller: "stubborn", running: 1 } });
  });

  it("leaves nothing behind: no timer, no watch, no run for what changes later", async () => {
    const { ran, controller } = createArtists();
    run = createRun([controller]);
    await run.artist("korn");
    await run.settled();
    await run.server.runtime.stop();
    drain(ran);
    await run.artist("korn", "changed");
    await run.clock.advance(100_000);
    expect(drain(ran)).toEqual([]);
  });

  it("before the caches are full is no wait", async () => {
    run = createRun([createArtists().controller], {
      controllerFaults: {
        request() {
          throw fault("UNAVAILABLE");
        },
      },
    });
    await run.clock.flush();
    await run.server.runtime.stop();
  });
});
