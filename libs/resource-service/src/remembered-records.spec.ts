import { describe, expect, it } from "@jest/globals";
import { keyString, type RecordInit, type StoredRecord, type Version } from "@trellis/storage";
import { createMemoryBackend } from "@trellis/storage-memory";
import { laggingBackend } from "@trellis/testkit";
import { createVirtualClock, seededRandom } from "@trellis/testing";
import fc from "fast-check";

import { RememberedRecords } from "./remembered-records.ts";
import { artist, Artist, createFixture, type Fixture, id } from "./test-support/fixture.ts";

const MANY = { maxPieces: 4, maxRecords: 1_000_000 };
const keyOf = (name: string) => ({ group: "demo", kind: "Artist", partition: "p", namespace: "n", name });

/** A record of so many bytes, each the same. */
function recordOf(byte: number, length = 10, parts: Partial<RecordInit> = {}): RecordInit {
  const uid = `uid-${byte}`;
  const bytes = new Uint8Array(length).fill(byte);
  return {
    uid,
    groupVersion: "v2",
    generation: `generation-${byte}`,
    owner: undefined,
    marked: false,
    bytes,
    ...parts,
  };
}

function stored(name: string, record: RecordInit, version: number): StoredRecord {
  return { ...record, bytes: Buffer.from(record.bytes), key: keyOf(name), version: version as Version };
}

const get = (records: RememberedRecords, name: string) => records.get(keyOf(name), "store");
const learn = (records: RememberedRecords, name: string, record: RecordInit, version: number) =>
  records.learn(keyOf(name), record, { storeId: "store", version: version as Version });

describe("what a server remembers of what it stored", () => {
  it("is what it learned last, and a copy that stays as it is", () => {
    const records = new RememberedRecords(MANY);
    expect(get(records, "a")).toBeUndefined();
    const owner = { key: keyOf("owner"), uid: "other" };
    const first = recordOf(1, 100, { owner, marked: true });
    learn(records, "a", first, 7);
    const found = get(records, "a");
    expect(found).toEqual(stored("a", first, 7));
    first.bytes.fill(9);
    // One that fits in its place, one that does not, and another that does.
    for (const [version, length] of [
      [8, 100],
      [9, 5_000],
      [10, 20],
    ] as const) {
      learn(records, "a", recordOf(version, length), version);
      expect(get(records, "a")).toEqual(stored("a", recordOf(version, length), version));
    }
    expect(found).toEqual(stored("a", recordOf(1, 100, { owner, marked: true }), 7));
    expect(records.size).toBe(1);
  });

  it("is not what an answer says that comes late", () => {
    const records = new RememberedRecords(MANY);
    learn(records, "a", recordOf(2), 2);
    learn(records, "a", recordOf(1), 1);
    expect(get(records, "a")?.version).toBe(2);
  });

  it("has a bound in bytes: the oldest go first", () => {
    const records = new RememberedRecords({ maxPieces: 2, maxRecords: 1_000_000 });
    const length = 10_000;
    const count = 1_000;
    for (let at = 0; at < count; at++) learn(records, `${at}`, recordOf(at % 250, length), at);
    const known = Array.from({ length: count }, (_, at) => get(records, `${at}`) !== undefined);
    const oldest = known.indexOf(true);
    expect(known.slice(oldest)).not.toContain(false);
    expect(records.size).toBe(count - oldest);
    expect(records.size * length).toBeLessThanOrEqual(2 * 1024 * 1024);
    expect(records.size * length).toBeGreaterThan(1024 * 1024);
    for (let at = oldest; at < count; at++)
      expect(
        Buffer.compare(get(records, `${at}`)?.bytes ?? Buffer.of(), recordOf(at % 250, length).bytes),
      ).toBe(0);
  });

  it("has a bound in records, also where one grows all the time", () => {
    const records = new RememberedRecords({ maxPieces: 4, maxRecords: 100 });
    for (let at = 0; at < 1_000; at++) {
      learn(records, "grows", recordOf(1, at), at);
      learn(records, `${at}`, recordOf(2), at);
      expect(records.size).toBeLessThanOrEqual(100);
    }
    expect(get(records, "999")).toBeDefined();
  });

  it("is nothing of a record that is too large, or that it forgot", () => {
    const records = new RememberedRecords(MANY);
    learn(records, "a", recordOf(1), 1);
    learn(records, "a", recordOf(1, 64 * 1024), 2);
    expect(get(records, "a")).toBeUndefined();
    learn(records, "a", recordOf(1, 0, { uid: "ü-☺" }), 3);
    expect(get(records, "a")).toBeUndefined();
    learn(records, "a", recordOf(1, 0, { uid: "ü" }), 4);
    expect(get(records, "a")?.uid).toBe("ü");
    records.forget(keyOf("a"));
    expect(get(records, "a")).toBeUndefined();
  });

  it("is nothing, for a while, of a record that others write as well", () => {
    const records = new RememberedRecords(MANY);
    learn(records, "a", recordOf(1), 1);
    records.dispute(keyOf("a"));
    for (let version = 2; version < 10; version++) {
      expect(get(records, "a")).toBeUndefined();
      learn(records, "a", recordOf(version), version);
    }
    expect(get(records, "a")).toBeUndefined();
    learn(records, "a", recordOf(10), 10);
    expect(get(records, "a")?.version).toBe(10);
  });

  it("is nothing of another store", () => {
    const records = new RememberedRecords(MANY);
    learn(records, "a", recordOf(1), 1);
    expect(records.get(keyOf("a"), "other")).toBeUndefined();
    expect(get(records, "a")).toBeUndefined();
    learn(records, "a", recordOf(1), 1);
    records.learn(keyOf("b"), recordOf(1), { storeId: "other", version: 2 as Version });
    expect(get(records, "a")).toBeUndefined();
    expect(records.size).toBe(0);
  });

  it("keeps a bounded number of such disputes, the latest", () => {
    const records = new RememberedRecords(MANY);
    learn(records, "known", recordOf(1), 1);
    for (let at = 0; at < 5_000; at++) records.dispute(keyOf(`${at}`));
    for (let at = 0; at < 5_000; at++) learn(records, `${at}`, recordOf(1), 1);
    expect(records.size).toBe(1 + 5_000 - 4_096);
    expect(get(records, "0")).toBeDefined();
  });

  it("is never anything else than what was learned last", () => {
    const step = fc.record({
      kind: fc.constantFrom("learn", "learn", "learn", "forget", "dispute"),
      name: fc.constantFrom("a", "b", "c"),
      length: fc.constantFrom(0, 10, 11, 1_000, 60_000),
    });
    let remembered = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 60 }), (steps) => {
        const records = new RememberedRecords({ maxPieces: 2, maxRecords: 20 });
        const last = new Map<string, StoredRecord>();
        for (const [at, { kind, name, length }] of steps.entries()) {
          const key = keyOf(name);
          const version = (at + 1) as Version;
          if (kind === "forget") records.forget(key);
          else if (kind === "dispute") records.dispute(key);
          else learn(records, name, recordOf(at, length), version);
          if (kind === "learn") last.set(keyString(key), stored(name, recordOf(at, length), version));
          else last.delete(keyString(key));
          for (const each of ["a", "b", "c"]) {
            const found = get(records, each);
            if (found === undefined) continue;
            remembered++;
            const { bytes, ...fields } = last.get(keyString(keyOf(each))) as StoredRecord;
            expect({ ...found, bytes: undefined }).toEqual({ ...fields, bytes: undefined });
            expect(Buffer.compare(found.bytes, bytes)).toBe(0);
          }
        }
      }),
      { numRuns: 60, seed: 15 },
    );
    expect(remembered).toBeGreaterThan(500);
  });
});

