import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import demo from "@trellis/demo";
import { errorReason } from "@trellis/resource";
import { createTestServer, seededRandom } from "@trellis/testing";

import type { StorePosition } from "./client.ts";
import {
  Album,
  Artist,
  createSetup,
  failure,
  Follower,
  rejection,
  type Setup,
} from "./test-support/setup.ts";

let setup: Setup;
let followers: Follower[] = [];
beforeEach(() => {
  setup = createSetup({ historyCommits: 8 });
});
afterEach(async () => {
  for (const follower of followers) await follower.stop();
  followers = [];
  await setup.close();
});

function follow(...args: ConstructorParameters<typeof Follower> extends [unknown, ...infer R] ? R : never) {
  const follower = new Follower(setup.client, ...args);
  followers.push(follower);
  return follower;
}
const write = (name: string, artist = "x") =>
  setup.server.client.write(Artist, { name, data: { name: artist } });
const remove = (name: string) => setup.server.client.delete(Artist, { name });
/** Several changes in one commit. */
const writeTogether = (...names: string[]) =>
  setup.server.client.resources.transact({
    operations: names.map((name) => ({
      operation: { case: "write", value: { resource: draft(name) } },
    })),
  });
function draft(name: string) {
  const { group, groupVersion, kind, schema } = Artist;
  return {
    id: { type: { group, groupVersion, kind }, name },
    data: {
      typeUrl: `type.googleapis.com/${schema.typeName}`,
      value: Uint8Array.of(10, 1, 120),
    },
  };
}
const cut = () => new ConnectError("the connection was cut", Code.Unavailable);

describe("a watch", () => {
  it("begins with what is there, says when that is all, and goes on with what happens", async () => {
    await write("a");
    const watch = follow();
    await setup.clock.flush();
    expect(watch.news()).toEqual(["upsert a x", "endOfSnapshot"]);
    await write("b");
    await remove("a");
    await setup.clock.flush();
    expect(watch.news()).toEqual(["upsert b x", "delete a"]);
  });

  it("tells a resource that leaves its selector as deleted, as it was when it was last chosen", async () => {
    const watch = follow({ selector: "on=tour" });
    await setup.clock.flush();
    const put = (on: string) =>
      setup.server.client.write(Artist, { name: "a", metadata: { on }, data: { name: on } });
    await put("tour");
    await put("leave");
    await setup.clock.flush();
    expect(watch.news()).toEqual(["endOfSnapshot", "upsert a tour", "delete a"]);
    expect(watch.items.at(-1)).toMatchObject({ resource: { data: { name: "tour" } } });
  });

  it("throws what another try would meet again", async () => {
    const watch = follow({ selector: "=" });
    expect(errorReason(await watch.ended)).toBe("INVALID_REQUEST");
    setup.faults = {
      request() {
        throw failure("PERMISSION_DENIED");
      },
    };
    expect(errorReason(await follow().ended)).toBe("PERMISSION_DENIED");
  });

  it("tells how far it has come, once everything up to there was taken", async () => {
    const reached: StorePosition[] = [];
    const taken: string[] = [];
    const stop = new AbortController();
    const reading = (async () => {
      for await (const item of setup.client.watch(
        Artist,
        {},
        { signal: stop.signal, onPosition: (position) => reached.push(position) },
      ))
        taken.push(`${item.kind} after ${reached.length}`);
    })();
    await setup.clock.flush();
    const { version } = await writeTogether("a", "b");
    await setup.clock.flush();
    expect(taken).toEqual(["endOfSnapshot after 0", "upsert after 1", "upsert after 1"]);
    expect(reached.map((position) => position.version).slice(1)).toEqual([version]);
    stop.abort();
    await reading;
  });
});

