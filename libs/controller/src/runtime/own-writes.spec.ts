import { afterEach, describe, expect, it } from "@jest/globals";
import { Condition_State } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { FINALIZERS_KEY } from "@trellis/resource";
import type { NetworkCall } from "@trellis/testing";

import type { AbsentContext } from "../context.ts";
import { defineController, watch } from "../define.ts";
import { byName } from "../mappers.ts";
import { after, type Result } from "../result.ts";
import { Album, Artist, createRun, type Run } from "../test-support/run.ts";
import { MAX_HOLD_MS } from "./own-writes.ts";

let run: Run;
afterEach(() => run.close());

type Context = AbsentContext;

/** A controller whose caches hear of changes late: the watch lags by some milliseconds. */
function createLagging(
  reconcile: (context: Context) => Promise<Result | void>,
  { lagMs = 100, type = Album as never } = {},
) {
  let isLagging = false;
  run = createRun(
    [
      defineController({
        name: "lagging",
        type: Artist,
        watches: [watch(type, byName())],
        reconcile,
        absent: reconcile,
      }),
    ],
    {
      controllerFaults: {
        async message(call: NetworkCall) {
          if (isLagging && call.method === "WatchList")
            await new Promise<void>((resolve) => void run.clock.after(lagMs, resolve));
        },
      },
    },
  );
  return { lag: () => (isLagging = true) };
}

const albumOf = ({ cache, request }: Context) => cache.get(Album, request);

describe("the cache of a reconcile", () => {
  it("C070: shows at the next run what the last one wrote, however late the watch is", async () => {
    const shown: (string | undefined)[] = [];
    const { lag } = createLagging(async (context) => {
      shown.push(albumOf(context)?.data.title);
      if (shown.length > 3) return;
      await context.client.write(Album, { ...context.request, data: { title: `v${shown.length}` } });
      return after(1);
    });
    await run.clock.flush();
    lag();
    await run.artist("korn");
    await run.clock.advance(2_000);
    expect(shown.slice(0, 4)).toEqual([undefined, "v1", "v2", "v3"]);
  });

  it("C074: shows a deletion too, in whatever words it was asked for", async () => {
    const found: boolean[] = [];
    const { lag } = createLagging(async (context) => {
      found.push(albumOf(context) !== undefined);
      if (found.length > 1) return;
      await context.client.delete(Album, { name: context.request.name });
      return after(1);
    });
    lag();
    await run.album("korn");
    await run.clock.advance(1_000);
    expect(found[0]).toBe(true);
    expect(found.length).toBeGreaterThan(1);
    expect(found.slice(1)).not.toContain(true);
  });

  it.each(["transact", "write", "delete"] as const)(
    "shows what was done through the protocol's own %s",
    async (method) => {
      const shown: (string | undefined)[] = [];
      const { lag } = createLagging(async (context) => {
        shown.push(albumOf(context)?.data.title);
        if (shown.length > 1) return;
        const { group, groupVersion, kind, schema } = Album;
        const value = Uint8Array.of(10, 3, ...new TextEncoder().encode("raw"));
        const id = { type: { group, groupVersion, kind }, name: "korn" };
        const resource = { id, data: { typeUrl: `type.googleapis.com/${schema.typeName}`, value } };
        const { resources } = context.client;
        if (method === "write") await resources.write({ resource });
        else if (method === "delete") await resources.delete({ id });
        else
          await resources.transact({
            operations: [{ operation: { case: "write", value: { resource } } }],
          });
        return after(1);
      });
      await run.clock.flush();
      lag();
      await run.album("korn", undefined, "old");
      await run.clock.advance(2_000);
      expect(shown.slice(0, 2)).toEqual(["old", method === "delete" ? undefined : "raw"]);
    },
  );

  it("C072: shows a status at the next run", async () => {
    const shown: (string | undefined)[] = [];
    const { lag } = createLagging(async (context) => {
      const album = albumOf(context);
      shown.push(album?.status["example.dev/test"]?.conditions[0]?.message);
      if (album === undefined || shown.length > 3) return;
      await context.client.writeStatus(Album, album, {
        key: "example.dev/test",
        observedGeneration: album.generation,
        conditions: [{ type: "Seen", state: Condition_State.TRUE, message: `v${shown.length}` }],
      });
      return after(1);
    });
    await run.album("korn");
    await run.settled();
    shown.length = 0;
    lag();
    await run.artist("korn");
    await run.clock.advance(2_000);
    expect(shown.slice(1, 3)).toEqual(["v1", "v2"]);
  });

  it.each<[string, (context: Context) => Promise<unknown>]>([
    [
      "C071: a write",
      ({ client }) => client.write(Album, { name: "korn", version: "1", data: { title: "refused" } }),
    ],
    [
      "C073: a status",
      async (context) => {
        const album = albumOf(context);
        if (album === undefined) throw new Error("no album");
        const observedGeneration = album.generation;
        await context.client.writeStatus(Album, album, { key: "", observedGeneration, conditions: [] });
      },
    ],
    ["C075: a deletion", ({ client }) => client.delete(Album, { name: "korn" }, { version: "1" })],
  ])(
    "shows what is there after %s that was refused, and the refusal reaches the caller",
    async (_, refused) => {
      const refusals: unknown[] = [];
      const shown: unknown[] = [];
      createLagging(async (context) => {
        if (context.request.name !== "korn") return;
        shown.push(albumOf(context)?.data.title);
        await refused(context).catch((error: unknown) => refusals.push(error));
      });
      const album = await run.album("korn", undefined, "as it was");
      for (const name of ["first", "second"]) {
        await run.artist("korn", name);
        await run.settled();
      }
      expect(refusals.length).toBeGreaterThan(1);
      expect(shown.at(-1)).toBe("as it was");
      expect(await run.client.read(Album, { name: "korn" })).toEqual(album);
    },
  );

  it("is not waited for longer than five seconds: work goes on when the watch is broken", async () => {
    const go = Promise.withResolvers<void>();
    const { lag } = createLagging(
      async ({ client, request }) => {
        await go.promise;
        await client.write(Album, { ...request, data: { title: "x" } });
      },
      { lagMs: 1_000_000 },
    );
    await run.artist("korn");
    await run.clock.flush();
    lag();
    go.resolve();
    await run.clock.advance(MAX_HOLD_MS - 1);
    expect(run.status("lagging").running).toBe(1);
    await run.clock.advance(1);
    expect(run.status("lagging").running).toBe(0);
  });

  it("is not waited for when nothing was changed: a resource marked already, or absent", async () => {
    let runs = 0;
    createLagging(async ({ client, request }) => {
      runs += 1;
      await client.delete(Album, { name: request.name });
      await client.delete(Album, { name: request.name, partition: "default", namespace: "default" });
      await client.delete(Album, { name: "nobody" });
    });
    await run.client.write(Album, {
      name: "korn",
      metadata: { [FINALIZERS_KEY]: "x" },
      data: { title: "Held" },
    });
    await run.clock.flush();
    await run.artist("unrelated");
    await run.artist("korn");
    await run.clock.flush();
    expect(runs).toBeGreaterThan(2);
    expect(run.status("lagging")).toMatchObject({ running: 0, queued: 0 });
  });

  it("is not waited for longer because it is none of what the watch selects", async () => {
    const startsMs: number[] = [];
    run = createRun([
      defineController({
        name: "selective",
        type: Artist,
        watches: [watch(Album, byName(), { selector: "color=red" })],
        async reconcile({ client }) {
          startsMs.push(run.clock.monotonic());
          if (startsMs.length > 1) return;
          await client.write(Album, { name: "colorless", data: { title: "x" } });
          return after(1);
        },
      }),
    ]);
    await run.artist("korn");
    await run.clock.advance(MAX_HOLD_MS - 1);
    expect(startsMs).toHaveLength(2);
  });

  it("holds one name only: others run meanwhile, on the same worker", async () => {
    const ran: string[] = [];
    const { lag } = createLagging(async ({ client, request }) => {
      ran.push(request.name);
      if (request.name === "writer") await client.write(Album, { name: "x", data: { title: "x" } });
    });
    await run.artist("writer");
    await run.artist("other");
    await run.clock.flush();
    ran.length = 0;
    lag();
    await run.artist("writer", "again");
    await run.artist("other", "again");
    await run.clock.advance(250);
    expect(ran).toEqual(expect.arrayContaining(["writer", "other"]));
  });
});

