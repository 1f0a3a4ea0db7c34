import { Code } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { errorRetryAfterMs, systemClock } from "@trellis/resource";
import { type Backend, StorageError } from "@trellis/storage";
import { createMemoryBackend } from "@trellis/storage-memory";
import { createVirtualClock } from "@trellis/testing";

import {
  album,
  artist,
  Artist,
  createFixture,
  expectError,
  type Fixture,
  id,
  stored,
  ULID,
  withFixture,
} from "./test-support/fixture.ts";
import { createWatches, eventually } from "./test-support/watching.ts";

let fixture: Fixture;
const watches = createWatches();
beforeEach(() => {
  fixture = createFixture();
});
afterEach(async () => {
  watches.stopAll();
  await fixture.server.close();
});

const write = (name = "korn") => fixture.rpc.write({ resource: artist(name) });

/** A store that can be replaced as by a restore, which ends its watches. */
function replaceable(): Backend & { restore(storeId?: string): void } {
  const make = () => createMemoryBackend({ clock: systemClock, random: Math.random });
  let current = make();
  let storeId: string | undefined;
  return {
    capabilities: current.capabilities,
    position: () => ({ ...current.position(), ...(storeId === undefined ? {} : { storeId }) }),
    read: (key, options) => current.read(key, options),
    list: (query, options) => current.list(query, options),
    commit: (operations, options) => current.commit(operations, options),
    watch: (query, options) => current.watch(query, options),
    close: () => current.close(),
    restore(id) {
      const former = current;
      storeId = id;
      current = make();
      void former.close();
    },
  };
}

describe("a watch that resumes", () => {
  it("tells what happened since, then that it reached the present", async () => {
    const first = await stored(write("a"));
    await write("b");
    await fixture.rpc.delete({ id: id(Artist, "a") });
    const events = watches.open(fixture.rpc, { sinceVersion: first.version });
    expect(await events.words(3)).toEqual(["upsert b", "delete a DELETED", "endOfSnapshot"]);
  });

  it("puts the version on the last event of a commit only, which is then sent again whole", async () => {
    const events = watches.open(fixture.rpc);
    const { version: start } = await events.next();
    const operation = (name: string) => ({
      operation: { case: "write" as const, value: { resource: artist(name) } },
    });
    const { version } = await fixture.rpc.transact({ operations: [operation("a"), operation("b")] });
    expect([(await events.next()).version, (await events.next()).version]).toEqual(["", version]);
    const again = watches.open(fixture.rpc, { sinceVersion: start });
    expect(await again.words(3)).toEqual(["upsert a", "upsert b", "endOfSnapshot"]);
  });

  it("learns that the history does not reach so far", async () => {
    const random = Math.random;
    const backend = createMemoryBackend({ clock: systemClock, random }, { historyCommits: 1 });
    await withFixture({ backend }, async ({ rpc }) => {
      const first = await stored(rpc.write({ resource: artist("a") }));
      for (const name of ["b", "c", "d"]) await rpc.write({ resource: artist(name) });
      const events = watches.open(rpc, { sinceVersion: first.version });
      await expectError(events.next(), Code.OutOfRange, "HISTORY_GONE");
    });
  });

  it("learns that the store is another, whether or not it asks for a minimum", async () => {
    const { version: sinceVersion } = await stored(write());
    const store = { "trellis-store": ULID };
    for (const headers of [store, { ...store, "trellis-min-version": sinceVersion }]) {
      const events = watches.open(fixture.rpc, { sinceVersion }, headers);
      await expectError(events.next(), Code.OutOfRange, "STORE_CHANGED");
    }
  });
});

describe("a watch from the beginning", () => {
  it("shows at least what its caller asks for: it waits for it", async () => {
    const { storeId, version } = fixture.server.backend.position();
    const headers = { "trellis-store": storeId, "trellis-min-version": String(version + 1) };
    const events = watches.open(fixture.rpc, {}, headers);
    const first = events.words(2);
    await write();
    expect(await first).toEqual(["upsert korn", "endOfSnapshot"]);
  });

  it("is refused for a minimum of another store", async () => {
    const headers = { "trellis-store": ULID, "trellis-min-version": "1" };
    const events = watches.open(fixture.rpc, {}, headers);
    await expectError(events.next(), Code.OutOfRange, "STORE_CHANGED");
  });
});

