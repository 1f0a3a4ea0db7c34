import { afterEach, describe, expect, it } from "@jest/globals";
import { Condition_State } from "@trellis/protos/trellis/resource/v1/resource_pb";
import type { ResourceType, TypedResource } from "@trellis/resource";

import { changed } from "../changed.ts";
import { type AnyController, defineController, index, watch } from "../define.ts";
import { byName, byOwner, byReader } from "../mappers.ts";
import { source } from "../source.ts";
import { Album, Artist, createRun, drain, Festival, nameOf, type Run } from "../test-support/run.ts";

let run: Run;
afterEach(() => run.close());

/** A controller that notes for which names it ran, be they there or not. */
function createNoting(options: Partial<AnyController>) {
  const ran: string[] = [];
  const look = async ({ request }: { request: Parameters<typeof nameOf>[0] }) =>
    void ran.push(nameOf(request));
  run = createRun([
    defineController({
      name: "noting",
      type: Artist,
      absent: look,
      reconcile: look,
      ...options,
    } as AnyController),
  ]);
  return async () => {
    await run.settled();
    return drain(ran).sort();
  };
}

async function say(
  type: ResourceType,
  resource: TypedResource,
  key: string,
  message = "said",
): Promise<void> {
  await run.client.writeStatus(type, await run.client.read(type, { name: resource.id.name }), {
    key,
    observedGeneration: resource.generation,
    conditions: [{ type: "Said", state: Condition_State.TRUE, message }],
  });
}

describe("a change of a managed resource", () => {
  it("causes a run, unless it is one of nothing but the controller's own status", async () => {
    const ran = createNoting({ key: "example.dev/own" });
    const korn = await run.artist("korn");
    expect(await ran()).toEqual(["korn"]);
    await say(Artist, korn, "example.dev/other");
    expect(await ran()).toEqual(["korn"]);
    await say(Artist, korn, "example.dev/own");
    expect(await ran()).toEqual([]);
  });

  it("causes a run only when it is one that counts; coming and going always do", async () => {
    const ran = createNoting({ when: changed.generation });
    const korn = await run.artist("korn");
    expect(await ran()).toEqual(["korn"]);
    await say(Artist, korn, "example.dev/other");
    expect(await ran()).toEqual([]);
    await run.artist("korn", "changed");
    expect(await ran()).toEqual(["korn"]);
    await run.client.delete(Artist, { name: "korn" });
    expect(await ran()).toEqual(["korn"]);
  });

  it("counts when the filter throws, which is told", async () => {
    const ran = createNoting({
      when: () => {
        throw new Error("broken filter");
      },
    });
    await run.artist("korn");
    await ran();
    await run.artist("korn", "changed");
    expect(await ran()).toEqual(["korn"]);
    expect(run.status("noting").lastError).toBe("broken filter");
  });
});

describe("a change of a watched resource", () => {
  it("is filtered and narrowed as the watch says", async () => {
    const ran = createNoting({
      watches: [watch(Album, byName(), { when: changed.status("example.dev/x"), selector: "genre=metal" })],
    });
    const write = (name: string, genre: string, title = "x") =>
      run.client.write(Album, { name, metadata: { genre }, data: { title } });
    await write("pop-album", "pop");
    const { resource } = await write("metal-album", "metal");
    expect(await ran()).toEqual(["metal-album"]);
    await write("metal-album", "metal", "changed");
    expect(await ran()).toEqual([]);
    await say(Album, resource, "example.dev/x");
    expect(await ran()).toEqual(["metal-album"]);
  });

  it("is seen as its transform leaves it", async () => {
    const seen: string[] = [];
    const shorten = (album: TypedResource<typeof Album.schema>) => ({
      ...album,
      data: { ...album.data, title: album.data.title.slice(0, 3) },
    });
    run = createRun([
      defineController({
        name: "noting",
        type: Artist,
        watches: [watch(Album, byOwner(), { transform: shorten })],
        reconcile: async ({ resource, cache }) =>
          void seen.push(...cache.listByOwner(Album, resource.id).map(({ data }) => data.title)),
      }),
    ]);
    const { id } = await run.artist("korn");
    await run.album("a", id, "Untouchables");
    await run.settled();
    expect(seen.at(-1)).toBe("Unt");
  });
});

