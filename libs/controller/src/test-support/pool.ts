import { createClient } from "@trellis/client";
import demo from "@trellis/demo";
import {
  createFaultyTransport,
  createTestServer,
  createVirtualClock,
  type Faults,
  type NetworkCall,
  seededRandom,
} from "@trellis/testing";

import type { ControllerLog } from "../log.ts";
import { type Caches, type CacheShare, type CacheWanted, createCaches } from "../runtime/caches.ts";
import type { LogLine } from "./run.ts";

/** A pool of caches of a server in memory, on virtual time, without controllers. */
export function createPool() {
  const clock = createVirtualClock();
  const lines: LogLine[] = [];
  const line = (level: string) => (fields: object, message: string) =>
    void lines.push({ level, fields: fields as Record<string, unknown>, message });
  const log: ControllerLog = {
    debug: line("debug"),
    info: line("info"),
    warn: line("warn"),
    error: line("error"),
  };
  const server = createTestServer({ domains: [demo], controllers: [], clock });
  const faults: Faults = {};
  let watches = 0;
  const transport = createFaultyTransport(server.transport, {
    request(call: NetworkCall) {
      if (call.method === "WatchList") watches += 1;
      return faults.request?.(call);
    },
    message: (call, index) => faults.message?.(call, index),
  });
  const closed = new AbortController();
  const client = createClient({ transport, clock, random: seededRandom(1), signal: closed.signal });
  const caches: Caches = createCaches({ client, clock, log });
  return {
    client: server.client,
    clock,
    caches,
    faults,
    lines,
    /** Watches opened so far. */
    watches: () => watches,
    /** Takes a share and waits until it shows everything. */
    async share(wanted: CacheWanted): Promise<CacheShare> {
      const share = caches.acquire(wanted);
      share.start();
      await clock.flush();
      return share;
    },
    async close(): Promise<void> {
      closed.abort();
      await server.close();
    },
  };
}

export type Pool = ReturnType<typeof createPool>;
