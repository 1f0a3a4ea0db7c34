import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { MIN_VERSION_HEADER } from "@trellis/resource";

import { Album, Artist, createSetup, type Setup, words } from "./test-support/setup.ts";

let setup: Setup;
beforeEach(() => {
  setup = createSetup();
});
afterEach(() => setup.close());

/** A watch of artists that has told everything, and what it has told. */
async function open() {
  const told: string[] = [];
  const interrupts: unknown[] = [];
  const versions: string[] = [];
  let refresh = (): void => undefined;
  const stop = new AbortController();
  const watch = setup.client.watch(
    Artist,
    {},
    {
      signal: stop.signal,
      onInterrupt: (error) => interrupts.push(error),
      onPosition: ({ version }) => versions.push(version),
      onRefresher: (given) => (refresh = given),
    },
  );
  void (async () => {
    for await (const item of watch) told.push(words(item));
  })();
  await setup.clock.flush();
  return { told, interrupts, versions, refresh: () => refresh(), stop };
}

async function album(name: string): Promise<string> {
  return (await setup.client.write(Album, { name, data: { title: name } })).resource.version;
}

describe("a watch that is refreshed", () => {
  it("tells how far it has come, though nothing that it watches has changed and no time passes", async () => {
    await setup.client.write(Artist, { name: "korn", data: { name: "Korn" } });
    const { told, versions, refresh, interrupts, stop } = await open();
    const version = await album("a");
    await setup.clock.flush();
    expect(versions).not.toContain(version);
    let messages = 0;
    setup.faults = { message: () => void (messages += 1) };
    refresh();
    await setup.clock.flush();
    expect(versions.at(-1)).toBe(version);
    expect(told).toEqual(["upsert korn Korn", "endOfSnapshot"]);
    expect(interrupts).toEqual([]);
    // It resumed: what it has told it does not read again.
    expect(messages).toBe(1);
    stop.abort();
  });

  it("asks for what its client has seen, whichever server answers", async () => {
    const { refresh, stop } = await open();
    const version = await album("a");
    const asked: (string | null)[] = [];
    setup.faults = { request: ({ header }) => void asked.push(header.get(MIN_VERSION_HEADER)) };
    refresh();
    await setup.clock.flush();
    expect(asked).toEqual([version]);
    stop.abort();
  });

  it("comes out of a stream that is stuck, and waits only for what fails", async () => {
    const { told, refresh, interrupts, stop } = await open();
    const stuck = Promise.withResolvers<void>();
    setup.faults = { message: () => stuck.promise };
    await setup.client.write(Artist, { name: "korn", data: { name: "Korn" } });
    await setup.clock.flush();
    setup.faults = {};
    refresh();
    await setup.clock.flush();
    expect(told).toEqual(["endOfSnapshot", "upsert korn Korn"]);
    expect(interrupts).toEqual([]);
    stop.abort();
  });

  it("ends all the same", async () => {
    const { told, refresh, stop } = await open();
    stop.abort();
    refresh();
    await setup.clock.flush();
    await setup.client.write(Artist, { name: "korn", data: { name: "Korn" } });
    await setup.clock.flush();
    expect(told).toEqual(["endOfSnapshot"]);
  });
});
