import { describe, expect, it } from "@jest/globals";
import { createMemoryBackend } from "@trellis/storage-memory";
import { createVirtualClock, seededRandom } from "@trellis/testing";

import { Concept, resource, type Rpc, withFixture } from "./test-support/fixture.ts";

const KEYS = 6;
/** Clients of each sort: those who write all keys at once, and those who write one. */
const CLIENTS = 16;
/** What each of the first sort does. */
const TRANSACTIONS = 4;
/** Virtual milliseconds after which the tale is told, or never will be: a call may take thirty seconds. */
const MAX_TIME_MS = 120_000;

interface CallTimes {
  readonly begun: number;
  readonly ended: number;
}

describe("who writes many contended resources at once", () => {
  it("gets its turn like those who write one, and few of those who came later go first", async () => {
    const clock = createVirtualClock();
    const random = seededRandom(7);
    const backend = createMemoryBackend({ clock, random });
    // A commit takes a turn of the event loop, as one over a network takes time: all have read before the first is applied.
    const commit: typeof backend.commit = async (operations, options) => {
      await new Promise((resolve) => {
        clock.after(1, () => resolve(undefined));
      });
      return await backend.commit(operations, options);
    };
    await withFixture({ backend: { ...backend, commit }, clock, random }, async ({ rpc }) => {
      let order = 0;
      const timed = async (call: () => Promise<unknown>): Promise<CallTimes> => {
        const begun = order++;
        await call();
        return { begun, ended: order++ };
      };
      let done = false;
      const transactions: CallTimes[] = [];
      const writes: CallTimes[] = [];
      const everyone = Promise.all(
        Array.from({ length: CLIENTS }, async (_, client) => {
          for (let round = 0; round < TRANSACTIONS; round++)
            transactions.push(await timed(() => transact(rpc, random, `${client} ${round}`)));
        }),
      ).finally(() => (done = true));
      const writers = Promise.all(
        Array.from({ length: CLIENTS }, async (_, client) => {
          for (let round = 0; !done; round++)
            writes.push(
              await timed(() =>
                rpc.write({ resource: changed(Math.floor(random() * KEYS), `w ${client} ${round}`) }),
              ),
            );
        }),
      );
      for (let time = 0; !done && time < MAX_TIME_MS; time++) await clock.advance(1);
      for (let time = 0; time < 1_000; time++) await clock.advance(1);
      await Promise.all([everyone, writers]);

      const all = [...transactions, ...writes];
      const overtaken = transactions.map(
        (one) => all.filter(({ begun, ended }) => begun > one.begun && ended < one.ended).length,
      );
      expect(transactions).toHaveLength(CLIENTS * TRANSACTIONS);
      expect(Math.max(...overtaken)).toBeLessThanOrEqual(2 * CLIENTS);
    });
  }, 60_000);
});

const changed = (key: number, by: string) => resource(Concept, `hot-${key}`, undefined, { metadata: { by } });

function transact(rpc: Rpc, random: () => number, by: string): Promise<unknown> {
  const keys = Array.from({ length: KEYS }, (_, key) => ({ key, at: random() }));
  keys.sort((a, b) => a.at - b.at);
  return rpc.transact({
    operations: keys.map(({ key }) => ({
      operation: { case: "write", value: { resource: changed(key, by) } },
    })),
  });
}
