import type { ConnectedClient } from "@trellis/client/node";
import type { Random } from "@trellis/resource";

import type { World } from "./world.ts";

/** How often changes that are due are begun. */
const TICK_MS = 5;
/** Changes under way at once: a server that is slower than the rate is not drowned. */
const MAX_UNDER_WAY = 512;
/** One change in five is of a check, the others are of addresses. */
const HEALTH_SHARE = 0.2;

/** What is to be changed, and how fast. */
export interface LoadOptions {
  readonly world: World;
  /** Takes turns. */
  readonly clients: readonly ConnectedClient[];
  readonly ratePerSecond: number;
  readonly seconds: number;
  readonly random: Random;
}

/** What became of it. */
export interface LoadFigures {
  readonly changes: number;
  readonly elapsedMs: number;
  /** When the last one was acknowledged, by this process's clock. */
  readonly lastMs: number;
  readonly errors: readonly string[];
}

/** Changes workloads by chance at a steady rate, each at most once at a time, and waits for the last answer. */
export async function runLoad({
  world,
  clients,
  ratePerSecond,
  seconds,
  random,
}: LoadOptions): Promise<LoadFigures> {
  const startedMs = performance.now();
  const total = Math.round(ratePerSecond * seconds);
  const underWay = new Map<number, Promise<void>>();
  const errors: string[] = [];
  let begun = 0;
  let lastMs = startedMs;

  function begin(): void {
    let workload = Math.floor(random() * world.size.workloads);
    while (underWay.has(workload)) workload = (workload + 1) % world.size.workloads;
    const client = clients[begun % clients.length];
    if (client === undefined) throw new Error("a load needs a client");
    begun += 1;
    const change = world
      .change(client, workload, random() < HEALTH_SHARE ? "health" : "address")
      .catch((error: unknown) => void errors.push(String(error)))
      .finally(() => {
        lastMs = performance.now();
        underWay.delete(workload);
      });
    underWay.set(workload, change);
  }

  while (begun < total) {
    const due = Math.min(total, Math.floor(((performance.now() - startedMs) / 1_000) * ratePerSecond));
    const room = Math.min(MAX_UNDER_WAY, world.size.workloads - 1) - underWay.size;
    for (let left = Math.min(due - begun, room); left > 0; left--) begin();
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
  await Promise.all(underWay.values());
  return { changes: begun - errors.length, elapsedMs: lastMs - startedMs, lastMs, errors };
}
