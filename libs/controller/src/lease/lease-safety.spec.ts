import { describe, expect, it } from "@jest/globals";
import type { TypedResource } from "@trellis/resource";
import fc from "fast-check";

import { Artist } from "../test-support/run.ts";
import { Lease } from "./lease.ts";
import type { LeaseTerm } from "./lease-term.ts";
import { createLeaseWorld, type KeptLeases, type LeaseWorld } from "./test-support/lease-world.ts";

/** What happens to a process, or to its network. */
const MISHAPS = [
  "pause",
  "resume",
  "cut",
  "mend",
  "hold requests",
  "hold messages",
  "let requests go",
  "let go",
  "lose an answer",
  "slow answers",
  "fast answers",
  "jump",
] as const;

function befall({ clock, network }: KeptLeases, mishap: (typeof MISHAPS)[number]): void {
  switch (mishap) {
    case "pause":
      return clock.pause();
    case "resume":
      return clock.resume();
    case "cut":
      network.cut = true;
      return undefined;
    case "mend":
      network.cut = false;
      return undefined;
    case "hold requests":
      return network.holdRequests();
    case "hold messages":
      return network.holdMessages();
    case "let requests go":
      return network.letRequestsGo();
    case "let go":
      return network.letGo();
    case "lose an answer":
      network.lose.push("Write", "Transact");
      return undefined;
    case "slow answers":
      network.answerMs = 2_500;
      return undefined;
    case "fast answers":
      network.answerMs = 0;
      return undefined;
    case "jump":
      clock.wallOffMs += 3_600_000;
  }
}

const processes = 3;
const WRITE_INTERVAL_MS = 150;
/** Within which all is well again: a watch that was cut waits ten seconds at most, and a lease lasts four. */
const RECOVERY_MS = 20_000;

/** Writes under a term again and again. Every other write leaves the own clock out, as if it were broken: then the fence alone protects. */
function writeUnder(term: LeaseTerm, { name, clock, client }: KeptLeases): void {
  let written = 0;
  const write = (): void => {
    written += 1;
    const input = { name: "shared", data: { name: `${term.lease.generation} ${name} ${written}` } };
    const sent =
      written % 2 === 0
        ? term.client.write(Artist, input)
        : client.write(Artist, input, { preconditions: [term.fence] });
    // It does not stop when it is told that its lease is lost, but some time later.
    sent.catch(() => undefined);
    if (written < 100 && (term.held || written % 4 !== 0)) clock.after(WRITE_INTERVAL_MS, write);
  };
  write();
}

/** Everything that was committed, in order: a lease's new generation, or the generation under which something was written. */
function follow(world: LeaseWorld) {
  const commits: { readonly version: number; readonly lease?: string; readonly writer?: string }[] = [];
  const stop = new AbortController();
  const read = async (
    type: typeof Lease | typeof Artist,
    note: (resource: TypedResource) => { readonly lease: string } | { readonly writer: string },
  ): Promise<void> => {
    for await (const item of world.client.watch(type as typeof Lease, {}, { signal: stop.signal })) {
      if (item.kind === "upsert")
        commits.push({ version: Number(item.resource.version), ...note(item.resource) });
    }
  };
  void read(Lease, ({ generation }) => ({ lease: generation }));
  void read(Artist, ({ data }) => ({
    writer: (data as unknown as { name: string }).name.split(" ")[0] ?? "",
  }));
  return { stop: () => stop.abort(), commits: () => commits.toSorted((a, b) => a.version - b.version) };
}

describe("a lease, whatever befalls those who want it", () => {
  it("lets nobody write but its holder, and is held by one at a time", async () => {
    const mishap = fc.record({
      process: fc.nat(processes - 1),
      what: fc.constantFrom(...MISHAPS),
      afterMs: fc.integer({ min: 0, max: 3_000 }),
    });
    const rates = fc.array(fc.double({ min: 0.95, max: 1.05, noNaN: true }), {
      minLength: processes,
      maxLength: processes,
    });
    await fc.assert(
      fc.asyncProperty(
        fc.nat(),
        rates,
        fc.array(mishap, { minLength: 5, maxLength: 25 }),
        async (seed, speeds, mishaps) => {
          const world = createLeaseWorld(seed);
          const judge = follow(world);
          await world.clock.flush();
          const kept: KeptLeases[] = speeds.map((rate, at) =>
            world.keep(`p${at}`, ["a"], { rate, taken: (term) => writeUnder(term, kept[at] as KeptLeases) }),
          );
          const advance = async (ms: number): Promise<void> => {
            for (let left = ms; left > 0; left -= 250) {
              await world.clock.advance(Math.min(left, 250));
              expect(heldBy(kept).length).toBeLessThanOrEqual(1);
            }
          };
          await advance(500);
          for (const { process, what, afterMs } of mishaps) {
            befall(kept[process] as KeptLeases, what);
            await advance(afterMs);
          }
          for (const one of kept)
            for (const good of ["resume", "mend", "let go", "fast answers"] as const) befall(one, good);
          for (const { network } of kept) network.lose.splice(0);
          await advance(RECOVERY_MS);
          expect(heldBy(kept)).toHaveLength(1);
          checkOrder(judge.commits());
          judge.stop();
          const stopped = Promise.all(kept.map(({ keeper }) => keeper.stop()));
          await world.clock.advance(2_000);
          await stopped;
          await world.close();
        },
      ),
      { numRuns: 10, seed: 20_260_102 },
    );
  }, 120_000);
});

function heldBy(kept: readonly KeptLeases[]): string[] {
  return kept.flatMap(({ name, terms }) => terms.filter((term) => term.held).map(() => name));
}

/** Each write was committed while the lease had the generation under which it was made. */
function checkOrder(commits: ReturnType<ReturnType<typeof follow>["commits"]>): void {
  let generation: string | undefined;
  let writes = 0;
  for (const { lease, writer } of commits) {
    generation = lease ?? generation;
    if (writer === undefined) continue;
    writes += 1;
    expect(writer).toBe(generation);
  }
  expect(writes).toBeGreaterThan(0);
}
