import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "@jest/globals";
import type { TypedResource } from "@trellis/resource";
import fc from "fast-check";

import { Artist, createSetup, failure, type Setup } from "./test-support/setup.ts";

/** What a history consists of: changes, pauses in which time passes, and the end of streams in the middle of whatever they carry. */
type Step =
  | { readonly kind: "write" | "remove"; readonly name: string }
  | { readonly kind: "together"; readonly names: readonly string[] }
  | { readonly kind: "wait"; readonly milliseconds: number }
  | { readonly kind: "refresh" }
  | { readonly kind: "cut"; readonly afterMessages: number; readonly reason: "cut" | "lost" | "slow" };

const name = fc.constantFrom("a", "b", "c", "d", "e");
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom("write" as const, "remove" as const), name }),
  fc.record({
    kind: fc.constant("together" as const),
    names: fc.uniqueArray(name, { minLength: 2, maxLength: 4 }),
  }),
  fc.record({ kind: fc.constant("wait" as const), milliseconds: fc.constantFrom(0, 30, 300) }),
  fc.record({ kind: fc.constant("refresh" as const) }),
  fc.record({
    kind: fc.constant("cut" as const),
    afterMessages: fc.nat(4),
    reason: fc.constantFrom("cut" as const, "lost" as const, "slow" as const),
  }),
);

const RUNS = 150;
/** Long enough for a watch to be open again, whatever the waits between its tries. */
const CALM_MS = 30_000;

describe("a watch that is cut at random points", () => {
  it("shows what is stored, tells nothing twice, and deletes only what it told", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), fc.nat(), async (steps, seed) => {
        const setup = createSetup({ historyCommits: 4 }, seed);
        const reader = read(setup);
        let number = 0;
        for (const one of steps) await perform(setup, reader, one, (number += 1));
        setup.faults = {};
        await setup.clock.advance(CALM_MS);
        const stored = new Map<string, string>();
        for await (const { id, version } of setup.server.client.list(Artist)) stored.set(id.name, version);
        expect(new Map([...reader.shown].map(([key, { version }]) => [key, version]))).toEqual(stored);
        expect(reader.complaints).toEqual([]);
        reader.stop.abort();
        await reader.ended;
        await setup.close();
      }),
      { numRuns: RUNS, seed: 20_260_101 },
    );
  });
});

/** A reader that keeps what it is told, and complains about what it should not be told. */
function read(setup: Setup) {
  const shown = new Map<string, TypedResource>();
  const complaints: string[] = [];
  const stop = new AbortController();
  let refresh = (): void => undefined;
  const options = { signal: stop.signal, onRefresher: (given: () => void) => (refresh = given) };
  const ended = (async () => {
    for await (const item of setup.client.watch(Artist, {}, options)) {
      if (item.kind === "endOfSnapshot") continue;
      const { id, version } = item.resource;
      const before = shown.get(id.name);
      if (item.kind === "delete") {
        if (before?.id.uid !== id.uid) complaints.push(`delete of ${id.name}, which was not told`);
        shown.delete(id.name);
        continue;
      }
      if (before !== undefined && Number(before.version) >= Number(version))
        complaints.push(`${id.name} at ${version} after ${before.version}`);
      if (before !== undefined && before.id.uid !== id.uid) complaints.push(`${id.name} changed its uid`);
      shown.set(id.name, item.resource);
    }
  })();
  return { shown, complaints, stop, ended, refresh: () => refresh() };
}

async function perform(
  setup: Setup,
  reader: ReturnType<typeof read>,
  step: Step,
  number: number,
): Promise<void> {
  const { client } = setup.server;
  switch (step.kind) {
    case "write":
      await client.write(Artist, { name: step.name, data: { name: `v${number}` } });
      return;
    case "remove":
      await client.delete(Artist, { name: step.name });
      return;
    case "together":
      await client.resources.transact({ operations: step.names.map((one) => writeOf(one, number)) });
      return;
    case "wait":
      await setup.clock.advance(step.milliseconds);
      return;
    case "refresh":
      reader.refresh();
      return;
    case "cut": {
      let left = step.afterMessages;
      setup.faults = {
        message() {
          left -= 1;
          if (left >= 0) return;
          setup.faults = {};
          throw reasons[step.reason]();
        },
      };
    }
  }
}

const reasons = {
  cut: () => new ConnectError("the connection was cut", Code.Unavailable),
  lost: () => failure("AUTHORIZATION_CHANGED"),
  slow: () => failure("SLOW_WATCHER"),
};

function writeOf(name: string, number: number) {
  const { group, groupVersion, kind, schema } = Artist;
  const text = new TextEncoder().encode(`v${number}`);
  return {
    operation: {
      case: "write" as const,
      value: {
        resource: {
          id: { type: { group, groupVersion, kind }, name },
          data: {
            typeUrl: `type.googleapis.com/${schema.typeName}`,
            value: Uint8Array.of(10, text.length, ...text),
          },
        },
      },
    },
  };
}