describe("a watch that is cut", () => {
  it("resumes where it was and tells what happened meanwhile, once", async () => {
    await write("a");
    const watch = follow();
    await setup.clock.flush();
    setup.faults = {
      message() {
        throw cut();
      },
    };
    await write("b");
    await setup.clock.flush();
    await write("c");
    await remove("a");
    setup.faults = {};
    await setup.clock.advance(100);
    expect(watch.news()).toEqual(["upsert a x", "endOfSnapshot", "upsert b x", "upsert c x", "delete a"]);
    expect(watch.interrupts).toHaveLength(1);
  });

  it("gets a commit that was cut in two again whole, and yields each part once", async () => {
    const watch = follow();
    await setup.clock.flush();
    setup.faults = {
      message(_, index) {
        if (index === 2) throw cut();
      },
    };
    await writeTogether("a", "b", "c", "d");
    await setup.clock.flush();
    expect(watch.news()).toEqual(["endOfSnapshot", "upsert a x"]);
    setup.faults = {};
    await setup.clock.advance(100);
    expect(watch.news()).toEqual(["upsert b x", "upsert c x", "upsert d x"]);
  });

  it("within its snapshot begins the snapshot again, and yields only what is new", async () => {
    await write("a");
    await write("b");
    setup.faults = {
      message(_, index) {
        if (index === 1) throw cut();
      },
    };
    const watch = follow();
    await setup.clock.flush();
    expect(watch.news()).toEqual(["upsert a x"]);
    await write("b", "new");
    await remove("a");
    setup.faults = {};
    await setup.clock.advance(100);
    expect(watch.news()).toEqual(["upsert b new", "delete a", "endOfSnapshot"]);
  });

  it("waits longer between tries while they fail, and no longer than ten seconds", async () => {
    const times: number[] = [];
    setup.faults = {
      request() {
        times.push(setup.clock.monotonic());
        throw cut();
      },
    };
    follow();
    await setup.clock.advance(60_000);
    const waits = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    expect(waits[0]).toBeLessThanOrEqual(50);
    expect(Math.max(...waits)).toBeGreaterThan(5_000);
    expect(Math.max(...waits)).toBeLessThanOrEqual(10_000);
  });

  it("is opened again when the server ends it without a word, and waits as long as a server asks", async () => {
    setup.faults = {
      request() {
        throw failure("SHUTTING_DOWN", undefined, 2_000);
      },
    };
    const watch = follow();
    await setup.clock.flush();
    setup.faults = {};
    await setup.clock.advance(1_900);
    expect(watch.news()).toEqual([]);
    await setup.clock.advance(200);
    expect(watch.news()).toEqual(["endOfSnapshot"]);
  });
});

describe("a watch that cannot resume", () => {
  it("lists again after the history is gone, and makes up the deletes that it missed", async () => {
    for (const name of ["a", "b", "c"]) await write(name);
    const watch = follow();
    await setup.clock.flush();
    watch.news();
    setup.faults = {
      message() {
        throw cut();
      },
    };
    await remove("a");
    await setup.clock.flush();
    await write("b", "new");
    for (let commit = 0; commit < 10; commit++) await write("d", `v${commit}`);
    setup.faults = {};
    await setup.clock.advance(1_000);
    expect(watch.news()).toEqual(["upsert b new", "upsert d v9", "delete a"]);
    expect(watch.interrupts.map(errorReason)).toEqual([undefined, "HISTORY_GONE"]);
  });

  it("lists again in another store, and takes nothing there for known but what is the same", async () => {
    await write("a");
    await write("b");
    const watch = follow();
    await setup.clock.flush();
    watch.news();
    const restored = createTestServer({
      domains: [demo],
      controllers: [],
      clock: setup.clock,
      random: seededRandom(5),
    });
    await restored.client.write(Artist, { name: "b", data: { name: "restored" } });
    setup.faults = {
      message() {
        throw cut();
      },
    };
    await write("c");
    await setup.clock.flush();
    setup.faults = {};
    setup.reaches = restored;
    await setup.clock.advance(1_000);
    expect(watch.news()).toEqual(["delete b", "upsert b restored", "delete a"]);
    await restored.client.write(Artist, { name: "c", data: { name: "new" } });
    await setup.clock.flush();
    expect(watch.news()).toEqual(["upsert c new"]);
    await watch.stop();
    await restored.close();
  });

  it("tells the end of an incarnation that was deleted and created again in the gap", async () => {
    await write("a", "first");
    const watch = follow();
    await setup.clock.flush();
    watch.news();
    setup.faults = {
      message() {
        throw failure("AUTHORIZATION_CHANGED");
      },
    };
    await remove("a");
    await setup.clock.flush();
    await write("a", "second");
    setup.faults = {};
    await setup.clock.advance(1_000);
    expect(watch.news()).toEqual(["delete a", "upsert a second"]);
  });

  it("lists again with its new rights when they change, and tells what it may see and may no longer see", async () => {
    await write("a");
    await write("b");
    const listeners = new Set<() => void>();
    let hidden = "b";
    const reaches = createTestServer({
      domains: [demo],
      controllers: [],
      clock: setup.clock,
      backend: { ...setup.backend, close: async () => undefined },
      authorizer: {
        decide({ verb, resource }) {
          if (verb !== "read") return { decision: "allow" };
          if (resource === undefined) return { decision: "needsResource" };
          return resource.id?.name === hidden
            ? { decision: "deny", reason: "hidden" }
            : { decision: "allow" };
        },
        onChange(_, changed) {
          listeners.add(changed);
          return () => listeners.delete(changed);
        },
      },
    });
    setup.reaches = reaches;
    const watch = follow();
    await setup.clock.flush();
    expect(watch.news()).toEqual(["upsert a x", "endOfSnapshot"]);
    hidden = "a";
    for (const changed of listeners) changed();
    await setup.clock.advance(1_000);
    expect(watch.news()).toEqual(["upsert b x", "delete a"]);
    expect(watch.interrupts.map(errorReason)).toEqual(["AUTHORIZATION_CHANGED"]);
    await watch.stop();
    await reaches.close();
  });

  it("goes on after it was too slow, from where it was read to", async () => {
    const watch = follow();
    await setup.clock.flush();
    let slow = true;
    setup.faults = {
      message() {
        if (!slow) return;
        slow = false;
        throw failure("SLOW_WATCHER", undefined, 1_000);
      },
    };
    await write("a");
    await setup.clock.advance(2_000);
    expect(watch.news()).toEqual(["endOfSnapshot", "upsert a x"]);
  });
});

