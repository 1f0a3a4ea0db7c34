import { describe, expect, it } from "@jest/globals";
import { systemClock } from "@trellis/resource";
import {
  type Backend,
  type Key,
  type Operation,
  type RecordInit,
  StorageError,
  type StoredRecord,
  toVersion,
  type WatchBatch,
  WILDCARD,
} from "@trellis/storage";
import { createMemoryBackend } from "@trellis/storage-memory";
import { seededRandom } from "@trellis/testing";

import { createHistory, type History } from "./history.ts";
import { judgeHistory } from "./judge.ts";
import { recordingBackend } from "./recording-backend.ts";

const ALL = { group: "g", kind: "k", partition: WILDCARD, namespace: WILDCARD };
const NAMES = ["a", "ab", "b", "c"];

function keyOf(name: string): Key {
  return { group: "g", kind: "k", partition: "p", namespace: "n", name };
}

let serial = 0;
function recordInit(): RecordInit {
  serial += 1;
  const bytes = new TextEncoder().encode(`record ${serial}`);
  return { uid: `u${serial}`, groupVersion: "v1", generation: `g${serial}`, marked: false, bytes };
}

function put(name: string, ...preconditions: Operation["preconditions"]): Operation {
  return { kind: "put", key: keyOf(name), record: recordInit(), preconditions };
}

interface Recording {
  readonly backend: Backend;
  readonly history: History;
  as(client: string): Backend;
}

function startRecording(wrap: (backend: Backend) => Backend = (backend) => backend): Recording {
  const backend = createMemoryBackend({ clock: systemClock, random: seededRandom(1) });
  const history = createHistory(backend.position());
  return { backend, history, as: (client) => recordingBackend(wrap(backend), history, client) };
}

/** Clients that do everything at once, by a seed. */
async function storm(recording: Recording, seed: number): Promise<void> {
  const random = seededRandom(seed);
  const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)] as T;
  const as = (name: string) => recording.as(name);
  const watchers = [as("w1").watch(ALL), as("w2").watch({ ...ALL, namePrefix: "a" })];
  const drained = Promise.all(
    watchers.map(async (watch) => {
      for await (const _ of watch);
    }),
  );
  const client = async (name: string): Promise<void> => {
    const backend = as(name);
    for (let step = 0; step < 30; step++) {
      const target = keyOf(pick(NAMES));
      const { record } = await backend.read(target, { consistency: pick(["strong", "eventual"] as const) });
      const expected =
        record === undefined
          ? { kind: "absent" as const }
          : { kind: "version" as const, version: record.version };
      const other = keyOf(pick(NAMES));
      const operations: Operation[] = [
        random() < 0.7
          ? put(target.name, expected)
          : { kind: "delete", key: target, preconditions: [expected] },
        ...(other.name === target.name ? [] : [put(other.name)]),
      ];
      await backend.commit(
        pick([
          operations,
          operations.slice(0, 1),
          [{ kind: "check", key: target, preconditions: [expected] }],
        ]),
      );
      await backend.list(ALL, random() < 0.5 ? {} : { limit: 2 });
    }
  };
  await Promise.all(["c1", "c2", "c3"].map(client));
  for (const watch of watchers) watch.close();
  await drained;
}