describe("a quiet watch", () => {
  it("gets bookmarks when it asks for them, which other resources move on", async () => {
    const clock = createVirtualClock();
    await withFixture({ clock, config: { bookmarkIntervalMs: 1_000 } }, async ({ rpc }) => {
      const events = watches.open(rpc, { bookmarks: true });
      await events.next();
      const { version } = await stored(rpc.write({ resource: album() }));
      const bookmark = events.next();
      await clock.advance(1_000);
      expect(await bookmark).toMatchObject({ event: { case: "bookmark" }, version });
    });
  });

  it("gets none when it does not ask for them", async () => {
    const clock = createVirtualClock();
    await withFixture({ clock, config: { bookmarkIntervalMs: 1_000 } }, async ({ rpc }) => {
      const events = watches.open(rpc);
      await events.next();
      const next = events.words(1);
      await clock.advance(5_000);
      await rpc.write({ resource: artist() });
      expect(await next).toEqual(["upsert korn"]);
    });
  });
});

describe("a watch that the server ends", () => {
  it("T338: for a restored store, says so, and a new one shows what was restored", async () => {
    const backend = replaceable();
    await withFixture({ backend }, async ({ rpc }) => {
      await rpc.write({ resource: artist("lost") });
      const events = watches.open(rpc);
      await events.words(2);
      const next = events.next();
      backend.restore();
      await expectError(next, Code.Aborted, "STORE_CHANGED");
      await rpc.write({ resource: artist("restored") });
      expect(await watches.open(rpc).words(2)).toEqual(["upsert restored", "endOfSnapshot"]);
    });
  });

  it("for the same store on other data, as after a snapshot of a leader, may resume", async () => {
    const backend = replaceable();
    await withFixture({ backend }, async ({ rpc }) => {
      const events = watches.open(rpc);
      await events.next();
      const next = events.next();
      backend.restore(backend.position().storeId);
      const error = await expectError(next, Code.Unavailable, "UNAVAILABLE", "resume");
      expect(errorRetryAfterMs(error)).toBe(1_000);
    });
  });

  it("beyond the limit, is refused, and makes room when it ends", async () => {
    await withFixture({ config: { maxWatches: 1 } }, async ({ rpc }) => {
      const first = watches.open(rpc);
      await first.next();
      const error = await expectError(
        watches.open(rpc).next(),
        Code.ResourceExhausted,
        "LIMIT_REACHED",
        "1 watches are open",
      );
      expect(errorRetryAfterMs(error)).toBe(1_000);
      first.stop();
      await eventually(async () => expect(await watches.open(rpc).words(1)).toEqual(["endOfSnapshot"]));
    });
  });

  it("when storage refuses it, takes no room", async () => {
    const backend = createMemoryBackend({ clock: systemClock, random: Math.random });
    let refusing = true;
    const opening: typeof backend.watch = (query, options) => {
      if (refusing) throw new StorageError("unavailable", "no leader");
      return backend.watch(query, options);
    };
    const config = { maxWatches: 1 };
    await withFixture({ backend: { ...backend, watch: opening }, config }, async ({ rpc }) => {
      await expectError(watches.open(rpc).next(), Code.Unavailable, "UNAVAILABLE", "no leader");
      refusing = false;
      expect(await watches.open(rpc).words(1)).toEqual(["endOfSnapshot"]);
    });
  });

  it("for its shutdown, gets a bookmark to resume from", async () => {
    // Storage outlives the service, so that it is the service that ends the watch.
    const backend = createMemoryBackend({ clock: systemClock, random: Math.random });
    const found = createFixture({ backend: { ...backend, close: async () => undefined } });
    await found.rpc.write({ resource: artist() });
    const events = watches.open(found.rpc, { bookmarks: true });
    await events.next();
    const { version } = await events.next();
    const [bookmark, end] = [events.next(), events.next()];
    const ended = expectError(end, Code.Unavailable, "SHUTTING_DOWN");
    await found.server.close();
    expect(await bookmark).toMatchObject({ event: { case: "bookmark" }, version });
    await ended;
    await backend.close();
  });
});