describe("the end of a watch", () => {
  const open = () => setup.backend.figures().watches;

  it("by break closes the server's watch", async () => {
    await write("a");
    for await (const item of setup.client.watch(Artist)) {
      expect(item.kind).toBe("upsert");
      expect(open()).toBe(1);
      break;
    }
    await setup.clock.flush();
    expect(open()).toBe(0);
  });

  it("by return while it waits for the next event", async () => {
    const items = setup.client.watch(Artist)[Symbol.asyncIterator]();
    expect((await items.next()).value).toEqual({ kind: "endOfSnapshot" });
    const next = items.next();
    await setup.clock.flush();
    await items.return?.();
    expect(await next).toMatchObject({ done: true });
    expect(await items.next()).toMatchObject({ done: true });
    await setup.clock.flush();
    expect(open()).toBe(0);
  });

  it("by its signal is no error, whether it waits for an event or to be opened again", async () => {
    const watch = follow();
    await setup.clock.flush();
    expect(await watch.stop()).toBe("done");
    await setup.clock.flush();
    expect(open()).toBe(0);
    setup.faults = {
      request() {
        throw failure("UNAVAILABLE", undefined, 60_000);
      },
    };
    const waiting = follow();
    await setup.clock.flush();
    expect(await waiting.stop()).toBe("done");
  });

  it("by the end of its client", async () => {
    const stop = new AbortController();
    const watch = new Follower(setup.connect({ signal: stop.signal }));
    await setup.clock.flush();
    stop.abort();
    expect(await watch.ended).toBe("done");
    await setup.clock.flush();
    expect(open()).toBe(0);
  });

  it("by an error of its reader closes the server's watch", async () => {
    const reading = async (): Promise<void> => {
      for await (const item of setup.client.watch(Artist)) throw new Error(item.kind);
    };
    expect(await rejection(reading())).toMatchObject({ message: "endOfSnapshot" });
    await setup.clock.flush();
    expect(open()).toBe(0);
  });

  it("by data that is not of the type is told to its reader, and closes the server's watch", async () => {
    await write("a");
    const wrong = { ...Artist, schema: Album.schema };
    const reading = async (): Promise<void> => {
      for await (const item of setup.client.watch(wrong)) expect(item).toBeUndefined();
    };
    expect(await rejection(reading())).toMatchObject({ name: "DataError" });
    await setup.clock.flush();
    expect(open()).toBe(0);
  });

  it("leaves the iterable usable: each iteration is a watch of its own", async () => {
    const watch = setup.client.watch(Artist);
    for (let round = 0; round < 2; round++) {
      for await (const item of watch) {
        expect(item.kind).toBe("endOfSnapshot");
        break;
      }
    }
  });
});
