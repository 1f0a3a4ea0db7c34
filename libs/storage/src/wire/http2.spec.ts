import { create } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { ClusterService } from "@trellis/protos/trellis/cluster/v1/cluster_pb.js";
import {
  type ExchangeRequest,
  ExchangeRequestSchema,
  StorageService,
} from "@trellis/protos/trellis/storage/v1/storage_service_pb.js";
import { createVirtualClock, type VirtualClock } from "@trellis/testing";

import { ALL, takeSnapshot } from "../conformance/fixtures.ts";
import { connectStorage } from "./connect-storage.ts";
import { storageLinks } from "./open-storage-link.ts";
import type { StorageLink } from "./storage-link.ts";
import { type Http2Server, serveHttp2 } from "./test-support/http2-server.ts";
import { failure, keyOf, put } from "./test-support/open-wire.ts";
import { TestEndpoint } from "./test-support/test-endpoint.ts";
import { HELLO, nextTurn, TestWire, until } from "./test-support/test-wire.ts";

const HISTORY_COMMITS = 20;
/** Timers of the library are a test's; the loop turns by itself. */
const ALL_BUT_THE_LOOP: Parameters<typeof jest.useFakeTimers>[0] = {
  doNotFake: ["nextTick", "setImmediate", "clearImmediate", "queueMicrotask", "performance", "hrtime"],
};
/** Easily compressed, which nobody is to do: it takes more time than to send it, and the flow would be controlled by other bytes than those that wait. */
const big = "x".repeat(400_000);

