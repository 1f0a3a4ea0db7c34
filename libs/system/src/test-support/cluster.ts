import type { Client } from "@trellis/client";
import type { AnyController } from "@trellis/controller";
import { type ControllerRuntime, createControllerRuntime } from "@trellis/controller/runtime";
import demo from "@trellis/demo";
import type { Backend } from "@trellis/storage";
import { createMemoryBackend } from "@trellis/storage-memory";
import { type LaggingBackend, laggingBackend } from "@trellis/testkit";
import { createVirtualClock, seededRandom, type VirtualClock } from "@trellis/testing";

import { serveResources, systemControllers } from "../index.ts";

/** A server with the system's types, as a gateway serves them, and clients with and without the cluster's secret. */
export interface Cluster<B extends Backend = Backend> {
  readonly backend: B;
  readonly clock: VirtualClock;
  /** A caller like any other. */
  readonly client: Client;
  /** The system. */
  readonly system: Client;
  /** Runs the system's controllers, or only some, as one controller manager does. */
  startControllers(options?: ControllersOptions): ControllerRuntime;
  /** Lets everything run until no controller has anything to do, moving time on for what waits for it. */
  settle(): Promise<void>;
  stop(): Promise<void>;
}

/** What differs from a manager of all the system's controllers. */
export interface ControllersOptions {
  readonly controllers?: readonly AnyController[];
  /** Through which they reach the server. */
  readonly client?: Client;
}

/** Virtual seconds after which controllers have come to rest, or never will. */
const MAX_SETTLE_SECONDS = 3_600;

const silent = { debug: ignore, info: ignore, warn: ignore, error: ignore };
function ignore(): void {
  // Tests look at what is stored, not at what is logged.
}

/** Starts a server with the default tenancy. */
export function startCluster(): Promise<Cluster> {
  return startClusterOn((backend) => backend);
}

/** Starts a server on a replica that lags behind the store as a test says; until it says so, it does not. */
export function startLaggingCluster(): Promise<Cluster<LaggingBackend>> {
  return startClusterOn(laggingBackend);
}

async function startClusterOn<B extends Backend>(replicaOf: (store: Backend) => B): Promise<Cluster<B>> {
  const clock = createVirtualClock();
  const random = seededRandom(1);
  const backend = replicaOf(createMemoryBackend({ clock, random }));
  const { part, client, systemClient } = serveResources({
    backend,
    domains: [demo],
    processSecret: "the secret of a test's process",
    clock,
    random,
  });
  const runtimes: ControllerRuntime[] = [];
  await part.start();

  return {
    backend,
    clock,
    client,
    system: systemClient,
    startControllers({ controllers = systemControllers({ clock }), client: reached = systemClient } = {}) {
      const runtime = createControllerRuntime({
        client: reached,
        controllers,
        clock,
        log: silent,
      });
      runtimes.push(runtime);
      runtime.start();
      return runtime;
    },
    async settle() {
      for (let second = 0, calm = 0; calm < 3; second++) {
        if (second === MAX_SETTLE_SECONDS) throw new Error("the system's controllers did not come to rest");
        const { version } = backend.position();
        await clock.advance(1_000);
        const idle = runtimes.every((runtime) => runtime.status().idle);
        calm = idle && backend.position().version === version ? calm + 1 : 0;
      }
    },
    async stop() {
      await Promise.all(runtimes.map((runtime) => runtime.stop()));
      await part.stop();
      await backend.close();
    },
  };
}
