import { describe, expect, it } from "@jest/globals";
import type { RecordInit } from "@trellis/storage";
import { createMemoryBackend } from "@trellis/storage-memory";
import { createVirtualClock, seededRandom } from "@trellis/testing";

import type { Call } from "./call.ts";
import { Patience } from "./patience.ts";
import { RememberedGuards } from "./remembered-guards.ts";
import { StateView } from "./state-view.ts";

function createView(): StateView {
  const backend = createMemoryBackend({ clock: createVirtualClock(), random: seededRandom(1) });
  return new StateView({ backend, guards: new RememberedGuards() }, new Patience({} as Call, false));
}

/** More than are found one after the other. */
const names = Array.from({ length: 20 }, (_, index) => `resource-${index}`);

function keyOf(name: string) {
  return { group: "demo", kind: "Artist", partition: "p", namespace: "n", name };
}

function recordOf(uid: string): RecordInit {
  return { uid, groupVersion: "v1", generation: "", marked: false, bytes: new Uint8Array(0) };
}

describe("what a mutation takes to be stored", () => {
  it("is remembered of each of many keys, in whatever order they are asked for", () => {
    const view = createView();
    view.restart();
    for (const name of names) view.plan(keyOf(name), recordOf(name));
    for (const name of names.toReversed()) expect(view.latest(keyOf(name))).toMatchObject({ uid: name });
    expect(names.map((name) => view.isPlanned(keyOf(name)))).not.toContain(false);
    view.restart();
    expect(names.map((name) => view.isPlanned(keyOf(name)))).not.toContain(true);
  });

  it("is checked in the order in which an attempt relied on it, and only that", () => {
    const view = createView();
    view.restart();
    for (const name of names) void view.stored(keyOf(name));
    view.restart();
    expect(view.proven()).toBe(true);
    const relied = [names[3], names[17], names[0], names[3]];
    for (const name of relied) void view.stored(keyOf(name ?? ""));
    expect(view.checks().map(({ key }) => key.name)).toEqual(relied.slice(0, 3));
    expect(view.proven()).toBe(false);
  });
});