describe("over HTTP/2", () => {
  let clock: VirtualClock;
  let endpoint: TestEndpoint;
  let wire: TestWire;
  let server: Http2Server;
  let link: StorageLink;

  const open = (): Promise<StorageLink> =>
    storageLinks({ clock, nextTurn, connect: connectStorage }, { client: "a test" })(server.address);

  /** Lets the network bring what it will: until nothing came by for a while. */
  async function quiet(count: () => number): Promise<void> {
    const QUIET_TURNS = 300;
    let last = -1;
    for (let still = 0; still < QUIET_TURNS; still++) {
      if (count() !== last) still = 0;
      last = count();
      await new Promise<void>((resolve) => nextTurn(resolve));
    }
  }

  beforeEach(async () => {
    clock = createVirtualClock();
    endpoint = new TestEndpoint(clock, { historyCommits: HISTORY_COMMITS });
    wire = new TestWire({ clock, endpoint: () => endpoint, config: { answerBytes: 2_000_000 } });
    server = await serveHttp2(wire);
    link = await open();
    await link.read(keyOf("none"));
    wire.forget();
  });
  afterEach(async () => {
    await link.close();
    await server.stop();
    await endpoint.close();
  });

  it("a thousand commits of one turn cross in at most eight messages, and their answers", async () => {
    const commits = Array.from({ length: 1_000 }, (_, index) => link.commit([put(`n${index}`)]));
    await Promise.all(commits);
    expect(wire.asked.length).toBeLessThanOrEqual(8);
    expect(wire.answered.length).toBeLessThanOrEqual(8);
  });

  it("a client that takes no answers is asked for no more calls, and frees the server when it goes", async () => {
    await endpoint.memory.commit([put("big", big)]);
    const connection = connectStorage(server.address);
    async function* requests(): AsyncGenerator<ExchangeRequest> {
      yield create(ExchangeRequestSchema, { hello: HELLO });
      for (let id = 1n; id <= 10_000n; id++) {
        const call = { case: "read" as const, value: { key: keyOf("big") } };
        yield create(ExchangeRequestSchema, { calls: [{ id, call }] });
        await new Promise<void>((resolve) => nextTurn(resolve));
      }
    }
    const answers = createClient(StorageService, connection.transport).exchange(requests());
    await answers[Symbol.asyncIterator]().next();
    await quiet(() => wire.asked.length);
    // Two megabytes wait, and what the network and its buffers took.
    expect(wire.asked.length).toBeLessThan(30);
    expect(wire.listeners).toBe(2);
    connection.close();
    await until(() => wire.listeners === 1);
    await link.close();
    await until(() => wire.listeners === 0);
    expect(endpoint.underWay).toBe(0);
  });

  it("a snapshot goes as fast as its reader takes it, and ends at the server when the reader leaves", async () => {
    for (let index = 0; index < 40; index++) await endpoint.memory.commit([put(`n${index}`, big)]);
    const watch = link.watch(ALL);
    await watch.next();
    await quiet(() => wire.watched.length);
    expect(wire.watched.length).toBeLessThan(6);
    expect(endpoint.memory.figures().watches).toBe(1);
    watch.close();
    await until(() => endpoint.memory.figures().watches === 0);
    const again = link.watch(ALL);
    expect((await takeSnapshot(again)).records.length).toBe(40);
    again.close();
  });

  it("a watcher too slow for the history is told where to resume, and the others see everything", async () => {
    const slow = link.watch(ALL);
    const quick = link.watch(ALL);
    const { version } = await takeSnapshot(slow);
    await takeSnapshot(quick);
    const COMMITS = 3 * HISTORY_COMMITS;
    for (let index = 0; index < COMMITS; index++) {
      await link.commit([put(`n${index % 3}`, big)]);
      expect(await quick.next()).toMatchObject({ kind: "commit" });
    }
    let last: number = version;
    const end = (async (): Promise<void> => {
      for (let batch = await slow.next(); batch?.kind === "commit"; batch = await slow.next())
        last = batch.version;
    })();
    expect(await failure(end)).toMatchObject({ code: "slow-watcher", resumeVersion: last });
    expect(last).toBeLessThan(endpoint.position().version);
    quick.close();
  });

  it("many watches go over one link, and those that nobody reads leave room for others", async () => {
    for (let index = 0; index < 3; index++) await endpoint.memory.commit([put(`n${index}`, big)]);
    const WATCHES = 40;
    const slow = Array.from({ length: WATCHES }, () => link.watch(ALL));
    // Each has its first message, and the next on its way.
    for (const watch of slow) await watch.next();
    expect(endpoint.memory.figures().watches).toBe(WATCHES);
    const another = link.watch(ALL);
    expect((await takeSnapshot(another)).records.length).toBe(3);
    expect((await link.commit([put("a")])).outcome).toBe("applied");
    expect(await another.next()).toMatchObject({ kind: "commit" });
    for (const watch of [...slow, another]) watch.close();
    await until(() => endpoint.memory.figures().watches === 0);
  });

  it("a client that did not run for a while finds its connection as it was", async () => {
    jest.useFakeTimers(ALL_BUT_THE_LOOP);
    try {
      const stalled = await open();
      // All that is due by then runs before anything of the network is read.
      jest.advanceTimersByTime(60_000);
      expect((await stalled.commit([put("a")])).outcome).toBe("applied");
      await stalled.close();
    } finally {
      jest.useRealTimers();
    }
  });

  it("a connection that may be idle for so long is closed then, and opened again for the next request", async () => {
    jest.useFakeTimers(ALL_BUT_THE_LOOP);
    const connection = connectStorage(server.address, { idleMs: 10_000 });
    try {
      // Nobody serves it here; it is a request all the same.
      const ask = () => failure(createClient(ClusterService, connection.transport).getStatus({}));
      await ask();
      // The answer is there before its stream is closed.
      await quiet(() => server.connections());
      expect(server.connections()).toBe(2);
      jest.advanceTimersByTime(9_900);
      await quiet(() => server.connections());
      expect(server.connections()).toBe(2);
      jest.advanceTimersByTime(200);
      await until(() => server.connections() === 1);
      await ask();
      expect(server.connections()).toBe(2);
    } finally {
      connection.close();
      jest.useRealTimers();
    }
  });

  it("calls on a connection that is cut end, and its owner opens another", async () => {
    endpoint.hold();
    const commit = failure(link.commit([put("a")]));
    const read = failure(link.read(keyOf("a")));
    await until(() => endpoint.underWay === 2);
    server.cut();
    expect(await commit).toMatchObject({ code: "outcome-unknown" });
    expect(await read).toMatchObject({ code: "unavailable" });
    expect(await link.ended).toMatchObject({
      code: "unavailable",
      message: expect.stringContaining(server.address),
    });
    endpoint.release();
    link = await open();
    expect((await link.commit([put("b")])).outcome).toBe("applied");
  });
});
