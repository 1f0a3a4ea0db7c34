import type { Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { WriteRequest_Mode } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "@jest/globals";
import { errorReason, systemClock } from "@trellis/resource";
import { createMemoryBackend } from "@trellis/storage-memory";
import {
  createHistory,
  type History,
  judgeHistory,
  laggingBackend,
  recordingBackend,
} from "@trellis/testkit";
import { seededRandom } from "@trellis/testing";
import fc from "fast-check";

import {
  album,
  Artist,
  artist,
  createFixture,
  type Fixture,
  id,
  resource,
  withFixture,
} from "./test-support/fixture.ts";

const CLIENTS = 64;
const headers = { "trellis-consistency": "strong" };
/** Every property is tried with this many seeds; what a seed finds, it finds again. */
const RUNS = { numRuns: 10, seed: 20_261_125 };

/**
 * Tells a story of many clients to a server whose replica lags at random, then asks the judge whether its storage ever answered what no store
 * could have.
 */
async function crowd(seed: number, story: (fixture: Fixture) => Promise<void>): Promise<void> {
  const random = seededRandom(seed);
  const lagging = laggingBackend(createMemoryBackend({ clock: systemClock, random: seededRandom(1) }));
  lagging.lag = (least, present) => (least + Math.floor(random() * (present - least + 1))) as typeof present;
  const history: History = createHistory(lagging.position());
  // A replica that lags at random also goes back, which one client of one replica never sees: each call is a client of its own.
  let calls = 0;
  const recorded = () => recordingBackend(lagging, history, `call ${++calls}`);
  const backend = new Proxy(lagging, { get: (_, property) => Reflect.get(recorded(), property) as unknown });
  const fixture = createFixture({ backend });
  try {
    await story(fixture);
  } finally {
    await fixture.server.close();
  }
  expect(judgeHistory(history)).toEqual([]);
}

const everyone = <T>(run: (client: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: CLIENTS }, (_, client) => run(client)));

const seeds = (property: (seed: number) => Promise<void>) =>
  fc.assert(fc.asyncProperty(fc.nat(), property), RUNS);

const reasonOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "OK",
    (error: unknown) => errorReason(error) ?? ConnectError.from(error).message,
  );

const titled = (name: string, title: string, parts: { version?: string } = {}): Resource =>
  resource(Artist, name, { name: title }, parts);

describe("64 clients at once", () => {
  it(
    "write one resource without a version, and all succeed",
    () =>
      seeds((seed) =>
        crowd(seed, async ({ rpc }) => {
          await rpc.write({ resource: artist() });
          const answers = await everyone((client) => rpc.write({ resource: titled("korn", `by ${client}`) }));
          expect(new Set(answers.map(({ resource: one }) => one?.version)).size).toBe(CLIENTS);
          expect(new Set(answers.map(({ resource: one }) => one?.id?.uid)).size).toBe(1);
        }),
      ),
    60_000,
  );

  it(
    "create one name, and end in one uid; with mode CREATE one of them wins",
    () =>
      seeds((seed) =>
        crowd(seed, async ({ rpc }) => {
          const answers = await everyone(() => rpc.write({ resource: artist("one") }));
          expect(new Set(answers.map(({ resource: one }) => one?.id?.uid)).size).toBe(1);
          const reasons = await everyone(() =>
            reasonOf(rpc.write({ resource: artist("two"), mode: WriteRequest_Mode.CREATE })),
          );
          expect(reasons.filter((reason) => reason === "OK")).toHaveLength(1);
          expect(reasons.filter((reason) => reason === "ALREADY_EXISTS")).toHaveLength(CLIENTS - 1);
        }),
      ),
    60_000,
  );

  it(
    "compare one version, and one of them wins",
    () =>
      seeds((seed) =>
        crowd(seed, async ({ rpc }) => {
          const { resource: stored } = await rpc.write({ resource: artist() });
          const version = stored?.version ?? "";
          const reasons = await everyone((client) =>
            reasonOf(rpc.write({ resource: titled("korn", `by ${client}`, { version }) })),
          );
          expect(reasons.filter((reason) => reason === "OK")).toHaveLength(1);
          expect(reasons.filter((reason) => reason === "VERSION_MISMATCH")).toHaveLength(CLIENTS - 1);
        }),
      ),
    60_000,
  );

  it(
    "move an artist and its album together, all or nothing",
    () =>
      seeds((seed) =>
        crowd(seed, async ({ rpc }) => {
          await rpc.write({ resource: artist() });
          await rpc.write({ resource: album() });
          const reasons = await everyone(async (client) => {
            const { resource: seen } = await rpc.read({ id: id(Artist, "korn") }, { headers });
            const title = `by ${client}`;
            return await reasonOf(
              rpc.transact({
                operations: [
                  { operation: { case: "write", value: { resource: { ...album(), metadata: { title } } } } },
                  {
                    operation: {
                      case: "write",
                      value: {
                        resource: {
                          ...titled("korn", title, { version: seen?.version ?? "" }),
                          metadata: { title },
                        },
                      },
                    },
                  },
                ],
              }),
            );
          });
          expect(reasons).toContain("OK");
          const { resource: last } = await rpc.read({ id: id(Artist, "korn") }, { headers });
          const { resource: with_ } = await rpc.read({ id: album().id ?? {} }, { headers });
          expect(with_?.metadata).toEqual(last?.metadata);
          expect(with_?.version).toBe(last?.version);
        }),
      ),
    60_000,
  );
});

