import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { systemClock } from "@trellis/resource";
import { createForwardingPart, createRoutedBackend, type RoutedBackend } from "@trellis/routing";
import { type Operation, WILDCARD } from "@trellis/storage";
import { freePorts } from "@trellis/testkit";

import { Hop, nextTurn, served } from "./test-support/counted-hops.ts";
import { serveStorage, standingClock, type StorageServer } from "./test-support/storage-server.ts";

const clock = systemClock;
const random = Math.random;

function put(name: string): readonly Operation[] {
  const key = { group: "test", kind: "Thing", partition: "default", namespace: "default", name };
  const record = {
    uid: name,
    groupVersion: "v1",
    generation: "g",
    marked: false,
    bytes: new Uint8Array(600),
  };
  return [{ kind: "put", key, record, preconditions: [] }];
}

const toForwarder = new Hop();
const toNode = new Hop();
let storage: StorageServer;
let forwarder: Awaited<ReturnType<typeof served>>;
let backend: RoutedBackend;
beforeEach(async () => {
  const [port = 0] = await freePorts(1);
  storage = await serveStorage(port, standingClock);
  const servers = [`127.0.0.1:${port}`];
  const deps = { openLink: toNode.links("the forwarder"), clock, random, nextTurn };
  forwarder = await served(createForwardingPart(deps, { name: "the forwarder", servers }));
  backend = createRoutedBackend(
    { openLink: toForwarder.links("the gateway"), clock, random },
    { servers: [forwarder.address] },
  );
  // The session is open, and every link.
  await backend.commit(put("first"));
  for (const hop of [toForwarder, toNode]) hop.reset();
});
afterEach(async () => {
  await backend.close();
  await forwarder.stop();
  await storage.stop();
});

describe("from a gateway through a forwarder to a node", () => {
  it("a thousand writes of one turn cross each hop in at most eight messages, and so do their answers", async () => {
    await Promise.all(Array.from({ length: 1_000 }, (_, at) => backend.commit(put(`thing-${at}`))));
    for (const hop of [toForwarder, toNode]) {
      expect(hop.there).toBeLessThanOrEqual(8);
      expect(hop.back).toBeLessThanOrEqual(8);
      expect(hop.unary).toBe(0);
    }
  });

  it("one write alone is one message on each hop, and its answer another", async () => {
    await backend.commit(put("alone"));
    for (const { there, back, unary } of [toForwarder, toNode])
      expect({ there, back, unary }).toEqual({ there: 1, back: 1, unary: 0 });
  });

  it("reads, lists and watches need no call of their own kind", async () => {
    const key = put("first")[0]?.key;
    if (key === undefined) throw new Error("no key");
    await backend.read(key, { consistency: "strong" });
    await backend.read(key);
    const things = { group: "test", kind: "Thing", partition: WILDCARD, namespace: WILDCARD };
    await backend.list(things);
    const watch = backend.watch(things);
    await watch.next();
    watch.close();
    for (const { unary } of [toForwarder, toNode]) expect(unary).toBe(0);
  });
});