describe("the judge of histories", () => {
  it.each([1, 2, 3, 4, 5])("finds nothing wrong with what a correct store does (seed %i)", async (seed) => {
    const recording = startRecording();
    await storm(recording, seed);
    expect(recording.history.recorded.length).toBeGreaterThan(250);
    expect(judgeHistory(recording.history)).toEqual([]);
  });

  it("takes a commit of unknown outcome for applied where its record was seen", async () => {
    const recording = startRecording((backend) => ({
      ...bound(backend),
      async commit(operations, options) {
        await backend.commit(operations, options);
        throw new StorageError("outcome-unknown", "the connection was cut");
      },
    }));
    const client = recording.as("c");
    await expect(client.commit([put("a")])).rejects.toThrow("cut");
    expect((await client.read(keyOf("a"))).record?.version).toBeDefined();
    expect(judgeHistory(recording.history)).toEqual([]);
  });

  it("takes a commit of unknown outcome for lost when nobody saw it", async () => {
    const recording = startRecording((backend) => ({
      ...bound(backend),
      commit: () => Promise.reject(new StorageError("outcome-unknown", "the connection was cut")),
    }));
    await expect(recording.as("c").commit([put("a")])).rejects.toThrow("cut");
    await recording.as("c").read(keyOf("a"));
    expect(judgeHistory(recording.history)).toEqual([]);
  });

  it("takes a delete of unknown outcome for applied where a watch saw it", async () => {
    let isCut = false;
    const recording = startRecording((backend) => ({
      ...bound(backend),
      async commit(operations, options) {
        const result = await backend.commit(operations, options);
        if (isCut) throw new StorageError("outcome-unknown", "the connection was cut");
        return result;
      },
    }));
    const client = recording.as("c");
    const watch = client.watch(ALL);
    await watch.next();
    await client.commit([put("a")]);
    await watch.next();
    isCut = true;
    await expect(client.commit([{ kind: "delete", key: keyOf("a"), preconditions: [] }])).rejects.toThrow(
      "cut",
    );
    await watch.next();
    await client.read(keyOf("a"));
    expect(judgeHistory(recording.history)).toEqual([]);
  });

  it("takes of two commits of unknown outcome the one that no watch contradicts", async () => {
    let mode: "answered" | "lost" | "cut" = "answered";
    const recording = startRecording((backend) => ({
      ...bound(backend),
      async commit(operations, options) {
        if (mode === "lost") throw new StorageError("outcome-unknown", "the connection was cut");
        const result = await backend.commit(operations, options);
        if (mode === "cut") throw new StorageError("outcome-unknown", "the connection was cut");
        return result;
      },
    }));
    const client = recording.as("c");
    const watch = client.watch(ALL);
    await watch.next();
    await client.commit([put("a"), put("b")]);
    await watch.next();
    const without = (name: string): Operation => ({ kind: "delete", key: keyOf(name), preconditions: [] });
    mode = "lost";
    await expect(client.commit([without("a"), without("b")])).rejects.toThrow("cut");
    mode = "cut";
    await expect(client.commit([without("a")])).rejects.toThrow("cut");
    await watch.next();
    mode = "answered";
    await client.commit([without("b")]);
    await watch.next();
    expect(judgeHistory(recording.history)).toEqual([]);
  });

  it("does not take a commit of unknown outcome for what a commit without changes was answered with", async () => {
    let isCut = true;
    const recording = startRecording((backend) => ({
      ...bound(backend),
      async commit(operations, options) {
        if (isCut) throw new StorageError("outcome-unknown", "the connection was cut");
        const result = await backend.commit(operations, options);
        // As from a replicated log, in which what changes nothing has a number, too.
        return result.outcome === "applied" ? { ...result, version: toVersion(result.version + 1) } : result;
      },
    }));
    const client = recording.as("c");
    await expect(client.commit([put("a")])).rejects.toThrow("cut");
    isCut = false;
    await client.commit([{ kind: "delete", key: keyOf("b"), preconditions: [] }]);
    const { position } = await client.read(keyOf("a"));
    Object.assign(position, { version: toVersion(position.version + 1) });
    expect(judgeHistory(recording.history)).toEqual([]);
  });

  it("knows the one of two deletes that did it, though both were answered with its version", async () => {
    const recording = startRecording();
    const client = recording.as("c");
    await client.commit([put("a")]);
    const gone: Operation = { kind: "delete", key: keyOf("a"), preconditions: [] };
    await Promise.all([client.commit([gone]), recording.as("d").commit([gone])]);
    expect(judgeHistory(recording.history)).toEqual([]);
  });
});

