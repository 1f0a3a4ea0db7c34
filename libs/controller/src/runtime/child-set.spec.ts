import { afterEach, describe, expect, it } from "@jest/globals";
import type { TypedResource } from "@trellis/client";
import { FINALIZERS_KEY } from "@trellis/resource";

import type { ChildInput, ReconcileContext } from "../context.ts";
import { defineController } from "../define.ts";
import { MANAGED_BY } from "../managed-by.ts";
import { Album, Artist, createRun, Festival, type Run } from "../test-support/run.ts";
import { MAX_CHILDREN } from "./child-set.ts";

const KEY = "example.dev/albums";

let run: Run;
afterEach(() => run.close());

type Children = readonly ChildInput<typeof Album.schema>[];
type Context = ReconcileContext<typeof Artist.schema, typeof Album>;

/** A controller that gives each artist the albums that its name lists: `a=Title a,b=Title b`. */
function createDiscography(childrenOf: (context: Context) => Children | Promise<Children> = listed) {
  const returned: (readonly string[])[] = [];
  let runs = 0;
  run = createRun([
    defineController({
      name: "discography",
      key: KEY,
      type: Artist,
      owns: [Album],
      async reconcile(context) {
        runs += 1;
        const albums = await context.children(Album).set(await childrenOf(context));
        returned.push(albums.map(({ id, data }) => `${id.name}=${data.title}`));
      },
    }),
  ]);
  return { returned, runs: () => runs };
}

function listed({ resource: { data } }: Context): Children {
  return data.name
    .split(",")
    .filter((part) => part !== "")
    .map((part) => {
      const [name = "", title = ""] = part.split("=");
      return { name, data: { title } };
    });
}

async function albums(): Promise<Map<string, TypedResource<typeof Album.schema>>> {
  const found = new Map<string, TypedResource<typeof Album.schema>>();
  for await (const album of run.client.list(Album)) found.set(album.id.name, album);
  return found;
}

async function titles(): Promise<Record<string, string>> {
  await run.settled();
  return Object.fromEntries([...(await albums())].map(([name, { data }]) => [name, data.title]));
}

const lastError = () => run.status("discography").lastError;

