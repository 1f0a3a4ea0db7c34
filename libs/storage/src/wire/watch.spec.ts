import { toBinary } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { WatchResponseSchema } from "@trellis/protos/trellis/storage/v1/storage_service_pb.js";

import { ALL, takeSnapshot } from "../conformance/fixtures.ts";
import { BATCH_BYTES } from "./protocol.ts";
import { failure, type OpenWire, openWire, put } from "./test-support/open-wire.ts";
import { turns, until } from "./test-support/test-wire.ts";

describe("a watch over the wire", () => {
  let open: OpenWire;

  beforeEach(async () => {
    open = await openWire();
  });
  afterEach(() => open.close());

  it("tells what happened in one turn in one message", async () => {
    const { link, wire, endpoint } = open;
    const watch = link.watch(ALL);
    await takeSnapshot(watch);
    wire.forget();
    for (let index = 0; index < 100; index++) void endpoint.memory.commit([put(`n${index}`)]);
    for (let index = 0; index < 100; index++)
      expect(await watch.next()).toMatchObject({ kind: "commit", events: [{ kind: "put" }] });
    expect(wire.watched.length).toBeLessThanOrEqual(2);
    watch.close();
  });

  it("keeps to the bytes of a message; what is larger goes alone", async () => {
    const { link, wire } = open;
    const sizes = [900_000, 900_000, 300_000, 2_000_000, 10, 600_000, 600_000];
    const watch = link.watch(ALL);
    await takeSnapshot(watch);
    wire.forget();
    await Promise.all(sizes.map((size, index) => link.commit([put(`n${index}`, "x".repeat(size))])));
    for (let index = 0; index < sizes.length; index++) await watch.next();
    expect(wire.watched.length).toBeGreaterThan(3);
    for (const { message } of wire.watched) {
      const bytes = toBinary(WatchResponseSchema, message).length;
      expect([bytes <= BATCH_BYTES || message.batches.length === 1, bytes]).toEqual([true, bytes]);
    }
    expect(new Set(wire.watched.map(({ turn }) => turn)).size).toBe(wire.watched.length);
    watch.close();
  });

  it("parts the snapshot of large records into messages that a client takes", async () => {
    const { link, wire } = open;
    const names = Array.from({ length: 45 }, (_, index) => `n${index + 10}`);
    for (const name of names) await link.commit([put(name, name.repeat(250_000))]);
    wire.forget();
    const watch = link.watch(ALL);
    const { records } = await takeSnapshot(watch);
    expect(records.map(({ key }) => key.name)).toEqual(names);
    const sizes = wire.watched.map(({ message }) => toBinary(WatchResponseSchema, message).length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(BATCH_BYTES);
    watch.close();
  });

  it("that no message can tell of a commit says to begin again with a snapshot", async () => {
    const { link, endpoint } = open;
    const names = Array.from({ length: 10 }, (_, index) => `n${index}`);
    for (const name of names) await link.commit([put(name, "x".repeat(4_000_000))]);
    const watch = link.watch(ALL, { since: endpoint.position() });
    await watch.next();
    await link.commit(names.map((name) => put(name, "small")));
    expect(await failure(watch.next())).toMatchObject({
      code: "history-gone",
      message: expect.stringContaining("begin again with a snapshot"),
    });
  });

  it("ends as slow when its history is gone, naming where to resume; others go on", async () => {
    await open.close();
    open = await openWire({}, { historyCommits: 20 });
    const { link, endpoint } = open;
    const slow = link.watch(ALL);
    const quick = link.watch(ALL);
    const { version } = await takeSnapshot(slow);
    await takeSnapshot(quick);
    const seen: number[] = [];
    for (let index = 0; index < 200; index++) {
      await endpoint.memory.commit([put(`n${index}`, "x".repeat(10_000))]);
      const batch = await quick.next();
      if (batch?.kind === "commit") seen.push(batch.version);
    }
    expect(seen.length).toBe(200);
    let last: number = version;
    const end = (async (): Promise<never> => {
      for (;;) {
        const batch = await slow.next();
        if (batch?.kind === "commit") last = batch.version;
      }
    })();
    const error = await failure(end);
    expect(error).toMatchObject({ code: "slow-watcher", resumeVersion: last });
    expect(last).toBeLessThan(seen.at(-1) ?? 0);
    quick.close();
  });

  it("asks for no more than its consumer does, and frees the server at once when it is closed", async () => {
    const { link, wire, endpoint } = open;
    for (let index = 0; index < 30; index++) await link.commit([put(`n${index}`, "x".repeat(900_000))]);
    const watch = link.watch(ALL, { since: { version: endpoint.memory.position().version } });
    await watch.next();
    for (let index = 0; index < 30; index++) await link.commit([put(`n${index}`, "y".repeat(900_000))]);
    await turns(50);
    // The message that waits to be taken, and what a transport reads ahead.
    expect(wire.watched.length).toBeLessThan(5);
    expect(endpoint.memory.figures().watches).toBe(1);
    watch.close();
    await until(() => endpoint.memory.figures().watches === 0);
    expect(await watch.next()).toBeUndefined();
  });

  it("frees the server at once when its signal or its link ends it, while nothing happens", async () => {
    const { link, endpoint } = open;
    const given = new AbortController();
    const one = link.watch(ALL, { signal: given.signal });
    const other = link.watch(ALL);
    await takeSnapshot(one);
    await takeSnapshot(other);
    const ends = [failure(one.next()), failure(other.next())];
    expect(endpoint.memory.figures().watches).toBe(2);
    given.abort();
    expect(await ends[0]).toMatchObject({ code: "aborted" });
    await until(() => endpoint.memory.figures().watches === 1);
    await link.close();
    expect(await ends[1]).toMatchObject({ code: "watch-closed" });
    await until(() => endpoint.memory.figures().watches === 0);
  });

  it("by a signal that was aborted before is not even opened", async () => {
    const { link, endpoint, wire } = open;
    const watch = link.watch(ALL, { signal: AbortSignal.abort() });
    expect(await failure(watch.next())).toMatchObject({ code: "aborted" });
    expect(await watch.next()).toBeUndefined();
    await turns(5);
    expect(wire.watched).toEqual([]);
    expect(endpoint.memory.figures().watches).toBe(0);
  });

  it("that nobody reads is closed with its link, in silence", async () => {
    const { link, endpoint } = open;
    link.watch(ALL);
    link.watch(ALL).close();
    await link.close();
    await turns(5);
    expect(endpoint.memory.figures().watches).toBe(0);
  });

  it("goes the way of an iteration that is broken off", async () => {
    const { link, endpoint } = open;
    await link.commit([put("a")]);
    const kinds: string[] = [];
    for await (const { kind } of link.watch(ALL)) {
      kinds.push(kind);
      if (kind === "endOfSnapshot") break;
    }
    expect(kinds).toEqual(["snapshot", "endOfSnapshot"]);
    await until(() => endpoint.memory.figures().watches === 0);
  });

  it("has one consumer", async () => {
    const watch = open.link.watch(ALL);
    await takeSnapshot(watch);
    const next = watch.next();
    expect(await failure(watch.next())).toMatchObject({ code: "invalid" });
    watch.close();
    expect(await next).toBeUndefined();
  });
});