/** A server whose store is elsewhere, and what it reads of it and commits. */
function serverOf(backend: ReturnType<typeof laggingBackend>) {
  const seen = { reads: 0, commits: 0 };
  const fixture = createFixture({
    backend: {
      ...backend,
      async read(key, options) {
        seen.reads++;
        return await backend.read(key, options);
      },
      async commit(operations, options) {
        seen.commits++;
        return await backend.commit(operations, options);
      },
    },
  });
  return { fixture, seen };
}

describe("a write of what the server stored last", () => {
  const write = ({ rpc }: Fixture, to: string) =>
    rpc.write({ resource: artist("korn", { metadata: { to } }) });
  const storeOf = (seed = 1) =>
    laggingBackend(createMemoryBackend({ clock: createVirtualClock(), random: seededRandom(seed) }));

  it("reads nothing first where the store is elsewhere, and all other methods go by it as well", async () => {
    const { fixture, seen } = serverOf(storeOf());
    await write(fixture, "a");
    expect(seen.reads).toBe(1);
    await write(fixture, "b");
    const status = { observedGeneration: "01H00000000000000000000000" };
    const { resource } = await fixture.rpc.read({ id: id(Artist, "korn") });
    seen.reads = 0;
    await fixture.rpc.writeStatus({ id: resource?.id, key: "x", status });
    await write(fixture, "c");
    await fixture.rpc.delete({ id: id(Artist, "korn") });
    expect(seen.reads).toBe(0);
    // It knows of nothing then, and asks.
    await write(fixture, "d");
    expect(seen.reads).toBe(1);
    await fixture.server.close();
  });

  it("stands when another server wrote in the meantime, for one more commit in nine", async () => {
    const store = storeOf();
    const [one, other] = [serverOf(store), serverOf(store)];
    await write(one.fixture, "0");
    const rounds = 45;
    one.seen.commits = 0;
    for (let round = 1; round <= rounds; round++) {
      await write(other.fixture, `other-${round}`);
      const { resource } = await write(one.fixture, `${round}`);
      expect(resource?.metadata["to"]).toBe(`${round}`);
      expect(resource?.version).toBe(String(store.position().version));
    }
    expect(one.seen.commits).toBe(rounds + rounds / 9);
    await one.fixture.server.close();
  });

  it("goes by what is stored where another store took the place of the first, with the same versions", async () => {
    const [first, second] = [storeOf(1), storeOf(2)];
    let store = first;
    const there = createFixture({
      backend: {
        capabilities: first.capabilities,
        position: () => store.position(),
        read: (key, options) => store.read(key, options),
        list: (query, options) => store.list(query, options),
        commit: (operations, options) => store.commit(operations, options),
        watch: (query, options) => store.watch(query, options),
        close: () => store.close(),
      },
    });
    await write(there, "0");
    const { fixture: other } = serverOf(second);
    const { resource: stored } = await write(other, "1");
    expect(second.position().version).toBe(first.position().version);
    store = second;
    const { resource } = await write(there, "2");
    expect(resource?.id?.uid).toBe(stored?.id?.uid);
    await there.server.close();
    await other.server.close();
  });
});
