import { describe, expect, it } from "@jest/globals";
import {
  type CommitResult,
  type Key,
  keyString,
  type Operation,
  type Precondition,
  type StoredEvent,
  type StoredRecord,
  toVersion,
  type TypeQuery,
  type Version,
  type Watch,
} from "@trellis/storage";
import fc from "fast-check";

import { createMemoryBackend } from "./memory-backend.ts";
import { createStore } from "./store.ts";
import { createManualClock, fixedRandom } from "./test-support/manual-clock.ts";

/** A store so plain that it is right by reading: the state at every version, as a sorted list. */
class Model {
  version: Version;
  readonly states = new Map<Version, readonly StoredRecord[]>();

  constructor(version: Version) {
    this.version = version;
    this.states.set(version, []);
  }

  get present(): readonly StoredRecord[] {
    return this.states.get(this.version) ?? [];
  }

  commit(
    operations: readonly Operation[],
  ): "applied" | { readonly operationIndex: number; readonly precondition: Precondition } {
    const state = new Map(this.present.map((record) => [keyString(record.key), record]));
    const next = toVersion(this.version + 1);
    let changed = false;
    for (const [operationIndex, operation] of operations.entries()) {
      const key = keyString(operation.key);
      const found = state.get(key);
      const precondition = operation.preconditions.find((one) => !Model.#holds(one, found));
      if (precondition !== undefined) return { operationIndex, precondition };
      if (operation.kind === "put")
        state.set(key, { ...operation.record, key: operation.key, version: next });
      if (operation.kind === "delete") state.delete(key);
      changed ||= operation.kind === "put" || (operation.kind === "delete" && found !== undefined);
    }
    if (!changed) return "applied";
    this.version = next;
    const sorted = [...state].sort(([a], [b]) => (a < b ? -1 : 1));
    this.states.set(
      next,
      sorted.map(([, record]) => record),
    );
    return "applied";
  }

  static #holds(precondition: Precondition, record: StoredRecord | undefined): boolean {
    if (precondition.kind === "absent") return record === undefined;
    if (record === undefined) return false;
    if (precondition.kind === "version") return record.version === precondition.version;
    if (precondition.kind === "generation") return record.generation === precondition.generation;
    if (precondition.kind === "live" && record.marked) return false;
    return precondition.uid === undefined || precondition.uid === record.uid;
  }
}

const keys: fc.Arbitrary<Key> = fc.record({
  group: fc.constant("g"),
  kind: fc.constantFrom("k", "kk"),
  partition: fc.constantFrom("p", "pp"),
  namespace: fc.constantFrom("", "n"),
  name: fc.constantFrom("a", "ab", "b"),
});
const uids = fc.constantFrom("u1", "u2");
const owners = fc.option(fc.record({ key: keys, uid: uids }), { nil: undefined });
const preconditions: fc.Arbitrary<Precondition> = fc.oneof(
  fc.constant<Precondition>({ kind: "absent" }),
  fc.record({
    kind: fc.constantFrom("exists" as const, "live" as const),
    uid: fc.option(uids, { nil: undefined }),
  }),
  fc.record({ kind: fc.constant("generation" as const), generation: fc.constantFrom("g1", "g2") }),
);
const operations: fc.Arbitrary<Operation> = fc.oneof(
  {
    arbitrary: fc
      .record({
        key: keys,
        uid: uids,
        owner: owners,
        marked: fc.boolean(),
        generation: fc.constantFrom("g1", "g2"),
        text: fc.string({ maxLength: 4 }),
        preconditions: fc.array(preconditions, { maxLength: 1 }),
      })
      .map(({ key, text, preconditions: given, ...rest }): Operation => ({
        kind: "put",
        key,
        preconditions: given,
        record: { ...rest, groupVersion: "v1", bytes: new TextEncoder().encode(text) },
      })),
    weight: 4,
  },
  fc.record({
    kind: fc.constantFrom("delete" as const, "check" as const),
    key: keys,
    preconditions: fc.array(preconditions, { maxLength: 1 }),
  }),
);
const commits = fc.array(
  fc.uniqueArray(operations, {
    maxLength: 4,
    selector: ({ key, kind }) => (kind === "check" ? {} : keyString(key)),
  }),
  { maxLength: 40 },
);
const queries: fc.Arbitrary<TypeQuery> = fc.record({
  group: fc.constant("g"),
  kind: fc.constantFrom("k", "kk"),
  partition: fc.constantFrom("p", "pp", "*"),
  namespace: fc.constantFrom("", "n", "*"),
  namePrefix: fc.constantFrom("", "a", "ab", undefined),
  name: fc.constantFrom("a", undefined, undefined),
});

