import { afterEach, describe, expect, it } from "@jest/globals";
import { FINALIZERS_KEY, finalizersOf, isMarkedForDeletion } from "@trellis/resource";

import type { ReconcileContext } from "../context.ts";
import { defineController } from "../define.ts";
import { after, type Result, retry } from "../result.ts";
import { Artist, createRun, drain, type Run } from "../test-support/run.ts";

const KEY = "example.dev/cleanup";

let run: Run;
afterEach(() => run.close());

type Context = ReconcileContext<typeof Artist.schema>;

/** A controller with `finalize`, that notes which of its handlers ran. */
function createCleaning(
  finalize: (context: Context) => Result | void = () => undefined,
  options: { readonly finalize?: undefined; readonly reconcileMarked?: boolean } = {},
) {
  const ran: string[] = [];
  run = createRun([
    defineController({
      name: "cleaning",
      key: KEY,
      type: Artist,
      async reconcile({ resource, status }) {
        ran.push(`reconcile ${resource.data.name}, ${[...finalizersOf(resource.metadata)].join("+")}`);
        status.set("Ready", true);
      },
      async finalize(context) {
        ran.push(`finalize ${context.resource.data.name}`);
        return finalize(context);
      },
      async absent({ request }) {
        ran.push(`absent ${request.name}`);
      },
      ...options,
    }),
  ]);
  return ran;
}

const find = () => run.client.find(Artist, { name: "korn" });
async function ended(): Promise<void> {
  await run.client.delete(Artist, { name: "korn" });
  await run.settled();
}

describe("a controller with finalize", () => {
  it("adds its finalizer before the first reconcile, which adding it does not repeat", async () => {
    const ran = createCleaning();
    await run.artist("korn", "a", { [FINALIZERS_KEY]: "other", note: "kept" });
    await run.settled();
    expect(ran).toEqual([`reconcile a, other+${KEY}`]);
    const stored = await find();
    expect(stored?.metadata).toEqual({ [FINALIZERS_KEY]: `other ${KEY}`, note: "kept" });
    expect(stored?.status[KEY]?.observedGeneration).toBe(stored?.generation);
    expect(run.status("cleaning").failures).toBe(0);
  });

  it("finalizes what is deleted, and its `done` completes the deletion", async () => {
    const ran = createCleaning();
    await run.artist("korn", "a");
    await run.settled();
    drain(ran);
    await ended();
    expect(ran).toEqual(["finalize a", "absent korn"]);
    expect(await find()).toBeUndefined();
  });

  it("holds the resource until it is done, and may say what it waits for", async () => {
    let isDone = false;
    const ran = createCleaning(({ status }) => {
      status.set("Cleaned", isDone);
      return isDone ? undefined : after(1_000);
    });
    await run.artist("korn", "a");
    await run.settled();
    drain(ran);
    await ended();
    expect(drain(ran)).toEqual(["finalize a"]);
    expect((await find())?.status[KEY]?.conditions.map(({ type }) => type)).toEqual(["Cleaned"]);
    isDone = true;
    await run.clock.advance(1_000);
    await run.settled();
    expect(await find()).toBeUndefined();
  });

  it("is tried again when it fails", async () => {
    let fails = true;
    createCleaning(() => (fails ? retry(new Error("the other side is down")) : undefined));
    await run.artist("korn");
    await run.settled();
    await run.client.delete(Artist, { name: "korn" });
    await run.clock.flush();
    expect(isMarkedForDeletion((await find())?.metadata ?? {})).toBe(true);
    fails = false;
    await run.clock.advance(60_000);
    expect(await find()).toBeUndefined();
  });

  it("takes its own finalizer only, and says its status while others hold the resource", async () => {
    const ran = createCleaning(({ status }) => status.set("Cleaned", true));
    await run.artist("korn", "a", { [FINALIZERS_KEY]: "other" });
    await run.settled();
    drain(ran);
    await ended();
    const stored = await find();
    expect(finalizersOf(stored?.metadata ?? {})).toEqual(new Set(["other"]));
    expect(stored?.status[KEY]?.conditions.map(({ type }) => type)).toEqual(["Cleaned"]);
    expect(ran).toEqual(["finalize a"]);
  });

  it("that finds a name changed meanwhile looks again", async () => {
    const ran = createCleaning();
    await run.artist("korn", "a");
    await run.settled();
    drain(ran);
    run.faults.request = async ({ method }) => {
      if (method !== "Write") return;
      delete run.faults.request;
      const { metadata, data, version } = await run.client.read(Artist, { name: "korn" });
      await run.client
        .write(Artist, { name: "korn", version, metadata: { ...metadata, note: "x" }, data })
        .catch(() => undefined);
    };
    await run.client.delete(Artist, { name: "korn" });
    await run.clock.advance(60_000);
    await run.settled();
    expect(await find()).toBeUndefined();
  });
});

describe("a resource that is marked for deletion", () => {
  it("and not for finalize is left alone", async () => {
    const ran = createCleaning(undefined, { finalize: undefined });
    await run.artist("korn", "a", { [FINALIZERS_KEY]: "other" });
    await run.settled();
    drain(ran);
    await ended();
    expect(ran).toEqual([]);
  });

  it("and not for finalize is reconciled where the controller wants it", async () => {
    const ran = createCleaning(undefined, { finalize: undefined, reconcileMarked: true });
    await run.artist("korn", "a", { [FINALIZERS_KEY]: "other" });
    await run.settled();
    drain(ran);
    await ended();
    expect(ran).toEqual(["reconcile a, other"]);
  });
});
