import type { Client } from "@trellis/client";
import type { Random } from "@trellis/resource";

import { differences, type EndState, readEndState } from "./end-state.ts";
import { randomFaults } from "./random-faults.ts";
import { seededRandom } from "./seeded-random.ts";
import { createTestServer, type TestServer, type TestServerOptions } from "./test-server.ts";
import { createVirtualClock, type VirtualClock } from "./virtual-clock.ts";

/** What is to end in one state, and how often that is tried. */
export interface ConvergenceOptions extends Pick<
  TestServerOptions,
  "domains" | "system" | "controllers" | "authenticator" | "authorizer" | "tenancy" | "config" | "log"
> {
  /**
   * What people do, in this order. One that is refused is done again a second later, as people do: its like may still be on its way out. Each must leave the same
   * behind however often it is done.
   */
  readonly changes: readonly ((client: Client) => Promise<unknown>)[];
  /** Runs that are tried, each with a seed of its own, from 1: 20 when absent. */
  readonly seeds?: number;
  /** Only this one: to repeat what failed. */
  readonly seed?: number;
  /** What is to be so in the end of each run; throws when it is not. */
  readonly check?: (server: TestServer) => void | Promise<void>;
  /** How long the controllers may take to come to rest once nothing goes wrong any more, in milliseconds of virtual time: 30 minutes when absent. */
  readonly restMs?: number;
}

const DEFAULT_SEEDS = 20;
const DEFAULT_REST_MS = 30 * 60 * 1_000;
/** Times that a change is tried, a second apart. */
const MAX_TRIES = 120;
const TRY_AGAIN_MS = 1_000;
/** Between two changes passes up to so much time. */
const MAX_PAUSE_MS = 400;
/** The part of the changes that the next follows at once. */
const NO_PAUSE = 0.4;
/** The part of the pauses in which the controllers are killed, and of the calls that get lost. Each is none for half of the seeds: what one disturbance heals, another run shows. */
const RESTART = 0.3;
const LOST = 0.1;
const REST_STEP_MS = 5_000;
/** Resources that are shown of those that differ. */
const SHOWN = 3;

/** What one run is disturbed by. */
interface Disturbance {
  readonly clock: VirtualClock;
  readonly random: Random;
  /** The part of the pauses in which the controllers are killed. */
  readonly restarts: number;
}

/**
 * Does the same changes many times over, on virtual time: once with five seconds of rest after each, and then with a seed that decides in which order names and timers are taken, how long
 * calls and watches take and which are lost, when controllers are killed and started again, and how fast change follows change. Resolves when all end with the same
 * resources stored; of those uids, versions, generations and times do not count. Rejects with an Error that names the seed that repeats what failed, and with a TypeError for
 * seeds that are none.
 */
export async function converges(options: ConvergenceOptions): Promise<void> {
  const { seeds = DEFAULT_SEEDS, seed } = options;
  for (const [part, value] of Object.entries({ seeds, seed }))
    if (value !== undefined && !(Number.isInteger(value) && value >= 1))
      throw new TypeError(`${part} must be a whole number from 1, found ${value}`);
  const expected = await told("the run that nothing disturbs", () => runOnce(options, undefined));
  const tried = seed === undefined ? Array.from({ length: seeds }, (_, at) => at + 1) : [seed];
  for (const one of tried) {
    const found = await told(`seed ${one} (repeat it with { seed: ${one} })`, () => runOnce(options, one));
    const difference = differences(expected, found, SHOWN);
    if (difference !== undefined)
      throw new Error(
        `seed ${one} ends in another state than the run that nothing disturbs; repeat it with { seed: ${one} }:\n${difference}`,
      );
  }
}

async function told<Result>(run: string, of: () => Promise<Result>): Promise<Result> {
  try {
    return await of();
  } catch (cause) {
    throw new Error(`${run}: ${(cause as Partial<Error> | undefined)?.message ?? String(cause)}`, { cause });
  }
}

async function runOnce(options: ConvergenceOptions, seed: number | undefined): Promise<EndState> {
  const { domains, changes, check, restMs = DEFAULT_REST_MS } = options;
  const random = seededRandom(seed ?? 0);
  const order = seed === undefined ? undefined : random;
  const clock = createVirtualClock(order === undefined ? {} : { order });
  const restarts = random() < 0.5 ? 0 : RESTART;
  const likelihood = random() < 0.5 ? 0 : LOST;
  const faults = seed === undefined ? undefined : randomFaults({ clock, random, likelihood });
  const server = createTestServer({ ...options, clock, random, order, controllerFaults: faults });
  try {
    for (const change of changes) {
      await carryOut(change, server.client, clock);
      if (faults === undefined) await clock.advance(REST_STEP_MS);
      else await pause(server, { clock, random, restarts });
    }
    faults?.end();
    await comeToRest(server, clock, restMs);
    await check?.(server);
    return await readEndState(
      server.backend,
      domains.flatMap(({ types }) => types),
    );
  } finally {
    faults?.end();
    await server.close();
  }
}

async function carryOut(
  change: ConvergenceOptions["changes"][number],
  client: Client,
  clock: VirtualClock,
): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await change(client);
      return;
    } catch (error) {
      if (tries === MAX_TRIES) throw error;
      await clock.advance(TRY_AGAIN_MS);
    }
  }
}

async function pause(server: TestServer, { clock, random, restarts }: Disturbance): Promise<void> {
  if (random() < NO_PAUSE) return;
  await clock.advance(Math.floor(random() * MAX_PAUSE_MS));
  if (random() < restarts) await server.restart();
}

/** Lets time pass until nobody has anything left to do. Throws what `settled` says when that takes too long. */
async function comeToRest(server: TestServer, clock: VirtualClock, restMs: number): Promise<void> {
  for (let passedMs = 0; ; passedMs += REST_STEP_MS) {
    try {
      await server.settled();
      return;
    } catch (error) {
      if (passedMs >= restMs) throw error;
      await clock.advance(REST_STEP_MS);
    }
  }
}