describe("64 clients of one resource", () => {
  it("take turns once they met a conflict, so that each needs few commits", async () => {
    const backend = createMemoryBackend({ clock: systemClock, random: seededRandom(1) });
    let commits = 0;
    // A commit takes a turn of the event loop, as one over a network takes time: all have read before the first is applied.
    const commit: typeof backend.commit = async (operations, options) => {
      commits += 1;
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      return await backend.commit(operations, options);
    };
    await withFixture({ backend: { ...backend, commit } }, async ({ rpc }) => {
      await rpc.write({ resource: artist() });
      commits = 0;
      await everyone((client) => rpc.write({ resource: titled("korn", `by ${client}`) }));
      expect(commits).toBeLessThanOrEqual(4 * CLIENTS);
    });
  });
});

describe("a watch that is cut anywhere", () => {
  it("never shows a part of a commit without the rest, once it has resumed", async () => {
    const { server, rpc } = createFixture();
    const stop = new AbortController();
    try {
      const begin = String(server.backend.position().version);
      for (let round = 0; round < 20; round++) {
        const names = ["a", "b", "c"].slice(0, 1 + (round % 3));
        await rpc.transact({
          operations: names.map((name) => ({
            operation: { case: "write" as const, value: { resource: titled(name, `round ${round}`) } },
          })),
        });
      }
      const request = { type: id(Artist, "").type, tenancy: { partition: "*", namespace: "*" } };
      const whole = await events(
        rpc,
        { ...request, sinceVersion: begin },
        stop.signal,
        Number.POSITIVE_INFINITY,
      );
      for (let cut = 0; cut <= whole.length; cut++) {
        const before = await events(rpc, { ...request, sinceVersion: begin }, stop.signal, cut);
        const resume = before.findLast(({ version }) => version !== "")?.version ?? begin;
        const kept = before.slice(0, before.findLastIndex(({ version }) => version !== "") + 1);
        const after = await events(
          rpc,
          { ...request, sinceVersion: resume },
          stop.signal,
          Number.POSITIVE_INFINITY,
        );
        expect([...kept, ...after].filter(({ what }) => what !== "endOfSnapshot")).toEqual(
          whole.filter(({ what }) => what !== "endOfSnapshot"),
        );
      }
    } finally {
      stop.abort();
      await server.close();
    }
  });
});

/** The first events of a watch, at most so many, to where it reaches the present. */
async function events(
  rpc: Fixture["rpc"],
  request: Parameters<Fixture["rpc"]["watchList"]>[0],
  signal: AbortSignal,
  most: number,
): Promise<{ readonly what: string; readonly version: string }[]> {
  const seen: { what: string; version: string }[] = [];
  if (most === 0) return seen;
  for await (const { event, version } of rpc.watchList(request, { signal })) {
    const resource = event.case === "upsert" ? event.value.resource : undefined;
    seen.push({
      what: resource === undefined ? String(event.case) : `${resource.id?.name}@${resource.version}`,
      version,
    });
    if (event.case === "endOfSnapshot" || seen.length >= most) break;
  }
  return seen;
}
