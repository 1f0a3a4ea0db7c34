import { Code } from "@connectrpc/connect";
import { afterEach, describe, expect, it } from "@jest/globals";
import demo from "@trellis/demo";
import { errorReason } from "@trellis/resource";
import { createTestServer, seededRandom, type TestServer } from "@trellis/testing";

import type { Client, ListOptions, ListQuery } from "./client.ts";
import { Artist, createSetup, failure, rejection, type Setup } from "./test-support/setup.ts";

let setup: Setup;
afterEach(() => setup.close());

async function fill(client: Client, names: readonly string[], artist = "Korn"): Promise<void> {
  for (const name of names) await client.write(Artist, { name, data: { name: artist } });
}

async function names(query: ListQuery = {}, options: ListOptions = {}): Promise<string[]> {
  const found: string[] = [];
  for await (const { id } of setup.client.list(Artist, query, options)) found.push(id.name);
  return found;
}

const FIVE = ["a", "a-b", "a1", "b", "c"];

describe("a list", () => {
  it("gives everything in order, whatever the size of the pages", async () => {
    setup = createSetup();
    await fill(setup.client, FIVE.toReversed());
    for (const pageSize of [0, 1, 2, 3, 5, 100]) expect(await names({}, { pageSize })).toEqual(FIVE);
  });

  it("filters by prefix and selector", async () => {
    setup = createSetup();
    await fill(setup.client, FIVE);
    await setup.client.write(Artist, { name: "ab", metadata: { label: "epic" }, data: { name: "AB" } });
    expect(await names({ namePrefix: "a" })).toEqual(["a", "a-b", "a1", "ab"]);
    expect(await names({ selector: "label=epic" })).toEqual(["ab"]);
    expect(await rejection(names({ selector: "=" }))).toMatchObject({ code: Code.InvalidArgument });
  });

  it("shows one version on all pages, whatever is written between them", async () => {
    setup = createSetup();
    await fill(setup.client, FIVE);
    const found: string[] = [];
    for await (const { id } of setup.client.list(Artist, {}, { pageSize: 2 })) {
      found.push(id.name);
      if (found.length === 1) {
        await setup.client.delete(Artist, { name: "c" });
        await fill(setup.client, ["d"]);
      }
    }
    expect(found).toEqual(FIVE);
  });

  it("goes on behind what it gave when its version is gone, says so, and gives nothing twice", async () => {
    setup = createSetup({ historyCommits: 2, copies: 1, copyAgeMs: 1 });
    await fill(setup.client, FIVE);
    const found: string[] = [];
    let restarts = 0;
    const options = { pageSize: 2, onRestart: () => (restarts += 1) };
    for await (const { id } of setup.client.list(Artist, {}, options)) {
      found.push(id.name);
      if (found.length !== 2) continue;
      await setup.clock.advance(10);
      await fill(setup.client, ["a-a", "a0", "a2", "d", "e", "f"]);
    }
    expect(restarts).toBe(1);
    expect(found).toEqual(["a", "a-b", "a0", "a1", "a2", "b", "c", "d", "e", "f"]);
  });

  it("goes on in another store when the store was replaced between two pages", async () => {
    setup = createSetup();
    const restored = createTestServer({ domains: [demo], controllers: [], random: seededRandom(9) });
    await fill(setup.client, FIVE);
    await fill(restored.client, ["a1", "z"]);
    const found: string[] = [];
    let restarts = 0;
    const list = setup.client.list(Artist, {}, { pageSize: 2, onRestart: () => (restarts += 1) });
    const [timer, reading] = [setup.clock, read(list, restored)];
    await timer.advance(5_000);
    await reading;
    expect(found).toEqual(["a", "a-b", "a1", "z"]);
    expect(restarts).toBe(1);
    await restored.close();

    async function read(items: typeof list, next: TestServer): Promise<void> {
      for await (const { id } of items) {
        found.push(id.name);
        if (found.length === 2) setup.reaches = next;
      }
    }
  });

  it("gives up when its version is gone again and again without a step forward", async () => {
    setup = createSetup();
    await fill(setup.client, FIVE);
    let pages = 0;
    let restarts = 0;
    setup.faults = {
      request() {
        pages += 1;
        if (pages % 2 === 0) throw failure("PAGE_EXPIRED");
      },
    };
    const list = names({}, { pageSize: 2, onRestart: () => (restarts += 1) });
    expect(errorReason(await rejection(list))).toBe("PAGE_EXPIRED");
    expect(restarts).toBe(5);
  });

  it("has one deadline over all its pages, its reader's time included", async () => {
    setup = createSetup();
    await fill(setup.client, FIVE);
    const timeouts: unknown[] = [];
    setup.faults = { request: ({ timeoutMs }) => void timeouts.push(timeoutMs) };
    const slow = async (): Promise<void> => {
      for await (const { id } of setup.client.list(Artist, {}, { pageSize: 1, timeoutMs: 250 })) {
        if (id.name !== "") await setup.clock.advance(100);
      }
    };
    expect(await rejection(slow())).toMatchObject({ code: Code.DeadlineExceeded });
    expect(timeouts).toEqual([250, 150, 50]);
  });

  it("ends with its signal", async () => {
    setup = createSetup();
    await fill(setup.client, FIVE);
    const stop = new AbortController();
    const aborted = async (): Promise<void> => {
      for await (const { id } of setup.client.list(Artist, {}, { pageSize: 1, signal: stop.signal }))
        if (id.name === "a-b") stop.abort();
    };
    expect(await rejection(aborted())).toMatchObject({ code: Code.Canceled });
  });
});
