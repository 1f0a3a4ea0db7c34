import { afterEach, describe, expect, it } from "@jest/globals";
import { FINALIZERS_KEY } from "@trellis/resource";

import type { AbsentContext } from "../context.ts";
import { defineController, index, watch } from "../define.ts";
import type { Mapper } from "../mapper.ts";
import { byIndex, byName, byOwner } from "../mappers.ts";
import {
  Album,
  Artist,
  createRun,
  drain,
  Festival,
  nameOf,
  RecordLabel,
  type Run,
} from "../test-support/run.ts";
import { MAX_STATES } from "./watch-mapping.ts";

let run: Run;
afterEach(() => run.close());

/** A controller of artists with one watch. */
function createMapped(type: never, map: Mapper<never>) {
  const ran: string[] = [];
  const note = async ({ request }: AbsentContext): Promise<void> => void ran.push(nameOf(request));
  run = createRun([
    defineController({
      name: "mapped",
      type: Artist,
      watches: [watch(type, map)],
      reconcile: note,
      absent: note,
    }),
  ]);
  return ran;
}

async function settle(ran: string[]): Promise<string[]> {
  await run.settled();
  return drain(ran).sort();
}

describe("the mapping by owner", () => {
  it("C002, C208: reconciles the owner for each change of what it owns", async () => {
    const ran = createMapped(Album as never, byOwner() as never);
    const korn = await run.artist("korn");
    await settle(ran);
    await run.album("issues", korn.id);
    expect(await settle(ran)).toEqual(["korn"]);
    await run.album("issues", korn.id, "Issues");
    expect(await settle(ran)).toEqual(["korn"]);
    await run.client.delete(Album, { name: "issues" });
    expect(await settle(ran)).toEqual(["korn"]);
  });

  it("C209, C212: has nobody for what is not owned, or owned by another type", async () => {
    const ran = createMapped(Album as never, byOwner() as never);
    const { resource: festival } = await run.client.write(Festival, {
      name: "woodstock",
      data: { name: "W" },
    });
    await run.album("free");
    await run.client.write(Album, { name: "live", owner: festival.id, data: { title: "Live" } });
    expect(await settle(ran)).toEqual([]);
  });

  it("reconciles the former owner too when a name comes back with another", async () => {
    const ran = createMapped(Album as never, byOwner() as never);
    const [korn, slipknot] = [await run.artist("korn"), await run.artist("slipknot")];
    await run.album("issues", korn.id);
    await settle(ran);
    run.faults.message = () => {
      throw new Error("cut");
    };
    await run.client.delete(Album, { name: "issues" });
    await run.clock.flush();
    await run.album("issues", slipknot.id);
    delete run.faults.message;
    await run.clock.advance(30_000);
    expect(await settle(ran)).toEqual(["korn", "slipknot"]);
  });
});

describe("the mapping by name", () => {
  it("reconciles the managed resource of the changed one's name, be it there or not", async () => {
    const ran = createMapped(Album as never, byName() as never);
    await run.album("korn");
    expect(await settle(ran)).toEqual(["korn"]);
  });
});

describe("the mapping by index", () => {
  const byArtist = index({
    name: "festivals-by-artist",
    type: Festival,
    keys: ({ data }) => data.artists.map(({ name }) => name),
  });

  it("reconciles what the index finds under the changed one's name, as its references are now", async () => {
    const ran: string[] = [];
    run = createRun([
      defineController({
        name: "festivals",
        type: Festival,
        indexes: [byArtist],
        watches: [watch(Artist, byIndex(byArtist))],
        reconcile: async ({ request }) => void ran.push(request.name),
      }),
    ]);
    await run.artist("korn");
    await run.festival("woodstock", "korn");
    await run.festival("ozzfest", "korn", "slipknot");
    await settle(ran);
    await run.artist("korn", "KoRn");
    expect(await settle(ran)).toEqual(["ozzfest", "woodstock"]);
    await run.festival("woodstock", "slipknot");
    await settle(ran);
    await run.artist("korn", "Korn");
    expect(await settle(ran)).toEqual(["ozzfest"]);
  });

  it("finds by what the changed one was as well as by what it is, in the tenancy that is asked", async () => {
    const byTitle = index({ name: "by-name", type: Artist, keys: ({ data }) => [data.name] });
    const ran: string[] = [];
    run = createRun([
      defineController({
        name: "artists",
        type: Artist,
        indexes: [byTitle],
        watches: [
          watch(Album, byIndex(byTitle, { keyOf: ({ data }) => data.title })),
          watch(RecordLabel, byIndex(byTitle, { keyOf: ({ data }) => data.name, tenancyOf: () => ({}) })),
        ],
        reconcile: async ({ request }) => void ran.push(request.name),
      }),
    ]);
    await run.artist("a", "left");
    await run.artist("b", "right");
    await run.album("issues", undefined, "left");
    await settle(ran);
    await run.album("issues", undefined, "right");
    expect(await settle(ran)).toEqual(["a", "b"]);
    await run.client.write(RecordLabel, { name: "epic", data: { name: "left" } });
    expect(await settle(ran)).toEqual(["a"]);
  });
});

describe("a mapper", () => {
  it("sees what a resource was and what it is, and the last of what is gone", async () => {
    const seen: string[] = [];
    createMapped(
      Album as never,
      (({ resource }: { resource: { data: { title: string } } }) => {
        seen.push(resource.data.title);
        return [];
      }) as never,
    );
    await run.album("issues", undefined, "v1");
    await run.settled();
    await run.album("issues", undefined, "v2");
    await run.settled();
    await run.client.delete(Album, { name: "issues" });
    await run.settled();
    expect(seen).toEqual(["v1", "v1", "v2", "v2"]);
  });

  it("that is slow sees every state in between, once each", async () => {
    const seen: string[] = [];
    let release = (): void => undefined;
    createMapped(
      Album as never,
      (async ({ resource }: { resource: { data: { title: string } } }) => {
        seen.push(resource.data.title);
        if (seen.length === 1) await new Promise<void>((resolve) => (release = resolve));
        return [];
      }) as never,
    );
    await run.album("issues", undefined, "v1");
    await run.clock.flush();
    for (const title of ["v2", "v3"]) await run.album("issues", undefined, title);
    await run.clock.flush();
    release();
    await run.settled();
    expect(seen).toEqual(["v1", "v1", "v2", "v3"]);
  });

  it(`that is behind by more than ${MAX_STATES} states reconciles everything instead of what they named`, async () => {
    let release = (): void => undefined;
    let hold = true;
    const ran = createMapped(
      Album as never,
      (async () => {
        if (hold) await new Promise<void>((resolve) => (release = resolve));
        return [];
      }) as never,
    );
    for (const name of ["a", "b"]) await run.artist(name);
    await run.album("issues", undefined, "v");
    await run.clock.flush();
    drain(ran);
    for (let version = 0; version < MAX_STATES; version++)
      await run.album("issues", undefined, `v${version}`);
    await run.clock.flush();
    hold = false;
    release();
    expect(await settle(ran)).toEqual(["a", "b"]);
  });

  it("hears of marks for deletion, too", async () => {
    const ran = createMapped(Album as never, byName() as never);
    await run.client.write(Album, {
      name: "held",
      metadata: { [FINALIZERS_KEY]: "x" },
      data: { title: "Held" },
    });
    await settle(ran);
    await run.client.delete(Album, { name: "held" });
    expect(await settle(ran)).toEqual(["held"]);
  });
});
