import { systemClock } from "@trellis/resource";
import {
  type Backend,
  type Key,
  type Operation,
  type StoredRecord,
  type Version,
  type Watch,
  type WatchBatch,
  WILDCARD,
} from "@trellis/storage";
import { createMemoryBackend } from "@trellis/storage-memory";
import { seededRandom } from "@trellis/testing";

import { createHistory } from "../history.ts";
import { judgeHistory } from "../judge.ts";
import { recordingBackend } from "../recording-backend.ts";

const ALL = { group: "g", kind: "k", partition: WILDCARD, namespace: WILDCARD };

export const keyOf = (name: string): Key => ({ group: "g", kind: "k", partition: "p", namespace: "n", name });

function put(name: string, content: string): Operation {
  const bytes = new TextEncoder().encode(content);
  const record = {
    uid: `u-${content}`,
    groupVersion: "v1",
    generation: `g-${content}`,
    marked: false,
    bytes,
  };
  return { kind: "put", key: keyOf(name), record, preconditions: [] };
}

const remove = (name: string): Operation => ({ kind: "delete", key: keyOf(name), preconditions: [] });

/**
 * What the clients do, with a store that may be bad: some commits of two records, a delete, one that fails, one that only asks; then reads, lists and
 * watches of every kind. Returns the judge's findings.
 */
export async function judged(spoil: (good: Backend) => Partial<Backend>): Promise<string> {
  const good = createMemoryBackend({ clock: systemClock, random: seededRandom(1) });
  const bad: Backend = { ...good, readNow: undefined, ...spoil(good) };
  const history = createHistory(good.position());
  const as = (client: string): Backend => recordingBackend(bad, history, client);
  const [writer, reader] = [as("writer"), as("reader")];
  const watch = reader.watch(ALL);
  await watch.next();
  const begin = good.position();

  await writer.commit([put("a", "one"), put("b", "one")]);
  await writer.commit([put("a", "two"), put("b", "two")]);
  const middle = good.position();
  await writer.commit([put("a", "three"), put("b", "three")]);
  await writer.commit([remove("b")]);
  await writer.commit([put("c", "asked")], { evaluateOnly: true });
  await writer.commit([put("d", "failed")]).catch(() => undefined);
  await writer.commit([put("e", "last")]);

  const end = good.position();
  for (const name of ["a", "b", "c", "d", "e"]) {
    await writer.read(keyOf(name));
    await as(`fresh ${name}`).read(keyOf(name), { consistency: "strong" });
    await as(`newer ${name}`).read(keyOf(name), { minimum: end });
  }
  await reader.list(ALL, { consistency: "strong" });
  await reader.list(ALL, { atVersion: middle.version });
  await drain(watch, end.version);
  const resumed = reader.watch(ALL, { since: begin });
  await drain(resumed, end.version);
  await drain(reader.watch(ALL), end.version);
  return judgeHistory(history).join("\n");
}

/** Reads a watch to a version. */
async function drain(watch: Watch, end: Version): Promise<void> {
  for (let batches = 0; batches < 20; batches++) {
    const batch = await watch.next();
    if (batch === undefined || (batch.kind !== "snapshot" && batch.version >= end)) break;
  }
  watch.close();
}

/** The commits that the story acknowledges, by what they put first; `store` may do something else with one of them. */
export function onCommit(
  good: Backend,
  content: string,
  commit: (operations: readonly Operation[]) => ReturnType<Backend["commit"]>,
) {
  return {
    commit: (operations, options) => {
      const [first] = operations;
      const text = first?.kind === "put" ? new TextDecoder().decode(first.record.bytes) : first?.kind;
      return text === content ? commit(operations) : good.commit(operations, options);
    },
  } satisfies Partial<Backend>;
}

/** The batches of every watch, changed: what is given for one is told instead of it. */
export function onBatches(
  good: Backend,
  change: (batch: WatchBatch, index: number) => readonly WatchBatch[],
) {
  return {
    watch(query, options) {
      const inner = good.watch(query, options);
      const ready: WatchBatch[] = [];
      let index = 0;
      return {
        async next() {
          while (ready.length === 0) {
            const batch = await inner.next();
            if (batch === undefined) return undefined;
            ready.push(...change(batch, batch.kind === "commit" ? ++index : 0));
          }
          return ready.shift();
        },
        take: () => undefined,
        close: () => inner.close(),
        [Symbol.asyncIterator]: () => {
          throw new Error("the story takes batches one by one");
        },
      };
    },
  } satisfies Partial<Backend>;
}

/** Reads that show something else. */
export function onRead(
  good: Backend,
  name: string,
  change: (
    record: StoredRecord | undefined,
    version: Version,
  ) => { record: StoredRecord | undefined; version?: Version },
) {
  return {
    async read(key, options) {
      const { record, position } = await good.read(key, options);
      if (key.name !== name) return { record, position };
      const { version = position.version, ...changed } = change(record, position.version);
      return { ...changed, position: { ...position, version } };
    },
  } satisfies Partial<Backend>;
}
