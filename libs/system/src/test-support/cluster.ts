import type { Client } from "@trellis/client";
import { type ControllerRuntime, createControllerRuntime } from "@trellis/controller/runtime";
import demo from "@trellis/demo";
import type { Backend } from "@trellis/storage";
import { createMemoryBackend } from "@trellis/storage-memory";
import { createVirtualClock, seededRandom, type VirtualClock } from "@trellis/testing";

import { serveResources, systemControllers } from "../index.ts";

/** A server with the system's types, as a gateway serves them, and clients with and without the cluster's secret. */
export interface Cluster {
  readonly backend: Backend;
  readonly clock: VirtualClock;
  /** A caller like any other. */
  readonly client: Client;
  /** The system. */
  readonly system: Client;
  /** Runs the system's controllers, as one controller manager does. */
  startControllers(): ControllerRuntime;
  /** Lets everything run until no controller has anything to do, moving time on for what waits for it. */
  settle(): Promise<void>;
  stop(): Promise<void>;
}

/** Virtual seconds after which controllers have come to rest, or never will. */
const MAX_SETTLE_SECONDS = 3_600;

const silent = { debug: ignore, info: ignore, warn: ignore, error: ignore };
function ignore(): void {
  // Tests look at what is stored, not at what is logged.
}

/** Starts a server with the default tenancy. */
export async function startCluster(): Promise<Cluster> {
  const clock = createVirtualClock();
  const random = seededRandom(1);
  const backend = createMemoryBackend({ clock, random });
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
    startControllers() {
      const runtime = createControllerRuntime({
        client: systemClient,
        controllers: systemControllers({ clock }),
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
