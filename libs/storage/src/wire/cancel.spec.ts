import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";

import { ALL } from "../conformance/fixtures.ts";
import { failure, keyOf, type OpenWire, openWire, put } from "./test-support/open-wire.ts";
import { turns, until } from "./test-support/test-wire.ts";

describe("a call that is given up", () => {
  let open: OpenWire;

  beforeEach(async () => {
    open = await openWire();
  });
  afterEach(() => open.close());

  const sentCalls = () => open.wire.asked.flatMap(({ message }) => message.calls);

  it("before its message went is not sent, and not applied", async () => {
    const { link, endpoint } = open;
    const given = new AbortController();
    const commit = link.commit([put("a")], { signal: given.signal });
    const read = link.read(keyOf("a"), { signal: given.signal });
    const other = link.commit([put("b")]);
    given.abort();
    expect(await failure(commit)).toMatchObject({ code: "unavailable" });
    expect(await failure(read)).toMatchObject({ code: "aborted" });
    await other;
    expect(sentCalls().length).toBe(1);
    expect(endpoint.commits).toBe(1);
    expect(link.pendingCalls).toBe(0);
  });

  it("by a signal that was aborted before is not even taken in", async () => {
    const { link } = open;
    const signal = AbortSignal.abort();
    expect(await failure(link.commit([put("a")], { signal }))).toMatchObject({ code: "unavailable" });
    expect(await failure(link.list(ALL, { signal }))).toMatchObject({ code: "aborted" });
    await turns(5);
    expect(sentCalls()).toEqual([]);
  });

  it("under way is of unknown outcome when it is a commit, and aborted when it changes nothing", async () => {
    const { link, endpoint } = open;
    endpoint.hold();
    const given = new AbortController();
    const { signal } = given;
    const calls = {
      commit: link.commit([put("a")], { signal }),
      evaluate: link.commit([put("a")], { signal, evaluateOnly: true }),
      read: link.read(keyOf("a"), { signal }),
      list: link.list(ALL, { signal }),
    };
    await until(() => endpoint.underWay === 4);
    given.abort();
    expect(await failure(calls.commit)).toMatchObject({ code: "outcome-unknown" });
    for (const call of [calls.evaluate, calls.read, calls.list])
      expect(await failure(call)).toMatchObject({ code: "aborted" });
    expect(link.pendingCalls).toBe(0);
  });

  it("is given up at the server, whose answer nobody hears", async () => {
    const { link, endpoint, wire } = open;
    endpoint.hold();
    const given = new AbortController();
    const commit = link.commit([put("a")], { signal: given.signal });
    await until(() => endpoint.underWay === 1);
    given.abort();
    await failure(commit);
    await until(() => endpoint.underWay === 0);
    expect(endpoint.signals.map(({ aborted }) => aborted)).toEqual([true]);
    expect(endpoint.memory.figures().records).toBe(0);
    expect(wire.answered.flatMap(({ message }) => message.answers)).toEqual([]);
    endpoint.release();
    expect((await link.commit([put("b")])).outcome).toBe("applied");
  });

  it("makes room for others, and leaves nothing behind", async () => {
    await open.close();
    open = await openWire({ callsPerStream: 50 });
    const { link, endpoint } = open;
    for (let round = 0; round < 5; round++) {
      endpoint.hold();
      const given = new AbortController();
      const calls = Array.from({ length: 50 }, (_, index) =>
        failure(link.read(keyOf(`n${index}`), { signal: given.signal })),
      );
      await until(() => endpoint.underWay === 50);
      given.abort();
      expect(await Promise.all(calls)).toMatchObject(calls.map(() => ({ code: "aborted" })));
      await until(() => endpoint.underWay === 0);
      endpoint.release();
    }
    expect(link.pendingCalls).toBe(0);
  });
});