describe("what runs look at", () => {
  const byArtist = index({
    name: "festivals-by-artist",
    type: Festival,
    keys: ({ data }) => data.artists.map(({ name }) => name),
  });

  it("runs them again when it comes, changes or goes: a name, a list, an owner's children, an index", async () => {
    const looks: Record<string, (context: Parameters<AnyController["reconcile"]>[0]) => unknown> = {
      name: ({ cache, request }) => cache.get(Album, { ...request, name: "one" }),
      prefix: ({ cache, request: { partition, namespace } }) =>
        cache.listByPrefix(Album, "live-", { partition, namespace }),
      children: ({ cache, resource }) => cache.listByOwner(Album, resource.id),
      index: ({ cache, resource }) => cache.byIndex(byArtist, resource.id.name),
      nothing: () => undefined,
    };
    const ran: string[] = [];
    run = createRun([
      defineController({
        name: "reading",
        type: Artist,
        indexes: [byArtist],
        watches: [Album, watch(Festival, byReader())],
        async reconcile(context) {
          ran.push(context.request.name);
          looks[context.request.name]?.(context as never);
        },
      }),
    ]);
    const settle = async () => {
      await run.settled();
      return drain(ran).sort();
    };
    const artists = new Map<string, TypedResource>();
    for (const name of Object.keys(looks)) artists.set(name, await run.artist(name));
    expect(await settle()).toEqual(Object.keys(looks).sort());
    await run.album("one");
    expect(await settle()).toEqual(["name"]);
    await run.client.delete(Album, { name: "one" });
    expect(await settle()).toEqual(["name"]);
    await run.album("live-1");
    expect(await settle()).toEqual(["prefix"]);
    await run.album("child", artists.get("children")?.id);
    expect(await settle()).toEqual(["children"]);
    await run.festival("woodstock", "index");
    expect(await settle()).toEqual(["index"]);
    await run.festival("woodstock", "nobody");
    expect(await settle()).toEqual(["index"]);
    await run.festival("woodstock", "nobody", "else");
    expect(await settle()).toEqual([]);
  });

  it("runs no name for its own status, though it looked at itself among others", async () => {
    const ran: string[] = [];
    run = createRun([
      defineController({
        name: "reading",
        key: "example.dev/reading",
        type: Artist,
        watches: [watch(Artist, byReader())],
        async reconcile({ cache, request, status }) {
          ran.push(request.name);
          status.set("Counted", true, { message: `${cache.list(Artist).length} artists` });
        },
      }),
    ]);
    await run.artist("korn");
    await run.settled();
    expect(drain(ran)).toEqual(["korn"]);
  });

  it("runs both ends when what they refer to moves, also after a run that failed", async () => {
    let fails = false;
    const ran: string[] = [];
    run = createRun([
      defineController({
        name: "reading",
        type: Artist,
        watches: [Album],
        async reconcile({ cache, request, resource }) {
          ran.push(request.name);
          if (fails) throw new Error("before it has looked");
          cache.get(Album, { ...request, name: resource.data.name });
        },
      }),
    ]);
    await run.artist("korn", "left");
    await run.settled();
    await run.artist("korn", "right");
    await run.settled();
    drain(ran);
    await run.album("left");
    await run.settled();
    expect(drain(ran)).toEqual([]);
    await run.album("right");
    await run.settled();
    expect(drain(ran)).toEqual(["korn"]);
    fails = true;
    await run.artist("korn", "left");
    await run.clock.flush();
    fails = false;
    drain(ran);
    await run.album("right", undefined, "changed");
    await run.clock.flush();
    expect(drain(ran).length).toBeGreaterThan(0);
  });
});

describe("what nobody reads any more", () => {
  it("wakes no name whose resource is gone, once that has been told", async () => {
    const ran: string[] = [];
    run = createRun([
      defineController({
        name: "reading",
        type: Artist,
        watches: [Album],
        reconcile: async ({ cache, request }) => void cache.get(Album, { ...request, name: "one" }),
        async absent({ cache, request }) {
          ran.push(request.name);
          cache.get(Album, { ...request, name: "one" });
        },
      }),
    ]);
    await run.artist("korn");
    await run.settled();
    await run.client.delete(Artist, { name: "korn" });
    await run.settled();
    expect(drain(ran)).toEqual(["korn"]);
    await run.album("one");
    await run.settled();
    expect(ran).toEqual([]);
  });
});

describe("what is owned", () => {
  it("runs its owner when it changes, and is there to be read", async () => {
    const counts: number[] = [];
    run = createRun([
      defineController({
        name: "owning",
        type: Artist,
        owns: [Album],
        reconcile: async ({ resource, cache }) =>
          void counts.push(cache.listByOwner(Album, resource.id).length),
      }),
    ]);
    const { id } = await run.artist("korn");
    await run.settled();
    await run.album("issues", id);
    await run.settled();
    expect(counts).toEqual([0, 1]);
  });
});

describe("a source", () => {
  it("C003: runs the names that its mapper gives for each event, be they there or not", async () => {
    let tell: (name: string) => void = () => undefined;
    const ran = createNoting({
      sources: [
        source<string>({
          name: "outside",
          async *open({ signal }) {
            while (!signal.aborted) yield await new Promise<string>((resolve) => (tell = resolve));
          },
          keyOf: () => "always the same",
          map: ({ event }) => [{ partition: "default", namespace: "default", name: event }],
        }),
      ],
    });
    await run.artist("korn");
    await ran();
    for (const name of ["korn", "nobody"]) {
      tell(name);
      await run.clock.flush();
      expect(await ran()).toEqual([name]);
    }
  });
});
