import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { describe, expect, it } from "@jest/globals";
import { createVirtualClock } from "@trellis/testing";

import type { Cache } from "../cache.ts";
import type { Request } from "../controller.ts";
import { type SourceDefinition, type SourceOpening } from "../source.ts";
import { Album, request } from "../test-support/albums.ts";
import { MAX_STATES } from "./mapping-queue.ts";
import { MAX_WAITING_KEYS, SourceFeed } from "./source-feed.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

interface Event {
  readonly key?: string;
  readonly name: string;
  readonly token?: string;
}

/** A source that a test pushes events into, and ends as it likes. */
class Pushed {
  readonly openings: SourceOpening[] = [];
  #waiting: Event[] = [];
  #wake = (): void => undefined;
  #end: { readonly error?: unknown } | undefined;
  taken = 0;

  push(...events: readonly Event[]): void {
    this.#waiting.push(...events);
    this.#wake();
  }

  end(error?: unknown): void {
    this.#end = { error };
    this.#wake();
  }

  async *open(opening: SourceOpening): AsyncGenerator<Event> {
    this.openings.push(opening);
    for (;;) {
      const event = this.#waiting.shift();
      if (event !== undefined) {
        this.taken += 1;
        yield event;
        continue;
      }
      const end = this.#end;
      this.#end = undefined;
      if (end?.error !== undefined) throw end.error;
      if (end !== undefined) return;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

function create(
  map: (event: Event) => readonly Request[] | Promise<readonly Request[]> = ({ name }) => [request(name)],
  functions: Partial<Pick<SourceDefinition<Event>, "keyOf" | "tokenOf">> = {},
) {
  const clock = createVirtualClock();
  const pushed = new Pushed();
  const asked: string[] = [];
  const failures: unknown[] = [];
  const lines: string[] = [];
  let everything = 0;
  const line = (_: object, message: string): void => void lines.push(message);
  const definition: SourceDefinition<Event> = {
    name: "news",
    open: (opening) => pushed.open(opening),
    map: ({ event }) => map(event),
    keyOf: ({ key, name }) => key ?? name,
    tokenOf: ({ token }) => token,
    ...functions,
  };
  const feed = new SourceFeed(definition as unknown as SourceDefinition, {
    managed: Album,
    cache: {} as Cache,
    clock,
    random: () => 0,
    log: { debug: line, info: line, warn: line, error: line },
    enqueue: (requests) => asked.push(...requests.map(({ name }) => name)),
    enqueueAll: () => (everything += 1),
    failed: (error) => failures.push(error),
  });
  feed.start();
  return { clock, pushed, asked, failures, lines, feed, everything: () => everything };
}

describe("a source from outside", () => {
  it("C003: has each of its events mapped, also those that follow each other under one key", async () => {
    const { clock, pushed, asked } = create();
    pushed.push({ name: "korn" });
    await clock.flush();
    expect(asked).toEqual(["korn"]);
    pushed.push({ key: "k", name: "korn" }, { key: "k", name: "nobody" });
    await clock.flush();
    expect(asked).toEqual(["korn", "korn", "nobody"]);
  });

  it("is opened with the token of the last event that was taken", async () => {
    const { clock, pushed } = create();
    pushed.push({ name: "a", token: "1" }, { name: "b", token: "2" }, { name: "c" });
    await clock.flush();
    pushed.end();
    await clock.advance(500);
    expect(pushed.openings.map(({ token }) => token)).toEqual([undefined, "2"]);
    expect(pushed.openings[0]?.signal).not.toBe(pushed.openings[1]?.signal);
  });

  it("is opened again when it fails or ends, with growing waits, and what it has told is not lost", async () => {
    const { clock, pushed, asked, failures, lines } = create();
    for (const error of [new Error("cut"), undefined, new Error("cut again")]) {
      pushed.push({ name: "a" });
      pushed.end(error);
      await clock.advance(60_000);
    }
    expect(asked).toEqual(["a", "a", "a"]);
    expect(failures).toEqual([new Error("cut"), new Error("cut again")]);
    expect(lines).toHaveLength(3);
  });

  it("waits 500 ms, a second, two, before it is opened once more", async () => {
    const { clock, pushed } = create();
    const openedMs: number[] = [];
    for (let turn = 0; turn < 3; turn++) {
      await clock.flush();
      openedMs.push(clock.monotonic());
      pushed.end();
      const before = pushed.openings.length;
      while (pushed.openings.length === before) await clock.advance(100);
    }
    expect([openedMs, clock.monotonic()]).toEqual([[0, 500, 1_500], 3_500]);
  });

  it("has an event mapped again when its mapper fails or returns nonsense", async () => {
    let wrong: unknown = "nonsense";
    const { clock, pushed, asked, failures, feed } = create(({ name }) => {
      if (wrong instanceof Error) throw wrong;
      return wrong === undefined ? [request(name)] : (wrong as never);
    });
    pushed.push({ name: "a" });
    await clock.flush();
    expect([asked, feed.pending]).toEqual([[], 1]);
    wrong = new Error("broken");
    await clock.advance(5);
    wrong = undefined;
    await clock.advance(10);
    expect([asked, feed.pending]).toEqual([["a"], 0]);
    expect(failures).toEqual([new TypeError("a mapper must return a list of requests"), new Error("broken")]);
  });

  it("that tells too much under one key has everything reconciled instead of the oldest", async () => {
    const gate = Promise.withResolvers<void>();
    let first = true;
    const { clock, pushed, asked, everything } = create(async ({ name }) => {
      if (first) await gate.promise;
      first = false;
      return [request(name)];
    });
    pushed.push({ key: "k", name: "first" });
    await clock.flush();
    for (let place = 0; place <= MAX_STATES; place++) pushed.push({ key: "k", name: `a${place}` });
    await clock.flush();
    gate.resolve();
    await clock.flush();
    expect(everything()).toBe(1);
    expect(asked).toHaveLength(1 + MAX_STATES);
    expect(asked.at(-1)).toBe(`a${MAX_STATES}`);
  });

  it("is not read on while too many of its keys wait", async () => {
    const gate = Promise.withResolvers<readonly Request[]>();
    let held = true;
    const { clock, pushed, feed } = create(() => (held ? gate.promise : []));
    for (let place = 0; place < MAX_WAITING_KEYS + 100; place++) pushed.push({ name: `a${place}` });
    await clock.flush();
    expect([pushed.taken, feed.pending]).toEqual([MAX_WAITING_KEYS, MAX_WAITING_KEYS]);
    held = false;
    gate.resolve([]);
    await clock.flush();
    expect([pushed.taken, feed.pending]).toEqual([MAX_WAITING_KEYS + 100, 0]);
  });

  it("is ended by its signal, and by nothing when it does not heed it: stopping does not wait for it", async () => {
    const { clock, pushed, asked, feed } = create();
    pushed.push({ name: "a" });
    await clock.flush();
    await feed.stop();
    pushed.push({ name: "b" });
    await clock.advance(600_000);
    expect(pushed.openings).toHaveLength(1);
    expect(pushed.openings[0]?.signal.aborted).toBe(true);
    expect([asked, clock.pending()]).toEqual([["a"], 0]);
  });

  it("keeps nothing of the events that have been mapped", async () => {
    const events: WeakRef<Event>[] = [];
    const { clock, pushed, asked, feed } = create();
    for (let place = 0; place < 20; place++) {
      const event = { name: `a${place}` };
      events.push(new WeakRef(event));
      pushed.push(event);
      await clock.flush();
    }
    await new Promise(setImmediate);
    collectGarbage();
    expect(asked).toHaveLength(20);
    expect(events.slice(0, -2).filter((event) => event.deref() !== undefined)).toHaveLength(0);
    await feed.stop();
  });

  it("is read on when its key or its token cannot be told of an event", async () => {
    const { clock, pushed, asked, failures } = create(undefined, {
      keyOf: ({ name }) => {
        if (name === "a") throw new Error("no key");
        return name;
      },
      tokenOf: ({ name, token }) => {
        if (name === "b") throw new Error("no token");
        return token;
      },
    });
    pushed.push({ name: "a", token: "1" }, { name: "b", token: "2" }, { name: "c" });
    await clock.flush();
    expect([asked, pushed.openings]).toEqual([["a", "b", "c"], [expect.anything()]]);
    expect(failures).toEqual([new Error("no key"), new Error("no token")]);
    pushed.end();
    await clock.advance(500);
    expect(pushed.openings[1]?.token).toBe("1");
  });

  it("asks for nothing more after the stop, though its mapper was under way", async () => {
    const gate = Promise.withResolvers<void>();
    const { clock, pushed, asked, failures, feed } = create(async ({ name }) => {
      await gate.promise;
      return [request(name)];
    });
    pushed.push({ name: "a" });
    await clock.flush();
    await feed.stop();
    gate.resolve();
    await clock.flush();
    expect([asked, failures, feed.pending]).toEqual([[], [], 0]);
  });
});