describe("a status", () => {
  const greeted = { type: "Greeted", state: Condition_State.TRUE, message: "hello" };

  function createGreeter(conditions: () => readonly (typeof greeted)[]) {
    const sent: string[] = [];
    let runs = 0;
    run = createRun(
      [
        defineController({
          name: "greeter",
          type: Artist,
          async reconcile({ resource, client }) {
            runs += 1;
            if (resource === undefined) return;
            await client.writeStatus(Artist, resource, {
              key: "example.dev/greeter",
              observedGeneration: resource.generation,
              conditions: conditions(),
            });
          },
        }),
      ],
      { controllerFaults: { request: ({ method }: NetworkCall) => void sent.push(method) } },
    );
    return { writes: () => sent.filter((method) => method === "WriteStatus").length, runs: () => runs };
  }

  it("that the resource has already is not sent: a controller does not wake itself for ever", async () => {
    const { writes, runs } = createGreeter(() => [greeted]);
    await run.artist("korn");
    await run.settled();
    expect([writes(), runs()]).toEqual([1, 2]);
    await run.artist("korn", "changed");
    await run.settled();
    expect([writes(), runs()]).toEqual([2, 4]);
  });

  it("that differs is sent, also when only the order or the generation does", async () => {
    let conditions = [greeted, { ...greeted, type: "Other" }];
    const { writes } = createGreeter(() => conditions);
    await run.artist("korn");
    await run.settled();
    conditions = conditions.toReversed();
    await run.artist("korn", "x", { note: "wake" });
    await run.settled();
    expect(writes()).toBe(2);
    const { status } = await run.client.read(Artist, { name: "korn" });
    expect(status["example.dev/greeter"]?.conditions.map(({ type }) => type)).toEqual(["Other", "Greeted"]);
  });
});
