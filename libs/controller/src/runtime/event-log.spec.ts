import { afterEach, describe, expect, it } from "@jest/globals";
import { createVirtualClock } from "@trellis/testing";

import { defineController } from "../define.ts";
import { Artist, createRun, type Run } from "../test-support/run.ts";
import { EventLog, MAX_EVENTS, MAX_RESOURCES } from "./event-log.ts";

let run: Run | undefined;
afterEach(() => run?.close());

const told = (name: string, message: string) => ({
  controller: "c",
  type: "demo.v2.Artist",
  key: `default\0default\0${name}`,
  reason: "Told",
  message,
});

describe("the events of resources", () => {
  it("are counted when they are told again, with the first and the last time", async () => {
    const clock = createVirtualClock();
    const events = new EventLog(clock);
    const firstMs = clock.now();
    expect(events.tell(told("korn", "hello"))).toBe(true);
    await clock.advance(1_000);
    expect(events.tell(told("korn", "hello"))).toBe(false);
    expect(events.tell(told("korn", "goodbye"))).toBe(true);
    expect(events.list()).toMatchObject([
      { message: "hello", count: 2, firstMs, lastMs: firstMs + 1_000 },
      { message: "goodbye", count: 1 },
    ]);
  });

  it("are found by what is asked for", () => {
    const events = new EventLog(createVirtualClock());
    events.tell(told("korn", "a"));
    events.tell(told("slipknot", "b"));
    expect(events.list({ name: "korn" })).toMatchObject([
      { type: "demo.v2.Artist", request: { partition: "default", namespace: "default", name: "korn" } },
    ]);
    expect(events.list({ type: "demo.v2.Album" })).toEqual([]);
    expect(events.list({ partition: "other" })).toEqual([]);
    expect(events.list({ namespace: "default" })).toHaveLength(2);
  });

  it("are bounded: those of one resource, and the resources; the newest stay", () => {
    const events = new EventLog(createVirtualClock());
    for (let number = 0; number <= MAX_EVENTS; number++) events.tell(told("korn", `${number}`));
    const messages = events.list().map(({ message }) => message);
    expect(messages).toHaveLength(MAX_EVENTS);
    expect(messages).not.toContain("0");
    for (let number = 0; number < MAX_RESOURCES; number++) events.tell(told(`n${number}`, "x"));
    expect(events.list({ name: "korn" })).toEqual([]);
    expect(events.list()).toHaveLength(MAX_RESOURCES);
  });

  it("are told by runs, logged once, and shown by the runtime", async () => {
    run = createRun([
      defineController({
        name: "telling",
        type: Artist,
        reconcile: async ({ event }) => event("Seen", "has been seen"),
        absent: async ({ event }) => event("Gone", "is gone"),
      }),
    ]);
    await run.artist("korn", "v1");
    await run.settled();
    await run.artist("korn", "v2");
    await run.settled();
    await run.client.delete(Artist, { name: "korn" });
    await run.settled();
    expect(run.server.runtime.events({ type: Artist.gvk, name: "korn" })).toMatchObject([
      { controller: "telling", reason: "Seen", message: "has been seen", count: 2 },
      { controller: "telling", reason: "Gone", message: "is gone", count: 1 },
    ]);
    const lines = run.lines.filter(({ level }) => level === "info");
    expect(lines.map(({ fields }) => fields["reason"])).toEqual(["Seen", "Gone"]);
  });
});
