import { toBinary } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import {
  ExchangeRequestSchema,
  ExchangeResponseSchema,
} from "@trellis/protos/trellis/storage/v1/storage_service_pb.js";

import { BATCH_BYTES } from "./protocol.ts";
import { keyOf, type OpenWire, openWire, put } from "./test-support/open-wire.ts";
import { turns } from "./test-support/test-wire.ts";

describe("calls of one turn", () => {
  let open: OpenWire;

  beforeEach(async () => {
    open = await openWire();
  });
  afterEach(() => open.close());

  it("cross a hop together: a thousand commits in at most eight messages, and their answers", async () => {
    const { link, wire } = open;
    const commits = Array.from({ length: 1_000 }, (_, index) => link.commit([put(`n${index}`)]));
    const results = await Promise.all(commits);
    expect(results.every(({ outcome }) => outcome === "applied")).toBe(true);
    expect(wire.asked.length).toBeLessThanOrEqual(8);
    expect(wire.answered.length).toBeLessThanOrEqual(8);
    expect(link.pendingCalls).toBe(0);
  });

  it("wait for no batch: one alone is in the very next message", async () => {
    const { link, wire } = open;
    const commit = link.commit([put("alone")]);
    await turns(2);
    expect(wire.asked.map(({ message }) => message.calls.length)).toEqual([1]);
    await commit;
    expect(wire.answered.map(({ message }) => message.answers.length)).toEqual([1]);
  });

  it("take at most one message for each stream, direction and turn", async () => {
    const { link, wire } = open;
    const names = Array.from({ length: 40 }, (_, index) => `n${index}`);
    await Promise.all(names.map((name) => link.commit([put(name, "x".repeat(300_000))])));
    await Promise.all(names.map((name) => link.read(keyOf(name))));
    for (const seen of [wire.asked, wire.answered]) {
      expect(seen.length).toBeGreaterThan(8);
      expect(new Set(seen.map(({ turn }) => turn)).size).toBe(seen.length);
    }
  });

  it("are parted into messages of at most a mebibyte; a larger one goes alone", async () => {
    const { link, wire } = open;
    const sizes = [900_000, 300_000, 300_000, 2_000_000, 10, 600_000, 600_000];
    await Promise.all(sizes.map((size, index) => link.commit([put(`n${index}`, "x".repeat(size))])));
    await Promise.all(sizes.map((_, index) => link.read(keyOf(`n${index}`))));
    for (const { message } of wire.asked) {
      const bytes = toBinary(ExchangeRequestSchema, message).length;
      expect(bytes <= BATCH_BYTES || message.calls.length === 1).toBe(true);
    }
    for (const { message } of wire.answered) {
      const bytes = toBinary(ExchangeResponseSchema, message).length;
      expect(bytes <= BATCH_BYTES || message.answers.length === 1).toBe(true);
    }
  });

  it("with long names and many preconditions keep to the bytes of a message all the same", async () => {
    const { link, wire } = open;
    const name = (index: number) => `${"n".repeat(240)}${index}`;
    const many = Array.from({ length: 20 }, () => ({ kind: "exists" as const, uid: "u".repeat(36) }));
    await Promise.all(
      Array.from({ length: 3_000 }, (_, index) => link.commit([put(name(index), "", ...many)])),
    );
    for (const { message } of wire.asked)
      expect(toBinary(ExchangeRequestSchema, message).length).toBeLessThanOrEqual(BATCH_BYTES);
  });
});

describe("the pages of a list", () => {
  it("are put together, however many answers they take", async () => {
    const open = await openWire();
    const { link, wire } = open;
    const operations = Array.from({ length: 1_024 }, (_, index) => put(`n${index}`, "x".repeat(1_000)));
    await link.commit(operations);
    await link.commit(Array.from({ length: 500 }, (_, index) => put(`m${index}`, "x".repeat(4_000))));
    wire.forget();
    const all = await link.list({ group: "test", kind: "a", partition: "*", namespace: "*" });
    expect(all.records.length).toBe(1_524);
    expect(all.more).toBe(false);
    expect(wire.answered.filter(({ message }) => message.answers.length > 0).length).toBeGreaterThan(3);
    for (const { message } of wire.answered)
      expect(toBinary(ExchangeResponseSchema, message).length).toBeLessThanOrEqual(BATCH_BYTES);
    const some = await link.list(
      { group: "test", kind: "a", partition: "*", namespace: "*" },
      { limit: 1_100 },
    );
    expect(some.records.map(({ key }) => key.name)).toEqual(
      all.records.slice(0, 1_100).map(({ key }) => key.name),
    );
    expect(some.more).toBe(true);
    await open.close();
  });
});
