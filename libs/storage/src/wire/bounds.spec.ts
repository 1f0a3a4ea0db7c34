import { describe, expect, it } from "@jest/globals";
import type { EncodedExchangeRequest } from "@trellis/protos/trellis/storage/v1/storage_service_pb.js";
import { createVirtualClock } from "@trellis/testing";

import { ALL } from "../conformance/fixtures.ts";
import type { StorageError } from "../errors.ts";
import { ServedExchange } from "./served-exchange.ts";
import { encodedRequest } from "./test-support/encoded.ts";
import { failure, keyOf, openWire, put } from "./test-support/open-wire.ts";
import { TestEndpoint } from "./test-support/test-endpoint.ts";
import { HELLO, nextTurn, TestWire, turns, until } from "./test-support/test-wire.ts";

describe("the bounds of a stream", () => {
  it("refuse calls beyond those that may be under way, and take others when answers were given", async () => {
    const open = await openWire({ callsPerStream: 10 });
    const { endpoint } = open;
    endpoint.hold();
    const commits = Array.from({ length: 25 }, (_, index) => open.link.commit([put(`n${index}`)]));
    const refusals = await Promise.all(commits.slice(10).map((commit) => failure(commit)));
    expect(new Set(refusals.map((error) => (error as StorageError).code))).toEqual(
      new Set(["resource-exhausted"]),
    );
    expect((refusals[0] as StorageError).message).toMatch(/at most 10 calls under way.*wait for answers/);
    expect(endpoint.underWay).toBe(10);
    endpoint.release();
    await Promise.all(commits.slice(0, 10));
    expect(endpoint.commits).toBe(10);
    expect((await open.link.commit([put("later")])).outcome).toBe("applied");
    await open.close();
  });

  it("refuse calls beyond the bytes that may wait to be sent", async () => {
    const open = await openWire();
    const text = "x".repeat(4_000_000);
    const commits = Array.from({ length: 8 }, (_, index) => open.link.commit([put(`n${index}`, text)]));
    const ends = await Promise.allSettled(commits);
    const refused = ends.filter(({ status }) => status === "rejected");
    expect(refused.length).toBe(3);
    for (const end of refused) {
      expect(end).toMatchObject({
        reason: { code: "resource-exhausted", message: expect.stringContaining("try again in a second") },
      });
    }
    await open.close();
  });

  it("stop the reading of calls while answers wait that nobody takes", async () => {
    const clock = createVirtualClock();
    const endpoint = new TestEndpoint(clock);
    await endpoint.commit([put("big", "x".repeat(100_000))]);
    const wire = new TestWire({ clock, endpoint: () => endpoint });
    let taken = 0;
    async function* requests(): AsyncGenerator<EncodedExchangeRequest> {
      yield encodedRequest({ hello: HELLO });
      for (let id = 1n; ; id++) {
        taken++;
        const call = { case: "read" as const, value: { key: keyOf("big") } };
        yield encodedRequest({ calls: [{ id, call }] });
        await turns(1);
      }
    }
    const exchange = new ServedExchange(
      { clock, nextTurn, endpoint: () => endpoint, status: wire },
      { callsPerStream: 4096, answerBytes: 1_000_000 },
    );
    const answers = exchange.run(requests(), new AbortController().signal);
    await answers.next();
    await turns(200);
    const takenSlowly = taken;
    expect(takenSlowly).toBeLessThan(15);
    await answers.next();
    await turns(200);
    expect(taken).toBeGreaterThan(takenSlowly);
    expect(taken).toBeLessThan(takenSlowly + 15);
    await answers.return(undefined);
  });

  it("free what a stream has under way when its client is gone, also while it takes no answers", async () => {
    const clock = createVirtualClock();
    const endpoint = new TestEndpoint(clock);
    const wire = new TestWire({ clock, endpoint: () => endpoint });
    const gone = new AbortController();
    async function* requests(): AsyncGenerator<EncodedExchangeRequest> {
      const call = { case: "read" as const, value: { key: keyOf("a") } };
      yield encodedRequest({ hello: HELLO, calls: [{ id: 1n, call }] });
      await new Promise(() => undefined);
    }
    endpoint.hold();
    const exchange = new ServedExchange(
      { clock, nextTurn, endpoint: () => endpoint, status: wire },
      { callsPerStream: 4096, answerBytes: 1_000_000 },
    );
    // Nobody asks for the message after it: the network takes no more.
    await exchange.run(requests(), gone.signal).next();
    expect([clock.pending(), wire.listeners, endpoint.underWay]).toEqual([1, 1, 1]);
    gone.abort();
    await turns(5);
    expect([clock.pending(), wire.listeners, endpoint.underWay]).toEqual([0, 0, 0]);
  });

  it("leave nothing behind of a stream that is refused for its first message", async () => {
    const clock = createVirtualClock();
    const endpoint = new TestEndpoint(clock);
    const wire = new TestWire({ clock, endpoint: () => endpoint });
    const call = { id: 1n, call: { case: "read" as const, value: { key: keyOf("a") } } };
    async function* requests(): AsyncGenerator<EncodedExchangeRequest> {
      yield encodedRequest({ hello: HELLO, calls: [call, call] });
    }
    const exchange = new ServedExchange(
      { clock, nextTurn, endpoint: () => endpoint, status: wire },
      { callsPerStream: 4096, answerBytes: 1_000_000 },
    );
    const first = exchange.run(requests(), new AbortController().signal).next();
    expect(await failure(first)).toMatchObject({ rawMessage: expect.stringContaining("there twice") });
    await turns(5);
    expect([clock.pending(), wire.listeners, endpoint.underWay]).toEqual([0, 0, 0]);
  });

  it("outlive requests whose reading cannot be ended in peace", async () => {
    const clock = createVirtualClock();
    const endpoint = new TestEndpoint(clock);
    const wire = new TestWire({ clock, endpoint: () => endpoint });
    const first = encodedRequest({ hello: HELLO });
    const requests = {
      messages: [first],
      [Symbol.asyncIterator]() {
        return {
          next: async () => ({
            done: false,
            value: this.messages.pop() ?? (await new Promise<never>(() => undefined)),
          }),
          return: async () => {
            throw new Error("the stream was reset");
          },
        };
      },
    };
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on("unhandledRejection", note);
    const exchange = new ServedExchange(
      { clock, nextTurn, endpoint: () => endpoint, status: wire },
      { callsPerStream: 4096, answerBytes: 1_000_000 },
    );
    const answers = exchange.run(requests, new AbortController().signal);
    await answers.next();
    await answers.return(undefined);
    await turns(5);
    process.off("unhandledRejection", note);
    expect(unhandled).toEqual([]);
  });

  it("hold for lists: pages that bring nothing, and promise more, end them", async () => {
    const open = await openWire();
    const { endpoint, wire, link } = open;
    endpoint.list = async () => ({ records: [], more: true, position: endpoint.position() });
    const given = new AbortController();
    const list = failure(link.list(ALL, { signal: given.signal }));
    // What would go on is given up.
    void Promise.race([list, until(() => wire.asked.length > 20)]).then(() => given.abort());
    expect(await list).toMatchObject({ code: "unavailable" });
    await open.close();
  });
});
