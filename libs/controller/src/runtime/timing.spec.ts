import { afterEach, describe, expect, it } from "@jest/globals";
import { seededRandom } from "@trellis/testing";

import type { ReconcileContext } from "../context.ts";
import { type AnyController, defineController } from "../define.ts";
import { after, retry, type Result } from "../result.ts";
import { Album, Artist, createRun, drain, type Run } from "../test-support/run.ts";
import { createControllerRuntime } from "./controller-runtime.ts";
import { DEFAULT_RESYNC_MS } from "./workers.ts";

let run: Run;
afterEach(() => run.close());

type Context = ReconcileContext<typeof Artist.schema>;

/** A controller of artists that notes when it ran for which. */
function createTimed(
  options: Partial<AnyController>,
  act: (context: Context) => Promise<Result | void> | Result | void = () => undefined,
) {
  const ran: [number, string][] = [];
  run = createRun([
    defineController({
      name: "timed",
      type: Artist,
      async reconcile(context) {
        ran.push([run.clock.monotonic(), context.request.name]);
        return await act(context);
      },
      ...options,
    }),
  ]);
  const startedMs = run.clock.monotonic();
  return {
    times: () => ran.map(([atMs]) => atMs - startedMs),
    names: () => ran.map(([, name]) => name),
    ran,
  };
}

describe("a resync", () => {
  it("C008: runs a name again though nothing has changed, some time after its last success", async () => {
    const { times } = createTimed({ resyncMs: 5_000 });
    await run.artist("korn");
    await run.settled();
    await run.clock.advance(3_000);
    expect(times()).toEqual([0]);
    await run.clock.advance(2_000);
    expect(times()).toEqual([0, 5_000]);
  });

  it("C009: is not for what has failed: that is tried again first", async () => {
    let fails = true;
    const { times } = createTimed({ resyncMs: 5_000 }, () => (fails ? retry(new Error("x")) : undefined));
    await run.artist("korn");
    await run.clock.flush();
    fails = false;
    await run.clock.advance(3_000);
    expect(times()).toEqual([0, 5]);
    await run.clock.advance(3_000);
    expect(times()).toEqual([0, 5, 5_005]);
  });

  it("C010: is not for what has been deleted", async () => {
    const absent: string[] = [];
    const { times } = createTimed({
      resyncMs: 5_000,
      absent: async ({ request }: { request: { name: string } }) => void absent.push(request.name),
    });
    await run.artist("korn");
    await run.settled();
    await run.client.delete(Artist, { name: "korn" });
    await run.settled();
    await run.clock.advance(60_000);
    expect(times()).toEqual([0]);
    expect(absent).toEqual(["korn"]);
  });

  it("comes at a time of the run's own wish where it has one", async () => {
    const { times } = createTimed({ resyncMs: 5_000 }, () => after(2_000));
    await run.artist("korn");
    await run.clock.advance(4_000);
    expect(times()).toEqual([0, 2_000, 4_000]);
  });

  it("comes after eight hours by default, less up to 20 % at random, and can be turned off", async () => {
    const { times } = createTimed({});
    await run.artist("korn");
    await run.settled();
    await run.clock.advance(DEFAULT_RESYNC_MS - 1);
    expect(times()).toHaveLength(1);
    await run.clock.advance(1);
    expect(times()).toHaveLength(2);
    const never: string[] = [];
    const spread: number[] = [];
    const startedMs = run.clock.monotonic();
    const runtime = createControllerRuntime({
      client: run.client,
      clock: run.clock,
      random: seededRandom(1),
      log: { debug() {}, info() {}, warn() {}, error() {} },
      controllers: [
        defineController({
          name: "never",
          type: Artist,
          resyncMs: false,
          reconcile: async ({ request }) => void never.push(request.name),
        }),
        defineController({
          name: "spread",
          type: Artist,
          reconcile: async () => void spread.push(run.clock.monotonic() - startedMs),
        }),
      ],
    });
    runtime.start();
    await run.clock.advance(DEFAULT_RESYNC_MS);
    expect(never).toEqual(["korn"]);
    expect(spread).toHaveLength(2);
    expect(spread[1]).toBeGreaterThanOrEqual(DEFAULT_RESYNC_MS * 0.8);
    expect(spread[1]).toBeLessThan(DEFAULT_RESYNC_MS);
    await runtime.stop();
  });
});

