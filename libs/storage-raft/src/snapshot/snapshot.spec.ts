import { beforeEach, describe, expect, it } from "@jest/globals";
import { MAX_SNAPSHOT_CHUNK_BYTES } from "@trellis/raft-node";
import { type Operation, toVersion } from "@trellis/storage";
import { createVirtualClock } from "@trellis/testing";

import { encodeCommand } from "../command-codec.ts";
import { StorageMachine } from "../storage-machine.ts";
import { STORE_ID } from "../test-support/cluster.ts";
import { keyOf, put, recordOf, remove } from "../test-support/contents.ts";
import { nextTurn } from "../test-support/turns.ts";
import { emptyContent, storeIdOf, withNewStore } from "./first-content.ts";
import { ItemWriter } from "./item-stream.ts";
import { encodeItem } from "./items.ts";

const ALL = { ...keyOf(""), name: undefined };
const OTHER_STORE_ID = "01JZ0000000000000000000001";

let machine: StorageMachine;
let turnsTaken: number;

function unformed(): StorageMachine {
  return new StorageMachine({
    clock: createVirtualClock(),
    nextTurn: () => {
      turnsTaken++;
      return nextTurn();
    },
  });
}

beforeEach(async () => {
  turnsTaken = 0;
  machine = unformed();
  (await machine.restore(emptyContent(STORE_ID), 1)).install();
});

function commit(index: number, ...operations: Operation[]): void {
  machine.apply(encodeCommand({ kind: "commit", request: undefined, operations }).subarray(1), index);
  machine.reached(index);
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk.slice());
  return all;
}

