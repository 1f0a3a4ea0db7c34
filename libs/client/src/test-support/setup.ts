import { expect } from "@jest/globals";
import demo, { v2 } from "@trellis/demo";
import { apiError, type Reason, type TypedResource } from "@trellis/resource";
import { createMemoryBackend, type MemoryBackend, type StoreLimits } from "@trellis/storage-memory";
import {
  createFaultyTransport,
  createTestServer,
  createVirtualClock,
  type Faults,
  seededRandom,
  type TestServer,
  type VirtualClock,
} from "@trellis/testing";

import type { Client, WatchItem } from "../client.ts";
import { type ClientOptions, createClient } from "../create-client.ts";

export const { Artist, Album } = v2;

/** A server without controllers, and a client whose network and time are in the test's hands. */
export interface Setup {
  readonly server: TestServer;
  readonly backend: MemoryBackend;
  readonly clock: VirtualClock;
  /** What goes wrong from now on; nothing at first. */
  faults: Faults;
  /** The server that calls reach: the setup's own at first. */
  reaches: TestServer;
  readonly client: Client;
  /** Another client of the same network. */
  connect(options?: Partial<ClientOptions>): Client;
  close(): Promise<void>;
}

/** Starts all of it. */
export function createSetup(limits?: Partial<StoreLimits>, seed = 1): Setup {
  const clock = createVirtualClock();
  const random = seededRandom(seed);
  const backend = createMemoryBackend({ clock, random }, limits);
  const server = createTestServer({ domains: [demo], controllers: [], clock, random, backend });
  const network = createFaultyTransport(
    {
      unary: (...call) => setup.reaches.transport.unary(...call),
      stream: (...call) => setup.reaches.transport.stream(...call),
    },
    {
      request: (call) => setup.faults.request?.(call),
      answer: (call) => setup.faults.answer?.(call),
      message: (call, index) => setup.faults.message?.(call, index),
    },
  );
  const connect = (options: Partial<ClientOptions> = {}): Client =>
    createClient({ transport: network, clock, random, ...options });
  const setup: Setup = {
    server,
    backend,
    clock,
    faults: {},
    reaches: server,
    client: connect(),
    connect,
    close: () => server.close(),
  };
  return setup;
}

/** An error as the API has it. */
export function failure(reason: Reason, applied?: "no" | "unknown", retryAfterMs?: number) {
  const metadata = applied === undefined ? {} : { applied };
  return apiError({ reason, message: `a test wants ${reason}`, metadata, retryAfterMs });
}

/** A function that throws each of the errors once, then nothing; counts its calls. */
export function throwing(...errors: readonly unknown[]): (() => void) & { calls: number } {
  const fault = (): void => {
    fault.calls += 1;
    const error = errors[fault.calls - 1];
    if (error !== undefined) throw error;
  };
  fault.calls = 0;
  return fault;
}

/** An item of a watch in words: `upsert korn@3`, `delete korn`, `endOfSnapshot`. */
export function words<T extends WatchItem<never> | WatchItem<typeof Artist.schema>>(item: T): string {
  if (item.kind === "endOfSnapshot") return item.kind;
  const { id, data } = item.resource as TypedResource<typeof Artist.schema>;
  return item.kind === "upsert" ? `upsert ${id.name} ${data.name}`.trimEnd() : `delete ${id.name}`;
}

/** A watch that a test reads as far as it has come. */
export class Follower {
  readonly words: string[] = [];
  readonly items: WatchItem<typeof Artist.schema>[] = [];
  readonly interrupts: unknown[] = [];
  readonly #stop = new AbortController();
  readonly ended: Promise<unknown>;

  constructor(client: Client, query: Parameters<Client["watch"]>[1] = {}) {
    const watch = client.watch(Artist, query, {
      signal: this.#stop.signal,
      onInterrupt: (error) => this.interrupts.push(error),
    });
    this.ended = (async () => {
      for await (const item of watch) {
        this.items.push(item);
        this.words.push(words(item));
      }
      return "done";
    })().catch((error: unknown) => error);
  }

  /** What came since the last time. */
  news(): string[] {
    return this.words.splice(0);
  }

  stop(): Promise<unknown> {
    this.#stop.abort();
    return this.ended;
  }
}

/** Expects a promise to be rejected, and gives what with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  expect(outcome).toHaveProperty("error");
  return (outcome as { error: unknown }).error;
}
