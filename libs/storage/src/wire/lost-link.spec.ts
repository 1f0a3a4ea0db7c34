import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";

import { ALL } from "../conformance/fixtures.ts";
import type { StorageError } from "../errors.ts";
import { ConnectedLink } from "./connected-link.ts";
import { failure, keyOf, type OpenWire, openWire, put } from "./test-support/open-wire.ts";
import { HELLO, nextTurn, turns, until } from "./test-support/test-wire.ts";

describe("a link that is lost", () => {
  let open: OpenWire;

  beforeEach(async () => {
    open = await openWire();
  });
  afterEach(() => open.close());

  it("tells of each call what may have been done: sent commits are unknown, others and reads were not done", async () => {
    const { link, endpoint, wire } = open;
    endpoint.hold();
    const session = await link.openSession("s");
    const sent = {
      commit: failure(link.commit([put("a")])),
      submit: failure(link.submit({ session, sequence: 1, lowestUnanswered: 1 }, [put("b")])),
      evaluate: failure(link.commit([put("a")], { evaluateOnly: true })),
      read: failure(link.read(keyOf("a"))),
      list: failure(link.list(ALL)),
    };
    await until(() => endpoint.underWay === 5);
    const unsent = failure(link.commit([put("c")]));
    wire.cut();
    expect(await link.ended).toMatchObject({ code: "unavailable" });
    expect(await sent.commit).toMatchObject({ code: "outcome-unknown" });
    expect(await sent.submit).toMatchObject({ code: "outcome-unknown" });
    for (const call of [sent.evaluate, sent.read, sent.list])
      expect(await call).toMatchObject({ code: "unavailable" });
    // It waited for its turn while the link was lost, or went in the message before: known is only that it is not called done.
    expect(await unsent).toMatchObject({ code: expect.stringMatching(/^(unavailable|outcome-unknown)$/) });
    expect(link.pendingCalls).toBe(0);
  });

  it("was not asked by what waits for its turn when it is closed", async () => {
    const { link, endpoint } = open;
    const commit = failure(link.commit([put("a")]));
    await link.close();
    expect(await commit).toMatchObject({ code: "unavailable" });
    await turns(10);
    expect(endpoint.commits).toBe(0);
  });

  it("is of no use afterwards: calls and watches are refused at once", async () => {
    const { link, wire } = open;
    wire.cut();
    await link.ended;
    expect(await failure(link.commit([put("a")]))).toMatchObject({ code: "unavailable" });
    expect(await failure(link.read(keyOf("a")))).toMatchObject({ code: "unavailable" });
    expect(await failure(link.list(ALL))).toMatchObject({ code: "unavailable" });
    expect(() => link.watch(ALL)).toThrow(expect.objectContaining({ code: "unavailable" }));
  });

  it("ends its watches, which resume over the next one where they were", async () => {
    const { link, wire } = open;
    await link.commit([put("a")]);
    const watch = link.watch(ALL);
    await watch.next();
    expect(await watch.next()).toMatchObject({ kind: "endOfSnapshot" });
    const { version } = await link.commit([put("b")]);
    expect(await watch.next()).toMatchObject({ kind: "commit", version });
    const end = failure(watch.next());
    wire.cut();
    expect(await end).toMatchObject({ code: "unavailable" });
    expect(await watch.next()).toBeUndefined();

    const again = await wire.link();
    const missed = await again.commit([put("c")]);
    const resumed = again.watch(ALL, { since: { version, storeId: again.position().storeId } });
    expect(await resumed.next()).toMatchObject({ kind: "commit", version: missed.version });
    expect(await resumed.next()).toMatchObject({ kind: "endOfSnapshot", version: missed.version });
    await again.close();
  });

  it("frees the server: nothing is under way, watched or listened for", async () => {
    const { link, endpoint, wire, clock } = open;
    endpoint.hold();
    const calls = [failure(link.commit([put("a")])), failure(link.list(ALL))];
    const next = failure(
      link
        .watch(ALL)
        .next()
        .then(() => link.watch(ALL).next()),
    );
    await until(() => endpoint.underWay === 2 && endpoint.memory.figures().watches > 0);
    wire.cut();
    await Promise.all([...calls, next]);
    await until(() => wire.listeners === 0);
    expect(endpoint.underWay).toBe(0);
    expect(endpoint.memory.figures().watches).toBe(0);
    expect(clock.pending()).toBe(0);
  });

  it.each([0, 1, 2, 3, 4, 5, 6])(
    "applies nothing that it calls not sent, when it is closed %d steps after its message was put together",
    async (steps) => {
      const { wire, clock, endpoint } = open;
      let afterTurn = (): void => undefined;
      const link = new ConnectedLink({
        clock,
        nextTurn: (callback) =>
          nextTurn(() => {
            callback();
            afterTurn();
          }),
        connection: { transport: wire.transport, close: () => undefined },
        hello: HELLO,
        address: "server:7511",
      });
      await link.ready;
      await turns(5);
      const commit = failure(link.commit([put("a")]));
      afterTurn = () => void after(steps).then(() => link.close());
      const error = (await commit) as StorageError;
      await turns(20);
      expect([error.code, endpoint.commits]).not.toEqual(["unavailable", 1]);
    },
  );
});

/** Resolves after so many steps of what waits for no turn. */
async function after(steps: number): Promise<void> {
  for (let step = 0; step < steps; step++) await Promise.resolve();
}