async function* feed(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

const textsOf = async (of: StorageMachine) =>
  (await of.served.list(ALL)).records.map(
    ({ key, bytes }) => `${key.name}=${new TextDecoder().decode(bytes)}`,
  );

describe("a snapshot of storage", () => {
  it("gives the same state elsewhere", async () => {
    commit(5, put("a", "x"), put("b", "y"));
    commit(6, remove("b"), {
      ...put("c", "z"),
      record: recordOf("z", { marked: true, owner: { key: keyOf("a"), uid: "u" } }),
    } as Operation);
    machine.apply(encodeCommand({ kind: "open-session", id: "s" }).subarray(1), 7);
    machine.reached(9);
    const copy = unformed();
    (await copy.restore(machine.capture().chunks(), 9)).install();
    expect(copy.position).toEqual({ storeId: STORE_ID, version: 9 });
    expect((await copy.served.list(ALL)).records).toEqual((await machine.served.list(ALL)).records);
    expect(copy.sessions.capture()).toEqual(machine.sessions.capture());
    expect(await copy.hashState()).toEqual(await machine.hashState());
    expect((await copy.served.list({ owner: { key: keyOf("a"), uid: "u" } })).records).toHaveLength(1);
  });

  it("shows nothing of what is committed while it is made", async () => {
    commit(5, put("a", "x"));
    const capture = machine.capture();
    commit(6, put("a", "later"), put("b", "later"));
    const copy = unformed();
    (await copy.restore(capture.chunks(), 5)).install();
    expect(await textsOf(copy)).toEqual(["a=x"]);
    expect(await textsOf(machine)).toEqual(["a=later", "b=later"]);
  });

  it("spreads a record that is larger than a chunk over several", async () => {
    const large = "x".repeat(3 * MAX_SNAPSHOT_CHUNK_BYTES + 17);
    commit(5, put("a", "small"), put("b", large), put("c", "small"));
    const chunks = await collect(machine.capture().chunks());
    expect(chunks.map(({ length }) => length)).toEqual([
      ...Array.from({ length: 3 }, () => MAX_SNAPSHOT_CHUNK_BYTES),
      expect.any(Number),
    ]);
    const copy = unformed();
    (await copy.restore(feed(chunks), 5)).install();
    expect(await textsOf(copy)).toEqual(["a=small", `b=${large}`, "c=small"]);
  });

  it("is read from pieces of any size", async () => {
    commit(5, put("a", "x"), put("b", "y".repeat(300)));
    const chunks = await collect(machine.capture().chunks());
    const bytes = Buffer.concat(chunks);
    const pieces = Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
    const copy = unformed();
    (await copy.restore(feed(pieces), 5)).install();
    expect(await copy.hashState()).toEqual(await machine.hashState());
  });

  it("keeps bytes of its own, not the file's", async () => {
    commit(5, put("a", "x"));
    const chunks = await collect(machine.capture().chunks());
    const copy = unformed();
    (await copy.restore(feed(chunks), 5)).install();
    for (const chunk of chunks) chunk.fill(0);
    const { record } = await copy.served.read(keyOf("a"));
    expect(new TextDecoder().decode(record?.bytes)).toBe("x");
    // Nothing else of the file is kept for its sake.
    expect(Buffer.from(record?.bytes.buffer ?? new ArrayBuffer()).includes(keyOf("a").kind)).toBe(false);
    expect(Object.isFrozen(record)).toBe(true);
  });

  it("lets others go first every 256 records, both when it is made and when it is read", async () => {
    for (let index = 2; index < 102; index++) {
      commit(index, ...Array.from({ length: 1000 }, (_, position) => put(`n${index}-${position}`, "x")));
    }
    const capture = machine.capture();
    turnsTaken = 0;
    const chunks = await collect(capture.chunks());
    expect(turnsTaken).toBeGreaterThanOrEqual(Math.floor(100_000 / 256));
    const bytes = chunks.reduce((sum, { length }) => sum + length, 0);
    expect(bytes / machine.approximateBytes).toBeGreaterThan(0.3);
    expect(bytes / machine.approximateBytes).toBeLessThan(3);
    turnsTaken = 0;
    const copy = unformed();
    (await copy.restore(feed(chunks), 101)).install();
    expect(turnsTaken).toBeGreaterThanOrEqual(Math.floor(100_000 / 256));
    expect(copy.served.figures().records).toBe(100_000);
    const again = await collect(copy.capture().chunks());
    expect(Buffer.concat(again).equals(Buffer.concat(chunks))).toBe(true);
  }, 60_000);

  it("lets others go first every mebibyte", async () => {
    const large = Array.from({ length: 4 }, (_, position) =>
      put(`large${position}`, "x".repeat(1024 * 1024)),
    );
    for (const [position, operation] of large.entries()) commit(2 + position, operation);
    const chunks = await collect(machine.capture().chunks());
    expect(turnsTaken).toBe(4);
    await machine.restore(feed(chunks), 5);
    expect(turnsTaken).toBe(8);
  });
});

describe("putting a snapshot in", () => {
  it("T558: shows the restored data and nothing else, and ends open watches", async () => {
    commit(5, put("a", "x"));
    const snapshot = await collect(machine.capture().chunks());
    commit(6, put("b", "y"), remove("a"));
    const watch = machine.served.watch(ALL);
    await watch.next();
    await watch.next();
    const prepared = await machine.restore(feed(snapshot), 9);
    expect(await textsOf(machine)).toEqual(["b=y"]);
    prepared.install();
    expect(await textsOf(machine)).toEqual(["a=x"]);
    await expect(watch.next()).rejects.toMatchObject({ code: "watch-closed" });
  });

  it("reads items that go over the ends of chunks, all of which are in the same memory", async () => {
    const sizes = [1, 700, 300_000, 20, 600_000, 5_000];
    for (const [at, size] of sizes.entries()) commit(5 + at, put(`n${at}`, String(at).repeat(size)));
    for (let at = 0; at < 3_000; at++) commit(20 + at, put(`m${at}`, "x".repeat(at % 400)));
    const whole = Buffer.concat(await collect(machine.capture().chunks()));
    const memory = new Uint8Array(300_000);
    for (const step of [256 * 1024, 7_919, 300_000]) {
      const copy = unformed();
      const chunks = async function* (): AsyncGenerator<Uint8Array> {
        for (let from = 0; from < whole.length; from += step) {
          const chunk = whole.subarray(from, from + step);
          memory.fill(0xee).set(chunk);
          yield memory.subarray(0, chunk.length);
        }
      };
      (await copy.restore(chunks(), 4_000)).install();
      expect((await copy.hashState()).hash).toEqual((await machine.hashState()).hash);
      expect(await textsOf(copy)).toEqual(await textsOf(machine));
    }
  });

  it("begins the history at its index: older versions are gone, watches resume from it on", async () => {
    commit(5, put("a", "x"));
    commit(6, put("b", "y"));
    (await machine.restore(machine.capture().chunks(), 8)).install();
    await expect(machine.served.list(ALL, { atVersion: toVersion(6) })).rejects.toMatchObject({
      code: "version-gone",
    });
    const resume = (version: number) =>
      machine.served.watch(ALL, { since: { version: toVersion(version) } }).next();
    await expect(resume(7)).rejects.toMatchObject({ code: "history-gone" });
    commit(9, put("c", "z"));
    expect(await resume(8)).toMatchObject({ kind: "commit", version: 9 });
  });

  it("lets those go on who waited for a version that it has", async () => {
    const waiting = machine.served.read(keyOf("a"), { minimum: { version: toVersion(8) } });
    commit(5, put("a", "x"));
    (await machine.restore(machine.capture().chunks(), 8)).install();
    expect((await waiting).record?.version).toBe(5);
  });
});

describe("what is no snapshot of storage", () => {
  const item = (value: Parameters<typeof encodeItem>[0]) => encodeItem(value);
  const head = (records: bigint, sessions = 0n) =>
    item({ case: "head", value: { storeId: STORE_ID, records, sessions } });
  const record = (name: string, version = 1n) =>
    item({ case: "record", value: { key: keyOf(name), version, record: { uid: "u" } } });
  const session = (id: string, lastUsed: bigint) =>
    item({ case: "session", value: { id, openedAt: 1n, lastUsed } });

  function streamOf(...items: Uint8Array[]): Uint8Array[] {
    const writer = new ItemWriter();
    return [...items.flatMap((one) => [...writer.add(one)].map((chunk) => chunk.slice())), ...writer.end()];
  }

  it.each<[string, () => Uint8Array[], string]>([
    ["nothing", () => [], "it is empty"],
    ["no head", () => streamOf(record("a")), "does not begin with its head"],
    ["two heads", () => streamOf(head(0n), head(0n)), "two heads"],
    ["a record missing", () => streamOf(head(2n), record("a")), "expected 0 sessions and 2 records"],
    ["a session missing", () => streamOf(head(0n, 1n)), "expected 1 sessions"],
    ["a record twice", () => streamOf(head(2n), record("a"), record("a")), "not where it belongs"],
    ["records out of order", () => streamOf(head(2n), record("b"), record("a")), "not where it belongs"],
    ["a record of the future", () => streamOf(head(1n), record("a", 10n)), "not where it belongs"],
    [
      "sessions out of order",
      () => streamOf(head(0n, 2n), session("s", 3n), session("t", 2n)),
      "not where it belongs",
    ],
    ["a session of the future", () => streamOf(head(0n, 1n), session("s", 10n)), "not where it belongs"],
    [
      "a session behind records",
      () => streamOf(head(1n, 1n), record("a"), session("s", 2n)),
      "not where it belongs",
    ],
    [
      "an end within an item",
      () => streamOf(head(1n), record("a")).map((chunk) => chunk.subarray(0, -1)),
      "ends within",
    ],
    ["an item without end", () => [Uint8Array.of(0xff, 0xff, 0xff, 0xff)], "longer than"],
    ["an item that is no message", () => streamOf(head(1n), Uint8Array.of(0xff)), "cannot be read"],
    ["an item of a later version", () => streamOf(head(1n), new Uint8Array()), "does not know"],
  ])("is refused: %s, and the present state stays", async (_, chunks, says) => {
    commit(5, put("a", "x"));
    const before = await machine.hashState();
    await expect(machine.restore(feed(chunks()), 9)).rejects.toMatchObject({
      name: "RaftNodeError",
      message: expect.stringContaining(says),
    });
    expect(await machine.hashState()).toEqual(before);
  });
});

describe("what a cluster begins with", () => {
  it("has a store id that follows from the cluster's", () => {
    expect(storeIdOf("0".repeat(32))).toBe("0".repeat(26));
    expect(storeIdOf("f".repeat(32))).toBe("7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
    expect(storeIdOf("0123456789abcdef0123456789abcdef")).toBe("014D2PF2DBSQQG28T5CY4TQKFF");
    expect(() => storeIdOf("x")).toThrow("32 hexadecimal digits");
  });

  it("after a restore is the same records in another store, without sessions", async () => {
    commit(5, put("a", "x"), put("b", "y".repeat(2 * MAX_SNAPSHOT_CHUNK_BYTES)));
    machine.apply(encodeCommand({ kind: "open-session", id: "s" }).subarray(1), 6);
    machine.reached(6);
    const restored = unformed();
    const index = 6 + 2 ** 32;
    (await restored.restore(withNewStore(machine.capture().chunks(), OTHER_STORE_ID), index)).install();
    expect(restored.position).toEqual({ storeId: OTHER_STORE_ID, version: index });
    expect(await textsOf(restored)).toEqual(await textsOf(machine));
    expect((await restored.served.read(keyOf("a"))).record?.version).toBe(5);
    expect(restored.sessions.size).toBe(0);
    const minimum = { storeId: STORE_ID, version: toVersion(6) };
    await expect(restored.served.read(keyOf("a"), { minimum })).rejects.toMatchObject({
      code: "store-changed",
    });
  });

  it.each<[string, () => AsyncIterable<Uint8Array>]>([
    ["is empty", () => feed([])],
    ["ends within an item", () => feed([Uint8Array.of(5, 1)])],
  ])("is refused when what is to be restored %s", async (says, chunks) => {
    await expect(collect(withNewStore(chunks(), OTHER_STORE_ID))).rejects.toThrow(says);
  });
});

describe("a snapshot of many remembered results", () => {
  it("lets others go first every thousand results or so, both when it is made and when it is read", async () => {
    const session = machine.apply(encodeCommand({ kind: "open-session", id: "s" }).subarray(1), 2);
    if (session.outcome !== "opened") throw new Error("expected a session");
    for (let sequence = 1; sequence <= 1024; sequence++) {
      const request = { session: session.session, sequence, lowestUnanswered: 1 };
      const operations = [put("a", "x", { kind: "absent" })];
      machine.apply(encodeCommand({ kind: "commit", request, operations }).subarray(1), 2 + sequence);
    }
    machine.reached(1026);
    turnsTaken = 0;
    const chunks = await collect(machine.capture().chunks());
    expect(turnsTaken).toBe(1);
    const copy = unformed();
    (await copy.restore(feed(chunks), 1026)).install();
    expect(turnsTaken).toBe(2);
    expect(await copy.hashState()).toEqual(await machine.hashState());
  });
});
