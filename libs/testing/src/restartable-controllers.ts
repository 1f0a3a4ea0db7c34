import type { Transport } from "@connectrpc/connect";
import { createClient } from "@trellis/client";
import type { AnyController, ControllerLog } from "@trellis/controller";
import { type ControllerRuntime, createControllerRuntime } from "@trellis/controller/runtime";
import type { Clock, Random } from "@trellis/resource";

import { isVirtual, type VirtualClock } from "./virtual-clock.ts";

/** What controllers of a test run on. */
export interface RestartableOptions {
  readonly transport: Transport;
  /** Sent with each of their calls. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly controllers: readonly AnyController[];
  readonly clock: Clock;
  readonly random: Random;
  /** Spreads their retries and resyncs: not at all when absent. */
  readonly spread?: Random | undefined;
  /** Decides which of the names that are ready is taken next. */
  readonly order?: Random | undefined;
  readonly log: ControllerLog;
}

/** Controllers that run as in a process of their own, which can be killed and started again. */
export interface RestartableControllers {
  /** What runs them now. */
  readonly runtime: ControllerRuntime;
  /** Ends them where they stand, and runs them anew. */
  restart(): Promise<void>;
  /** Lets what is under way come to its end, and ends them. */
  stop(): Promise<void>;
}

/** What a controller may take to stop, and more. */
const STOP_MS = 10_000;

/** Starts controllers. */
export function startControllers(options: RestartableOptions): RestartableControllers {
  let current = startOnce(options);
  const stop = (): Promise<void> => stopped(current.runtime, options.clock);
  return {
    get runtime() {
      return current.runtime;
    },
    async restart() {
      current.killed.abort();
      await stop();
      current = startOnce(options);
    },
    async stop() {
      await stop();
      current.killed.abort();
    },
  };
}

function startOnce({
  transport,
  headers = {},
  controllers,
  clock,
  random,
  spread,
  order,
  log,
}: RestartableOptions) {
  const killed = new AbortController();
  const client = createClient({ transport, clock, random, headers, signal: killed.signal });
  const runtime = createControllerRuntime({ client, controllers, clock, random: spread, order, log });
  runtime.start();
  return { killed, runtime };
}

async function stopped(runtime: ControllerRuntime, clock: Clock): Promise<void> {
  const end = runtime.stop();
  if (isVirtual(clock)) await letTimePass(clock, end);
  await end;
}

/** Where time stands still, a controller that does not stop by itself would never run out of it. */
async function letTimePass(clock: VirtualClock, end: Promise<unknown>): Promise<void> {
  let done = false;
  void end.then(() => (done = true));
  await clock.flush();
  if (!done) await clock.advance(STOP_MS);
}