function wanted(state: readonly StoredRecord[], query: TypeQuery): StoredRecord[] {
  return state.filter(
    ({ key }) =>
      key.kind === query.kind &&
      ["*", key.partition].includes(query.partition) &&
      ["*", key.namespace].includes(query.namespace) &&
      key.name.startsWith(query.namePrefix ?? "") &&
      (query.name ?? key.name) === key.name,
  );
}

/** Whatever does not depend on how a record object was made. */
const plain = (records: readonly StoredRecord[]) =>
  records.map(({ key, owner, bytes, ...rest }) => ({
    ...rest,
    key: keyString(key),
    owner: owner && keyString(owner.key) + owner.uid,
    bytes: [...bytes],
  }));

const summary = (result: CommitResult) =>
  result.outcome === "applied"
    ? "applied"
    : { operationIndex: result.operationIndex, precondition: result.precondition };

function open() {
  const backend = createMemoryBackend({ clock: createManualClock(), random: fixedRandom }, { copies: 2 });
  return { backend, model: new Model(backend.position().version) };
}

describe("the memory backend and a naive model agree", () => {
  it("on results, lists, pages and lists at every older version", async () => {
    await fc.assert(
      fc.asyncProperty(
        commits,
        fc.array(queries, { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1, max: 4 }),
        async (all, asked, limit) => {
          const { backend, model } = open();
          for (const one of all) {
            const before = plain(model.present);
            const expected = model.commit(one);
            const [query] = asked;
            // Begun before the commit, answered after it: it shows the one or the other, and says which.
            const listing = query === undefined ? undefined : backend.list(query);
            const result = await backend.commit(one);
            const listed = await listing;
            if (query !== undefined && listed !== undefined) {
              const state = model.states.get(listed.position.version) ?? [];
              expect(plain(listed.records)).toEqual(plain(wanted(state, query)));
            }
            expect(summary(result)).toEqual(expected);
            expect(result.version).toBe(model.version);
            if (result.outcome === "refused") {
              const { key } = one[result.operationIndex] ?? {};
              const current = before.find((record) => key !== undefined && record.key === keyString(key));
              expect(result.current === undefined ? undefined : plain([result.current])[0]).toEqual(current);
            }
          }
          for (const [version, state] of model.states) {
            for (const query of asked) {
              const listed: StoredRecord[] = [];
              let page;
              do {
                page = await backend.list(query, { atVersion: version, limit, after: listed.at(-1)?.key });
                listed.push(...page.records);
              } while (page.more);
              expect(plain(listed)).toEqual(plain(wanted(state, query)));
            }
            const owner = state.find((record) => record.owner !== undefined)?.owner;
            if (owner === undefined) continue;
            const owned = state.filter(
              (record) =>
                record.owner?.uid === owner.uid && keyString(record.owner.key) === keyString(owner.key),
            );
            expect(plain((await backend.list({ owner }, { atVersion: version })).records)).toEqual(
              plain(owned),
            );
          }
          await backend.close();
        },
      ),
      { numRuns: 150 },
    );
  });

  it("on every state that watches replay, whenever they were opened or resumed", async () => {
    await fc.assert(
      fc.asyncProperty(
        commits,
        queries,
        fc.nat({ max: 40 }),
        fc.nat({ max: 40 }),
        async (all, query, openAt, resumeAt) => {
          const { backend, model } = open();
          let opened: Watch | undefined;
          for (const [index, one] of all.entries()) {
            if (index === openAt) opened = backend.watch(query);
            if (index === resumeAt) await opened?.next();
            model.commit(one);
            await backend.commit(one);
          }
          opened?.close();
          for (const start of model.states.keys()) {
            const watch = backend.watch(query, { since: { version: start } });
            await replays(
              watch,
              model,
              query,
              new Map(
                wanted(model.states.get(start) ?? [], query).map((record) => [keyString(record.key), record]),
              ),
            );
          }
          await replays(backend.watch(query), model, query, new Map());
          await backend.close();
        },
      ),
      { numRuns: 100 },
    );
  });

  it("when a watch reads amid commits", async () => {
    await fc.assert(
      fc.asyncProperty(
        commits,
        queries,
        fc.nat({ max: 40 }),
        fc.array(fc.boolean(), { minLength: 41, maxLength: 41 }),
        async (all, query, openAt, pauses) => {
          const { backend, model } = open();
          const state = new Map<string, StoredRecord>();
          let reading: Promise<void> | undefined;
          let watch: Watch | undefined;
          for (const [index, one] of all.entries()) {
            if (index === openAt) {
              watch = backend.watch(query);
              reading = follow(watch, model, query, state);
            }
            model.commit(one);
            await backend.commit(one);
            if (pauses[index] === true) await turn();
          }
          for (let count = 0; count < 3; count++) await turn();
          expect(watch === undefined ? [] : plain(sorted(state))).toEqual(
            watch === undefined ? [] : plain(wanted(model.present, query)),
          );
          watch?.close();
          await reading;
          await backend.close();
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe("the store", () => {
  it("is deterministic: the same commits give equal records and results", () => {
    fc.assert(
      fc.property(commits, (all) => {
        const make = () => createStore({ storeId: "s", version: toVersion(5) });
        const [a, b] = [make(), make()];
        expect(all.map((one) => a.apply(one))).toEqual(all.map((one) => b.apply(one)));
      }),
    );
  });

  it("goes on from a snapshot as if it had made it", () => {
    fc.assert(
      fc.property(commits, commits, (before, after) => {
        const first = createStore({ storeId: "s", version: toVersion(5) });
        for (const one of before) first.apply(one);
        const all = first.tree.walk({ prefix: "" }, { after: undefined, records: 1000, visits: 1000 });
        const second = createStore({ storeId: "s", version: first.version, records: all.records });
        expect(after.map((one) => second.apply(one))).toEqual(after.map((one) => first.apply(one)));
      }),
    );
  });
});

function sorted(state: ReadonlyMap<string, StoredRecord>): StoredRecord[] {
  return [...state].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, record]) => record);
}

function replay(state: Map<string, StoredRecord>, event: StoredEvent): void {
  const key = keyString(event.record.key);
  if (event.kind === "put") state.set(key, event.record);
  else state.delete(key);
}

/** Follows a watch to its end; at each commit the replayed state is that of the model at that version. */
async function follow(
  watch: Watch,
  model: Model,
  query: TypeQuery,
  state: Map<string, StoredRecord>,
): Promise<void> {
  for await (const batch of watch) {
    if (batch.kind === "snapshot")
      for (const record of batch.records) state.set(keyString(record.key), record);
    if (batch.kind === "commit") for (const event of batch.events) replay(state, event);
    if (batch.kind === "snapshot") continue;
    expect(plain(sorted(state))).toEqual(plain(wanted(model.states.get(batch.version) ?? [], query)));
  }
}

/** Follows a watch of a store that stands still to the present. */
async function replays(
  watch: Watch,
  model: Model,
  query: TypeQuery,
  state: Map<string, StoredRecord>,
): Promise<void> {
  const following = follow(watch, model, query, state);
  for (let count = 0; count < 2; count++) await turn();
  watch.close();
  await following;
  expect(plain(sorted(state))).toEqual(plain(wanted(model.present, query)));
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
