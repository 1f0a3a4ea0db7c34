import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "@jest/globals";
import { createClient } from "@trellis/client";
import type { Random } from "@trellis/resource";
import { createFaultyTransport, type Faults, seededRandom } from "@trellis/testing";

import { defineController } from "../define.ts";
import { MANAGED_BY } from "../managed-by.ts";
import { retry } from "../result.ts";
import { Album, Artist, createRun, Festival } from "../test-support/run.ts";
import { type ControllerRuntime, createControllerRuntime } from "./controller-runtime.ts";

const KEY = "example.dev/discography";
const STORIES = 12;
const STEPS = 60;
const ARTISTS = ["korn", "slipknot", "tool"];
const FESTIVALS = ["woodstock", "ozzfest"];

/** An artist's name says at which festival it plays, and how many albums it has: `woodstock 2`. Its albums are called after what the festival is called. */
function createDiscography(chance: Random, outside: Set<string>) {
  return defineController({
    name: "discography",
    key: KEY,
    type: Artist,
    owns: [Album],
    watches: [Festival],
    concurrency: 2,
    timeoutMs: 5_000,
    async reconcile({ request, resource, cache, children, status }) {
      outside.add(resource.id.uid);
      const [festival = "", count = "0"] = resource.data.name.split(" ");
      if (chance() < 0.1) throw new Error("by chance");
      const title = cache.get(Festival, { ...request, name: festival })?.data.name ?? "unheard";
      await children(Album).set(
        Array.from({ length: Number(count) }, (_, at) => ({
          name: `${request.name}-${at}`,
          data: { title },
        })),
      );
      status.set("Recorded", true, { message: title });
    },
    async finalize({ resource, children }) {
      await children(Album).set([]);
      if (chance() < 0.3) return retry(new Error("by chance"));
      outside.delete(resource.id.uid);
      return undefined;
    },
  });
}

/** A server, one manager after another, and a network between them that misbehaves by chance. */
function createWorld(random: Random) {
  const run = createRun([]);
  const outside = new Set<string>();
  const faults: Faults = {};
  let trouble = 0.15;
  const happen = (): void => {
    if (random() < trouble) throw new ConnectError("by chance", Code.Unavailable);
  };
  faults.request = happen;
  faults.answer = happen;
  faults.message = () => {
    if (random() < trouble / 5) throw new ConnectError("cut", Code.Unavailable);
  };
  let runtime: ControllerRuntime | undefined;
  const controller = createDiscography(() => (trouble === 0 ? 1 : random()), outside);
  const start = (): void => {
    const transport = createFaultyTransport(run.server.transport, faults);
    const client = createClient({ transport, clock: run.clock, random });
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    runtime = createControllerRuntime({ client, clock: run.clock, random, log, controllers: [controller] });
    runtime.start();
  };
  const stop = async (): Promise<void> => {
    const stopped = runtime?.stop();
    await run.clock.advance(10_000);
    await stopped;
  };
  start();
  return {
    ...run,
    outside,
    async restart() {
      await stop();
      start();
    },
    async calm() {
      trouble = 0;
      for (let round = 0; round < 5; round++) await run.clock.advance(1_100_000);
      expect(runtime?.status().idle).toBe(true);
    },
    async close() {
      await stop();
      await run.close();
    },
  };
}

type World = ReturnType<typeof createWorld>;

/** One thing that people do, or time does; what is refused is refused. */
async function step(world: World, random: Random): Promise<void> {
  const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)] as T;
  const { client, clock } = world;
  const artist = { name: pick(ARTISTS) };
  const album = { name: `${artist.name}-${Math.floor(random() * 4)}` };
  const festival = pick(FESTIVALS);
  const steps: readonly (() => Promise<unknown>)[] = [
    () => client.write(Artist, { ...artist, data: { name: `${festival} ${Math.floor(random() * 4)}` } }),
    () => client.write(Artist, { ...artist, data: { name: `${festival} ${Math.floor(random() * 4)}` } }),
    () => client.delete(Artist, artist),
    () => client.write(Festival, { name: festival, data: { name: `f${Math.floor(random() * 9)}` } }),
    () => client.delete(Festival, { name: festival }),
    async () => {
      const { owner, metadata } = await client.read(Album, album);
      await client.write(Album, { ...album, owner, metadata, data: { title: "changed by hand" } });
    },
    () => client.delete(Album, album),
    () => clock.advance(random() * 200),
    () => clock.advance(random() * 20_000),
    () => (random() < 0.2 ? world.restart() : clock.flush()),
  ];
  await pick(steps)().catch(() => undefined);
}

/** What is stored, and what it should be when it is computed from what people wrote. */
async function compare({ client, outside }: World): Promise<void> {
  const expected: Record<string, unknown> = {};
  const uids: string[] = [];
  for await (const { id, data, status } of client.list(Artist)) {
    const [festival = "", count = "0"] = data.name.split(" ");
    const title = (await client.find(Festival, { name: festival }))?.data.name ?? "unheard";
    for (let at = 0; at < Number(count); at++)
      expected[`${id.name}-${at}`] = { title, owner: id.uid, madeBy: KEY };
    expect(status[KEY]?.conditions.map(({ message }) => message)).toEqual([title]);
    uids.push(id.uid);
  }
  const stored: Record<string, unknown> = {};
  for await (const { id, owner, metadata, data } of client.list(Album))
    stored[id.name] = { title: data.title, owner: owner?.uid, madeBy: metadata[MANAGED_BY] };
  expect(stored).toEqual(expected);
  expect([...outside].sort()).toEqual(uids.sort());
}

describe("a controller whose calls fail, whose manager dies and whose resources are changed by hand", () => {
  it.each(Array.from({ length: STORIES }, (_, seed) => seed))(
    "ends where one that computes everything from scratch would: seed %d",
    async (seed) => {
      const random = seededRandom(seed);
      const world = createWorld(random);
      for (let number = 0; number < STEPS; number++) await step(world, random);
      await world.calm();
      await compare(world);
      await world.close();
    },
    60_000,
  );
});
