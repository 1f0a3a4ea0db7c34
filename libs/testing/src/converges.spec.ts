import { describe, expect, it } from "@jest/globals";
import type { Client } from "@trellis/client";
import { type AnyController, defineController, retry } from "@trellis/controller";
import demo, { v2 } from "@trellis/demo";

import { converges } from "./converges.ts";

const { Album, Artist } = v2;
const write = (name: string, artist: string) => (client: Client) =>
  client.write(Artist, { name, data: { name: artist } });
const remove = (name: string) => (client: Client) => client.delete(Artist, { name });
const changes = [
  write("korn", "Korn"),
  write("tool", "Tool"),
  write("korn", "KoRn"),
  remove("tool"),
  write("tool", "TOOL"),
];

/** Keeps for every artist an album of its name. */
const titled = defineController({
  name: "titled",
  type: Artist,
  owns: [Album],
  async reconcile({ resource: artist, children, status }) {
    const [album] = await children(Album).set([
      { name: artist.id.uid.toLowerCase(), data: { title: artist.data.name } },
    ]);
    status.set("Titled", true, { resource: album?.id });
  },
});
const run = (controller: AnyController, options = {}) =>
  converges({ domains: [demo], controllers: [controller], changes, ...options });

describe("a check that controllers converge", () => {
  it("holds for one that compares what is with what should be, uids in names and all", async () => {
    const ends: unknown[] = [];
    await run(titled, {
      system: true,
      seeds: 5,
      check: async ({ client }: { client: Client }) =>
        ends.push((await client.read(Artist, { name: "korn" })).data.name),
    });
    expect(ends).toEqual(Array.from({ length: 6 }, () => "KoRn"));
  });

  it("tells the seed that repeats the failure of one that counts its runs, and what is different", async () => {
    let runs = 0;
    const counting = defineController({
      name: "counting",
      type: Artist,
      async reconcile({ status }) {
        runs += 1;
        status.set("Counted", true, { message: `run ${runs}` });
      },
    });
    await expect(run(counting)).rejects.toThrow(
      /seed 1 ends in another state.*repeat it with \{ seed: 1 \}:\ndemo\.v2\.Artist.*\n expected .*\n found /,
    );
  });

  it("finds one that remembers between two runs what a restart forgets", async () => {
    const first = new Map<string, string>();
    const remembering = (): AnyController =>
      defineController({
        name: "remembering",
        type: Artist,
        onStart: async () => first.clear(),
        async reconcile({ resource: { id, data }, status }) {
          if (!first.has(id.uid)) first.set(id.uid, data.name);
          status.set("Named", true, { message: first.get(id.uid) });
        },
      });
    await expect(run(remembering())).rejects.toThrow(/seed \d+ ends in another state/);
  });

  it("says who does not come to rest, and with which seed", async () => {
    const failing = defineController({
      name: "failing",
      type: Artist,
      reconcile: async () => retry(new Error("the moon is full")),
    });
    await expect(run(failing, { restMs: 60_000 })).rejects.toThrow(
      /the run that nothing disturbs: .*failing.*the moon is full/,
    );
  });

  it("does again what is refused because its like is still on its way out", async () => {
    const finalizing = defineController({
      name: "finalizing",
      type: Artist,
      reconcile: async () => undefined,
      finalize: async () => undefined,
    });
    await run(finalizing, { seeds: 5 });
  });

  it.each([
    [{ seeds: 0 }, "seeds must be a whole number from 1, found 0"],
    [{ seeds: Number.NaN }, "seeds must be a whole number from 1, found NaN"],
    [{ seed: 1.5 }, "seed must be a whole number from 1, found 1.5"],
  ])("is refused with %j, which would check nothing", async (wrong, told) => {
    await expect(run(titled, wrong)).rejects.toThrow(told);
  });

  it("repeats one seed when asked to", async () => {
    let runs = 0;
    await run(titled, { seed: 7, system: true, check: () => void (runs += 1) });
    expect(runs).toBe(2);
  });
});
