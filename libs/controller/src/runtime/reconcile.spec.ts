import { afterEach, describe, expect, it } from "@jest/globals";

import type { AbsentContext, ReconcileContext } from "../context.ts";
import { defineController } from "../define.ts";
import { after, done, type Result, retry, terminal } from "../result.ts";
import { Artist, createRun, drain, Executive, nameOf, RecordLabel, type Run } from "../test-support/run.ts";

let run: Run;
afterEach(() => run.close());

type Context = AbsentContext & Partial<Pick<ReconcileContext<typeof Artist.schema>, "resource">>;

/** A controller of artists that notes what it was asked, and does what the test says. */
function createArtists(
  act: (context: Context) => Result | void | Promise<Result | void> = () => undefined,
  options: { readonly concurrency?: number; readonly backoff?: { baseMs: number; maxMs: number } } = {},
) {
  const ran: string[] = [];
  const look = async (context: Context): Promise<Result | void> => {
    ran.push(nameOf(context.request));
    return await act(context);
  };
  const controller = defineController({
    name: "artists",
    type: Artist,
    ...options,
    reconcile: look,
    absent: look,
  });
  run = createRun([controller]);
  return ran;
}

describe("a reconcile", () => {
  it("C001: runs for what is there at the start, and for what comes, changes and goes", async () => {
    const seen: (string | undefined)[] = [];
    const ran = createArtists(({ resource }) => void seen.push(resource?.data.name));
    await run.artist("a", "first");
    await run.settled();
    await run.artist("a", "second");
    await run.settled();
    await run.client.delete(Artist, { name: "a" });
    await run.settled();
    expect(drain(ran)).toEqual(["a", "a", "a"]);
    expect(seen).toEqual(["first", "second", undefined]);
  });

  it("C015, C016, C017: runs for types of every scope", async () => {
    const ran: string[] = [];
    const of = (name: string, type: never) =>
      defineController({
        name,
        type,
        reconcile: async ({ request }) => void ran.push(`${name} ${nameOf(request)}`),
      });
    run = createRun([of("label", RecordLabel as never), of("executive", Executive as never)]);
    await run.client.write(RecordLabel, { name: "epic", data: { name: "Epic" } });
    await run.client.write(Executive, { name: "boss", data: { position: "CEO" } });
    await run.settled();
    expect(ran.sort()).toEqual(["executive //boss", "label default//epic"]);
  });

  it("runs once for a burst of changes that comes while it runs, and sees the newest", async () => {
    let release = (): void => undefined;
    const seen: (string | undefined)[] = [];
    const ran = createArtists(async ({ resource }) => {
      seen.push(resource?.data.name);
      if (seen.length === 1) await new Promise<void>((resolve) => (release = resolve));
    });
    await run.artist("a", "v0");
    await run.clock.flush();
    for (const version of ["v1", "v2", "v3"]) await run.artist("a", version);
    await run.clock.flush();
    expect(drain(ran)).toEqual(["a"]);
    release();
    await run.settled();
    expect(drain(ran)).toEqual(["a"]);
    expect(seen).toEqual(["v0", "v3"]);
  });

  it("never runs twice at a time for one name, and for as many names as it has workers", async () => {
    const running = new Map<string, number>();
    let most = 0;
    let twice = false;
    createArtists(
      async ({ request }) => {
        running.set(request.name, (running.get(request.name) ?? 0) + 1);
        twice ||= running.get(request.name) === 2;
        most = Math.max(
          most,
          [...running.values()].reduce((sum, count) => sum + count),
        );
        for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
        running.set(request.name, (running.get(request.name) ?? 0) - 1);
      },
      { concurrency: 3 },
    );
    for (let round = 0; round < 5; round++)
      for (const name of ["a", "b", "c", "d", "e"]) await run.artist(name, `v${round}`);
    await run.settled();
    expect(twice).toBe(false);
    expect(most).toBe(3);
  });

  it("C004: runs again after a failure, each time later, until the longest wait", async () => {
    const times: number[] = [];
    let fails = true;
    createArtists(
      () => {
        times.push(run.clock.monotonic());
        if (fails) throw new Error("not yet");
      },
      { backoff: { baseMs: 10, maxMs: 80 } },
    );
    await run.artist("a");
    await run.clock.advance(310);
    const waits = times.slice(1).map((time, position) => time - (times[position] ?? 0));
    expect(waits).toEqual([10, 20, 40, 80, 80, 80]);
    expect(run.status("artists")).toMatchObject({
      retrying: 1,
      failures: 7,
      lastError: "not yet",
      idle: false,
    });
    fails = false;
    await run.clock.advance(80);
    expect(run.status("artists")).toMatchObject({ retrying: 0, idle: true });
    fails = true;
    times.length = 0;
    await run.artist("a", "again");
    await run.clock.advance(10);
    expect(times).toHaveLength(2);
  });

  it("that succeeded by a change meanwhile is not run again by the retry of its failure", async () => {
    let fails = true;
    const ran = createArtists(() => (fails ? retry(new Error("x")) : done), {
      backoff: { baseMs: 1_000, maxMs: 1_000 },
    });
    await run.artist("a");
    await run.clock.flush();
    fails = false;
    await run.artist("a", "changed");
    await run.settled();
    expect(drain(ran)).toEqual(["a", "a"]);
    await run.clock.advance(10_000);
    expect(drain(ran)).toEqual([]);
  });

  it("C006: runs again after the time that it asks for; the newest wish counts", async () => {
    let result: Result | undefined = after(60_000);
    const ran = createArtists(() => result);
    await run.artist("a");
    await run.settled();
    result = after(1_000);
    await run.artist("a", "sooner");
    await run.settled();
    expect(drain(ran)).toEqual(["a", "a"]);
    await run.clock.advance(999);
    expect(drain(ran)).toEqual([]);
    result = undefined;
    await run.clock.advance(1);
    expect(drain(ran)).toEqual(["a"]);
    await run.clock.advance(100_000);
    expect(drain(ran)).toEqual([]);
  });

  it("that says done is not run at the time that an earlier run asked for", async () => {
    let result = after(1_000);
    const ran = createArtists(() => result);
    await run.artist("a");
    await run.settled();
    result = done;
    await run.artist("a", "changed");
    await run.settled();
    drain(ran);
    await run.clock.advance(5_000);
    expect(drain(ran)).toEqual([]);
  });

  it("that failed for good waits for a change", async () => {
    const ran = createArtists(() => terminal(new Error("cannot be")));
    await run.artist("a");
    await run.settled();
    await run.clock.advance(2_000_000);
    expect(drain(ran)).toEqual(["a"]);
    expect(run.lines.filter(({ level }) => level === "warn")).toMatchObject([
      {
        fields: { controller: "artists", request: { name: "a" } },
        message: expect.stringContaining("for good"),
      },
    ]);
    await run.artist("a", "changed");
    await run.settled();
    expect(drain(ran)).toEqual(["a"]);
  });

  it("logs with its controller's and its resource's name; failures that last are warnings", async () => {
    createArtists(
      ({ log }) => {
        log.info({ albums: 3 }, "counted");
        throw new Error("broken");
      },
      { backoff: { baseMs: 1, maxMs: 1 } },
    );
    await run.artist("a");
    await run.clock.advance(20);
    const request = { partition: "default", namespace: "default", name: "a" };
    expect(run.lines[0]).toEqual({
      level: "info",
      fields: { controller: "artists", request, albums: 3 },
      message: "counted",
    });
    const failed = run.lines.filter(({ message }) => message.includes("tried again"));
    expect(failed.slice(0, 8).map(({ level }) => level)).toEqual([...Array(7).fill("debug"), "warn"]);
    expect(failed[7]?.fields).toMatchObject({ controller: "artists", request, failures: 8 });
  });
});
