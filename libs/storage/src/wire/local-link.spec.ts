import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { createVirtualClock, type VirtualClock } from "@trellis/testing";

import { ALL } from "../conformance/fixtures.ts";
import { LocalLink } from "./local-link.ts";
import { STATUS_EVERY_MS } from "./protocol.ts";
import type { ServerStatus } from "./server-status.ts";
import { failure, keyOf, put } from "./test-support/open-wire.ts";
import { TestEndpoint } from "./test-support/test-endpoint.ts";
import { TestWire, until } from "./test-support/test-wire.ts";

describe("a link within a process", () => {
  let clock: VirtualClock;
  let endpoint: TestEndpoint;
  let hasStore: boolean;
  /** What the process serves, and says of itself. */
  let server: TestWire;
  let link: LocalLink;

  beforeEach(() => {
    clock = createVirtualClock();
    endpoint = new TestEndpoint(clock);
    hasStore = true;
    const served = () => (hasStore ? endpoint : undefined);
    server = new TestWire({ clock, endpoint: served });
    link = new LocalLink({ clock, endpoint: served, status: server });
  });
  afterEach(async () => {
    endpoint.release();
    await link.close();
    await endpoint.close();
  });

  it("sends nothing over a wire", async () => {
    await link.commit([put("a")]);
    expect((await link.read(keyOf("a"))).record).toBeDefined();
    expect((await link.list(ALL)).records.length).toBe(1);
    expect([server.asked, server.watched]).toEqual([[], []]);
  });

  it("hears of each status that its server would tell others, and of the rest as often as they would", async () => {
    const heard: ServerStatus[] = [];
    const end = link.onStatus((status) => heard.push(status));
    server.say({ takesCommits: false });
    expect(heard.map(({ takesCommits }) => takesCommits)).toEqual([false]);
    const { version } = await endpoint.memory.commit([put("a")]);
    expect(link.status.position?.version).toBeLessThan(version);
    await clock.advance(STATUS_EVERY_MS);
    expect(link.status.position?.version).toBe(version);
    end();
    server.say({ takesCommits: true });
    expect(heard.length).toBe(2);
    expect(link.status.takesCommits).toBe(true);
  });

  it("without a store to ask refuses everything, and nothing is begun", async () => {
    hasStore = false;
    for (const call of [
      link.commit([put("a")]),
      link.submit({ session: { id: "s", openedAt: 7 }, sequence: 1, lowestUnanswered: 1 }, [put("a")]),
      link.openSession("s"),
      link.read(keyOf("a")),
      link.list(ALL),
    ])
      expect(await failure(call)).toMatchObject({ code: "unavailable" });
    expect(() => link.watch(ALL)).toThrow(expect.objectContaining({ code: "unavailable" }));
    expect(() => link.readNow(keyOf("a"))).toThrow(expect.objectContaining({ code: "unavailable" }));
    expect(() => link.position()).toThrow(expect.objectContaining({ code: "unavailable" }));
    expect(endpoint.commits).toBe(0);
    hasStore = true;
    expect((await link.read(keyOf("a"))).record).toBeUndefined();
  });

  it("has no position before there is a store to show", () => {
    server.say({ position: undefined });
    expect(() => link.position()).toThrow(expect.objectContaining({ code: "unavailable" }));
  });

  it("begins nothing for a signal that was aborted before", async () => {
    const signal = AbortSignal.abort();
    expect(await failure(link.commit([put("a")], { signal }))).toMatchObject({ code: "unavailable" });
    expect(await failure(link.list(ALL, { signal }))).toMatchObject({ code: "aborted" });
    expect(endpoint.commits).toBe(0);
    expect(link.pendingCalls).toBe(0);
  });

  it("gives up what is under way: commits are of unknown outcome, and the endpoint hears of each", async () => {
    endpoint.hold();
    const session = await link.openSession("s");
    const given = new AbortController();
    const { signal } = given;
    const calls = {
      commit: link.commit([put("a")], { signal }),
      submit: link.submit({ session, sequence: 1, lowestUnanswered: 1 }, [put("b")], { signal }),
      evaluate: link.commit([put("a")], { signal, evaluateOnly: true }),
      list: link.list(ALL, { signal }),
      read: link.read(keyOf("a"), { signal }),
    };
    await until(() => endpoint.underWay === 5);
    given.abort();
    for (const call of [calls.commit, calls.submit])
      expect(await failure(call)).toMatchObject({ code: "outcome-unknown" });
    for (const call of [calls.evaluate, calls.list, calls.read])
      expect(await failure(call)).toMatchObject({ code: "aborted" });
    expect(endpoint.signals.map(({ aborted }) => aborted)).toEqual([true, true, true, true, true]);
    expect(link.pendingCalls).toBe(0);
  });

  it("says of a read that was given up which version it waited for, and which was there", async () => {
    endpoint.hold();
    const given = new AbortController();
    const { version } = endpoint.position();
    const ahead = { version: (version + 5) as typeof version };
    const waiting = [ahead, { version }].map((minimum) =>
      failure(link.list(ALL, { minimum, signal: given.signal })),
    );
    await until(() => endpoint.underWay === 2);
    given.abort();
    const [early, there] = await Promise.all(waiting);
    expect(early).toMatchObject({
      code: "version-not-reached",
      message: `expected version ${ahead.version}, and the replica of this process had reached ${version} when the wait ended`,
    });
    expect(there).toMatchObject({ code: "aborted" });
  });

  it("tells what failed behind it as links do: what a commit did is not known then", async () => {
    endpoint.commit = async () => {
      throw new RangeError("a fault");
    };
    endpoint.list = () => {
      throw new RangeError("another fault");
    };
    expect(await failure(link.commit([put("a")]))).toMatchObject({
      code: "outcome-unknown",
      message: expect.stringContaining("a fault"),
    });
    expect(await failure(link.list(ALL))).toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("another fault"),
    });
    expect(link.pendingCalls).toBe(0);
  });

  it("that is closed ends calls, watches and its timer, and is of no use", async () => {
    endpoint.hold();
    const watch = link.watch(ALL);
    await watch.next();
    const timers = clock.pending();
    const calls = {
      commit: failure(link.commit([put("a")])),
      list: failure(link.list(ALL)),
      watch: failure(watch.next()),
    };
    await until(() => endpoint.underWay === 2);
    await link.close();
    expect(await calls.commit).toMatchObject({ code: "outcome-unknown" });
    expect(await calls.list).toMatchObject({ code: "unavailable" });
    expect(await calls.watch).toMatchObject({ code: "watch-closed" });
    expect(await link.ended).toMatchObject({ code: "unavailable" });
    expect(await failure(link.read(keyOf("a")))).toMatchObject({ code: "unavailable" });
    expect(() => link.watch(ALL)).toThrow(expect.objectContaining({ code: "unavailable" }));
    expect([link.pendingCalls, clock.pending()]).toEqual([0, timers - 1]);
    server.say({ isStopping: true });
    expect(link.status.isStopping).toBe(false);
  });

  it("forgets watches that are over", async () => {
    const watches = [link.watch(ALL), link.watch(ALL)];
    watches[0]?.close();
    expect(await watches[0]?.next()).toBeUndefined();
    await link.close();
    expect(watches[0]?.take()).toBeUndefined();
    expect(await failure(watches[1]?.next() ?? Promise.resolve())).toMatchObject({ code: "watch-closed" });
  });
});