describe("a run that takes too long", () => {
  it("is told by its signal, can call nobody any more, and has failed; its name is held until it ends", async () => {
    const release = Promise.withResolvers<void>();
    const outcomes: string[] = [];
    const { ran, names } = createTimed({ timeoutMs: 1_000 }, async ({ request, client, signal }) => {
      if (request.name !== "slow") return;
      signal.addEventListener("abort", () => outcomes.push("aborted"));
      await release.promise;
      await client.write(Album, { name: "late", data: { title: "Late" } }).then(
        () => outcomes.push("written"),
        () => outcomes.push("refused"),
      );
    });
    await run.artist("slow");
    await run.clock.flush();
    await run.artist("other");
    await run.clock.flush();
    expect(names()).toEqual(["slow"]);
    await run.clock.advance(1_000);
    expect(outcomes).toEqual(["aborted"]);
    expect(names()).toEqual(["slow", "other"]);
    expect(run.status("timed")).toMatchObject({ hung: 1, running: 1, failures: 1 });
    expect(run.status("timed").lastError).toContain("longer than 1000 ms");
    await run.artist("slow", "changed");
    await run.clock.advance(60_000);
    expect(names()).toEqual(["slow", "other"]);
    drain(ran as never);
    release.resolve();
    await run.clock.flush();
    expect(outcomes.slice(0, 2)).toEqual(["aborted", "refused"]);
    expect(names()[0]).toBe("slow");
    expect(run.status("timed").hung).toBe(0);
  });

  it("but ends in its time is left alone", async () => {
    const { times } = createTimed({ timeoutMs: 1_000 }, async ({ signal }) => {
      await new Promise<void>((resolve) => void run.clock.after(999, resolve));
      expect(signal.aborted).toBe(false);
    });
    await run.artist("korn");
    await run.clock.advance(5_000);
    expect(times()).toEqual([0]);
    expect(run.status("timed")).toMatchObject({ hung: 0, failures: 0 });
  });
});

describe("the starts of runs", () => {
  it("of one name are some time apart; of others they are not", async () => {
    const { ran } = createTimed({ minIntervalMs: 500 });
    const startedMs = run.clock.monotonic();
    for (let change = 0; change < 5; change++) {
      await run.artist("a", `v${change}`);
      await run.clock.flush();
    }
    await run.artist("b");
    await run.clock.advance(2_000);
    expect(ran.map(([atMs, name]) => `${name} ${atMs - startedMs}`)).toEqual(["a 0", "b 0", "a 500"]);
  });

  it("are as many in a second as the limit says", async () => {
    const { times } = createTimed({ rateLimit: { perSecond: 2, burst: 3 } });
    for (let number = 0; number < 6; number++) await run.artist(`n${number}`);
    await run.clock.advance(3_000);
    expect(times()).toEqual([0, 0, 0, 500, 1_000, 1_500]);
  });
});

describe("a name that drives itself", () => {
  it.each<[string, (context: Context) => Promise<Result | void>]>([
    [
      "by what it writes",
      async ({ client, resource }) =>
        void (await client.write(Artist, {
          name: resource.id.name,
          data: { name: `${resource.data.name}.` },
        })),
    ],
    ["by asking to run at once", async () => after(0)],
  ])("%s is slowed down, told in the log and shown in the status", async (_, act) => {
    const { ran } = createTimed({ hotLoop: { ownRuns: 20 } }, act);
    await run.artist("korn");
    await run.clock.advance(10_000);
    expect(ran.length).toBeGreaterThan(20);
    expect(ran.length).toBeLessThan(40);
    expect(run.status("timed").hot).toMatchObject([{ request: { name: "korn" }, cause: "own" }]);
    expect(run.lines.filter(({ level }) => level === "warn")).toMatchObject([
      { fields: { controller: "timed", names: 1 } },
    ]);
  });
});