describe("children", () => {
  it("are created in the parent's tenancy, owned by it and marked as made by the controller", async () => {
    const { returned } = createDiscography();
    const { id } = await run.artist("korn", "b=Issues,a=Untouchables");
    expect(await titles()).toEqual({ a: "Untouchables", b: "Issues" });
    const album = (await albums()).get("a");
    expect(album).toMatchObject({ owner: id, metadata: { [MANAGED_BY]: KEY } });
    expect(album?.id.tenancy).toEqual(id.tenancy);
    expect(returned.at(-1)).toEqual(["b=Issues", "a=Untouchables"]);
  });

  it("are written when they differ, and left alone when they do not", async () => {
    createDiscography();
    await run.artist("korn", "a=One,b=Two");
    await titles();
    const before = await albums();
    await run.artist("korn", "a=One,b=Changed");
    expect(await titles()).toEqual({ a: "One", b: "Changed" });
    const now = await albums();
    expect(now.get("a")).toEqual(before.get("a"));
    expect(now.get("b")?.id.uid).toBe(before.get("b")?.id.uid);
  });

  it("are made right again when somebody changes or deletes them; metadata of others stays", async () => {
    createDiscography();
    const { id } = await run.artist("korn", "a=One");
    await titles();
    await run.client.write(Album, {
      name: "a",
      owner: id,
      metadata: { note: "mine" },
      data: { title: "Other" },
    });
    expect(await titles()).toEqual({ a: "One" });
    expect((await albums()).get("a")?.metadata).toEqual({ note: "mine", [MANAGED_BY]: KEY });
    await run.client.delete(Album, { name: "a" });
    expect(await titles()).toEqual({ a: "One" });
  });

  it("have the metadata that they are given", async () => {
    createDiscography(({ resource }) => [
      { name: "a", metadata: { mood: resource.data.name }, data: { title: "One" } },
    ]);
    await run.artist("korn", "dark");
    await titles();
    await run.artist("korn", "light");
    await titles();
    expect((await albums()).get("a")?.metadata).toEqual({ mood: "light", [MANAGED_BY]: KEY });
  });

  it("that are no longer wanted are deleted, and no others of the same parent", async () => {
    createDiscography();
    const { id } = await run.artist("korn", "a=One,b=Two");
    await run.album("live", id, "Live");
    await titles();
    await run.artist("korn", "b=Two");
    expect(await titles()).toEqual({ b: "Two", live: "Live" });
    await run.artist("korn", "live=Studio");
    expect(await titles()).toEqual({ live: "Studio" });
    await run.artist("korn", ",");
    expect(await titles()).toEqual({});
  });

  it("cause no further writes or runs once they are there", async () => {
    const { runs } = createDiscography();
    await run.artist("korn", "a=One");
    await titles();
    const { version } = run.server.backend.position();
    const before = runs();
    await run.clock.advance(60_000);
    expect(run.server.backend.position().version).toBe(version);
    expect(runs()).toBe(before);
  });

  it("of a name that somebody else's resource has are refused by name, and nothing is written", async () => {
    createDiscography();
    await run.album("free", undefined, "Nobody's");
    await run.artist("korn", "a=One,free=Mine");
    await run.clock.flush();
    expect([...(await albums()).keys()]).toEqual(["free"]);
    expect(lastError()).toMatch(/free.*has no owner/);

    const { resource: festival } = await run.client.write(Festival, {
      name: "woodstock",
      data: { name: "W" },
    });
    await run.client.write(Album, { name: "theirs", owner: festival.id, data: { title: "Theirs" } });
    await run.artist("korn", "theirs=Mine");
    await run.clock.flush();
    expect((await albums()).get("theirs")?.data.title).toBe("Theirs");
    expect(lastError()).toMatch(/theirs.*is owned by .*woodstock/);
  });

  it("of a former parent of the name are replaced once that is gone", async () => {
    const gate = Promise.withResolvers<void>();
    createDiscography(async (context) => {
      if (context.request.name === "blocker") await gate.promise;
      return listed(context);
    });
    await run.artist("korn", "a=One");
    await titles();
    const before = await albums();
    // Its one worker sees the end of the first and the beginning of the second at once.
    await run.artist("blocker", ",");
    await run.clock.flush();
    await run.client.delete(Artist, { name: "korn" });
    const { id } = await run.artist("korn", "a=One");
    await run.clock.flush();
    gate.resolve();
    await titles();
    const now = await albums();
    expect(now.get("a")?.owner).toEqual(id);
    expect(now.get("a")?.id.uid).not.toBe(before.get("a")?.id.uid);
  });

  it("go when their parent has gone, also where nothing else follows a deletion", async () => {
    createDiscography();
    const { id } = await run.artist("korn", "a=One");
    await run.album("live", id, "Live");
    await titles();
    await run.client.delete(Artist, { name: "korn" });
    expect(await titles()).toEqual({});
  });

  it("that are marked for deletion are waited for, and made again", async () => {
    createDiscography();
    const { id } = await run.artist("korn", "a=One");
    await titles();
    const held = { name: "a", owner: id, metadata: { [FINALIZERS_KEY]: "x", [MANAGED_BY]: KEY } };
    await run.client.write(Album, { ...held, data: { title: "One" } });
    await run.client.delete(Album, { name: "a" });
    await run.artist("korn", "a=Two");
    expect(await titles()).toEqual({ a: "One" });
    const marked = (await albums()).get("a");
    const { [FINALIZERS_KEY]: _, ...metadata } = marked?.metadata ?? {};
    await run.client.write(Album, { ...held, metadata, version: marked?.version, data: { title: "One" } });
    expect(await titles()).toEqual({ a: "Two" });
  });

  it("are as many as one writes in batches, up to a limit", async () => {
    let count = 250;
    const { returned } = createDiscography(() =>
      Array.from({ length: count }, (_, number) => ({ name: `n${number}`, data: { title: `${number}` } })),
    );
    await run.artist("korn");
    expect(Object.keys(await titles())).toHaveLength(250);
    expect(returned.at(-1)?.[249]).toBe("n249=249");
    count = MAX_CHILDREN + 1;
    await run.artist("korn", "too many");
    await run.clock.flush();
    expect(lastError()).toContain(`at most ${MAX_CHILDREN}`);
  });

  it("cannot be given twice, nor be of a type that the controller does not own", async () => {
    const errors: string[] = [];
    createDiscography((context) => {
      try {
        context.children(Festival as never);
      } catch (error) {
        errors.push(String(error));
      }
      return [
        { name: "a", data: {} },
        { name: "a", data: {} },
      ];
    });
    await run.artist("korn");
    await run.clock.flush();
    expect(lastError()).toContain('"a" twice');
    expect(errors[0]).toContain("add owns: [Festival]");
  });

  it("of which the service refuses some make the run one that failed, and the others are there", async () => {
    createDiscography(() => [
      { name: "good", data: { title: "Good" } },
      { name: "no good name!", data: { title: "Bad" } },
    ]);
    await run.artist("korn");
    await run.clock.flush();
    expect([...(await albums()).keys()]).toEqual(["good"]);
    expect(lastError()).toMatch(/1 of [12] Album could not be written; the first: no good name!/);
  });

  it("of which the service refuses some keep no others back, however many there are", async () => {
    createDiscography(() => [
      { name: "no good name!", data: { title: "Bad" } },
      ...Array.from({ length: 150 }, (_, number) => ({ name: `n${number}`, data: { title: "Good" } })),
    ]);
    await run.artist("korn");
    await run.clock.flush();
    expect([...(await albums()).keys()]).toHaveLength(150);
    expect(lastError()).toMatch(/1 of \d+ Album could not be written; the first: no good name!/);
  });

  it("of a name that becomes free are made at once, without waiting for another try", async () => {
    const { runs } = createDiscography();
    await run.album("free", undefined, "Nobody's");
    await run.artist("korn", "free=Mine");
    await run.clock.flush();
    expect(lastError()).toMatch(/free.*has no owner/);
    await run.client.delete(Album, { name: "free" });
    await run.clock.flush();
    expect((await albums()).get("free")?.data.title).toBe("Mine");
    // What is the parent's own runs it as its owner, and not once more.
    const before = runs();
    await run.client.delete(Album, { name: "free" });
    await titles();
    expect(runs()).toBe(before + 2);
  });

  it("are listed as far as the controller made them", async () => {
    const lists: string[][] = [];
    createDiscography((context) => {
      lists.push(
        context
          .children(Album)
          .list()
          .map(({ id }) => id.name),
      );
      return [{ name: "a", data: { title: "One" } }];
    });
    const { id } = await run.artist("korn");
    await run.album("live", id, "Live");
    await run.settled();
    expect(lists.at(0)).toEqual([]);
    expect(lists.at(-1)).toEqual(["a"]);
  });
});