/** The methods of a backend as plain functions, to replace some of them. */
function bound(backend: Backend): Backend {
  return {
    capabilities: backend.capabilities,
    position: () => backend.position(),
    read: (...args) => backend.read(...args),
    list: (...args) => backend.list(...args),
    commit: (...args) => backend.commit(...args),
    watch: (...args) => backend.watch(...args),
    close: () => backend.close(),
  };
}

/** A history of two commits to one key, read and listed and watched after each. */
async function shortHistory(): Promise<History> {
  const recording = startRecording();
  const client = recording.as("c");
  const watch = client.watch(ALL);
  await watch.next();
  for (const name of ["a", "a", "b"]) {
    await client.commit([put(name), put("c")]);
    await watch.next();
    await client.read(keyOf(name), { consistency: "strong" });
    await client.list(ALL);
  }
  watch.close();
  expect(judgeHistory(recording.history)).toEqual([]);
  return recording.history;
}

type Mutable<T> = { -readonly [Key in keyof T]: Mutable<T[Key]> };

function all<Kind extends History["recorded"][number]["kind"]>(history: History, kind: Kind) {
  return history.recorded.filter((one) => one.kind === kind) as unknown as Mutable<
    Extract<History["recorded"][number], { kind: Kind }>
  >[];
}

describe("a defect that the judge must see", () => {
  const defects: readonly (readonly [string, (history: History) => void, RegExp])[] = [
    [
      "a read that shows the record of the version before",
      (history) => {
        const [first, second] = all(history, "read");
        if (first?.result !== undefined && second?.result !== undefined)
          second.result.record = first.result.record;
      },
      /a read of .* stored was/,
    ],
    [
      "a strong read of an old version, right for that version",
      (history) => {
        const [first, second] = all(history, "read");
        if (first !== undefined && second !== undefined)
          Object.assign(second, { result: first.result, key: first.key });
      },
      /began after/,
    ],
    [
      "a list that lacks a record",
      (history) => void all(history, "list")[2]?.result?.records.pop(),
      /a list at version/,
    ],
    [
      "a refusal that nothing justifies",
      (history) => {
        const commit = all(history, "commit")[2];
        if (commit?.result === undefined) return;
        Object.assign(commit, {
          result: {
            outcome: "refused",
            operationIndex: 0,
            precondition: { kind: "absent" },
            current: undefined,
            version: toVersion(Number(commit.result.version) - 1),
          },
        });
      },
      /was refused, and nothing forbids it|no commit explains/,
    ],
    [
      "a version that is given twice",
      (history) => {
        const [, second, third] = all(history, "commit");
        if (second?.result !== undefined && third?.result !== undefined)
          third.result.version = second.result.version;
      },
      /was given to 2 commits/,
    ],
    [
      "a watch that lacks a commit",
      (history) => void all(history, "watch")[0]?.batches.splice(2, 1),
      /went on to version \d+ without/,
    ],
    [
      "a watch that shows a commit twice",
      (history) => {
        const { batches } = all(history, "watch")[0] ?? { batches: [] };
        batches.splice(2, 0, ...structuredClone(batches.slice(1, 2)));
      },
      /went back/,
    ],
    [
      "a watch that cuts a commit",
      (history) => {
        const batch = all(history, "watch")[0]?.batches[1];
        if (batch?.kind === "commit") batch.events = batch.events.slice(1);
      },
      /events of version/,
    ],
    [
      "a snapshot with something that was not there",
      (history) => {
        const { batches } = all(history, "watch")[0] ?? { batches: [] };
        const record = all(history, "read")[0]?.result?.record as StoredRecord;
        (batches as WatchBatch[]).unshift({ kind: "snapshot", records: [record] });
      },
      /a snapshot of version/,
    ],
  ];

  it.each(defects)("%s", async (_, spoil, finding) => {
    const history = await shortHistory();
    spoil(history);
    expect(judgeHistory(history).join("\n")).toMatch(finding);
  });
});
