import type { Client, StorePosition } from "@trellis/client";
import type { Check } from "@trellis/protos/trellis/resource/v1/resource_service_pb";

import { Artist } from "../../test-support/run.ts";
import { Lease } from "../lease.ts";
import type { LeaseTerm } from "../lease-term.ts";
import type { LeaseWorld, Process } from "./lease-world.ts";

const WRITE_INTERVAL_MS = 150;
/** Of one term. */
const MAX_WRITES = 100;

/** Writes with these fences, which are visible in what is written. */
export async function writeWith(
  client: Client,
  fences: readonly Check[],
  by: string,
  carried = fences,
): Promise<void> {
  const shown = fences.map(({ id, generation }) => `${id?.name}=${generation}`).join(" ");
  const input = { name: "shared", data: { name: `${shown} by ${by}` } };
  await client.write(Artist, input, { preconditions: carried });
}

/** Writes under a term again and again. Every other write leaves the own clock out, as if it were broken: then the fences alone protect. */
export function writeUnder(term: LeaseTerm, { name, clock, client }: Process): void {
  let written = 0;
  const write = (): void => {
    written += 1;
    const by = `${name} ${written}`;
    const sent =
      written % 2 === 0 ? writeWith(term.client, term.fences, by, []) : writeWith(client, term.fences, by);
    // It does not stop when it is told that its lease is lost, but some time later.
    sent.catch(() => undefined);
    if (written < MAX_WRITES && (term.held || written % 4 !== 0)) clock.after(WRITE_INTERVAL_MS, write);
  };
  write();
}

type Commit =
  // Of a deletion the watch tells the version only once it has come to it.
  | { version?: number; readonly lease: string; readonly generation: string }
  | { version?: number; readonly fences: ReadonlyMap<string, string> };

/** Follows everything that is committed, and judges whether each write was made while its fences held. */
export function followFences(world: LeaseWorld) {
  const commits: Commit[] = [];
  const stop = new AbortController();
  void (async () => {
    const onPosition = ({ version }: StorePosition): void => {
      for (const commit of commits) if (commit.version === undefined) commit.version = Number(version);
    };
    for await (const item of world.client.watch(Lease, {}, { signal: stop.signal, onPosition })) {
      if (item.kind === "endOfSnapshot") continue;
      const { id, version, generation } = item.resource;
      if (item.kind === "upsert") commits.push({ version: Number(version), lease: id.name, generation });
      else commits.push({ lease: id.name, generation: "" });
    }
  })().catch(() => undefined);
  void (async () => {
    for await (const item of world.client.watch(Artist, {}, { signal: stop.signal })) {
      if (item.kind !== "upsert") continue;
      const pairs = item.resource.data.name.split(" by ")[0]?.split(" ") ?? [];
      const fences = new Map(pairs.map((pair) => pair.split("=") as [string, string]));
      commits.push({ version: Number(item.resource.version), fences });
    }
  })().catch(() => undefined);
  return {
    stop: () => stop.abort(),
    /** Writes that were committed, and those of them whose fences did not hold, in words. */
    verdict(): { readonly writes: number; readonly findings: readonly string[] } {
      const generations = new Map<string, string>();
      const findings: string[] = [];
      let writes = 0;
      for (const commit of commits.toSorted((a, b) => (a.version ?? 0) - (b.version ?? 0))) {
        if ("lease" in commit) {
          generations.set(commit.lease, commit.generation);
          continue;
        }
        writes += 1;
        for (const [lease, generation] of commit.fences)
          if (generations.get(lease) !== generation)
            findings.push(
              `version ${commit.version} was written under ${lease}=${generation}, found ${generations.get(lease)}`,
            );
      }
      return { writes, findings };
    },
  };
}
