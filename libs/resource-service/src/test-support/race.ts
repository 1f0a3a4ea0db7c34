import { systemClock } from "@trellis/resource";
import type { Backend, Operation } from "@trellis/storage";
import { createMemoryBackend } from "@trellis/storage-memory";

import { createFixture, type Fixture } from "./fixture.ts";

/** What happens when, and how often, in a race. */
export interface Race<T> {
  readonly setUp?: (fixture: Fixture) => Promise<unknown>;
  /** What a slow caller does. */
  readonly deed: (fixture: Fixture) => Promise<T>;
  /** What happens between its read and its commit, through another server of the store: within one they would take turns. */
  readonly meanwhile: (fixture: Fixture, attempt: number) => Promise<unknown>;
  /** At how many of its commits; one when absent. */
  readonly times?: number;
}

/** Runs a deed while, between its read and its commit, something else happens. */
export async function race<T>({ setUp, deed, meanwhile, times = 1 }: Race<T>): Promise<T> {
  const backend = createMemoryBackend({ clock: systemClock, random: Math.random });
  let left = 0;
  let attempt = 0;
  const interrupted: Backend = {
    ...backend,
    async commit(operations: readonly Operation[], options) {
      if (left > 0) {
        const remaining = left - 1;
        left = 0;
        await meanwhile(other, ++attempt);
        left = remaining;
      }
      return await backend.commit(operations, options);
    },
  };
  const fixture = createFixture({ backend: interrupted, random: () => 0 });
  const other = createFixture({ backend });
  try {
    await setUp?.(fixture);
    left = times;
    return await deed(fixture);
  } finally {
    left = 0;
    await other.server.close();
    await fixture.server.close();
  }
}
