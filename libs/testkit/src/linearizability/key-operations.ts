import { type Key, keyString, type Operation, type Precondition } from "@trellis/storage";

import type { History, Recorded, RecordedCommit, RecordedList } from "../history/history.ts";
import { matches } from "../history/model.ts";
import type { Contents } from "./contents.ts";
import { ABSENT, type KeyOperation, type Value } from "./search.ts";

/** An operation of a commit, with its place in it. */
type Placed = readonly [number, Operation];

/** What was done to each key: commits seen from one key, strong reads, and strong lists, which are reads of all keys that they mean. */
export function keyOperations(
  history: History,
  contents: Contents,
): ReadonlyMap<string, readonly KeyOperation[]> {
  const byKey = new Map<string, KeyOperation[]>();
  const keys = keysOf(history);
  for (const text of keys.keys()) byKey.set(text, []);
  for (const recorded of history.recorded) {
    for (const [text, operation] of seenFromKeys(recorded, keys, contents)) byKey.get(text)?.push(operation);
  }
  return byKey;
}

function keysOf(history: History): ReadonlyMap<string, Key> {
  const keys = new Map<string, Key>();
  for (const recorded of history.recorded) {
    if (recorded.kind === "read") keys.set(keyString(recorded.key), recorded.key);
    if (recorded.kind === "commit") for (const { key } of recorded.operations) keys.set(keyString(key), key);
  }
  return keys;
}

function* seenFromKeys(
  recorded: Recorded,
  keys: ReadonlyMap<string, Key>,
  contents: Contents,
): Generator<readonly [string, KeyOperation]> {
  switch (recorded.kind) {
    case "commit":
      yield* fromCommit(recorded, contents);
      return;
    case "read": {
      const { key, options, result, startedAt, endedAt } = recorded;
      if (options.consistency !== "strong" || result === undefined || endedAt === undefined) return;
      const seen = contents.nameOf(result.record);
      yield [keyString(key), readOf(seen, { startedAt, endedAt }, `a read of ${key.name}`)];
      return;
    }
    case "list":
      yield* fromList(recorded, keys, contents);
      return;
    case "watch":
  }
}

function* fromList(
  { query, options, result, startedAt, endedAt }: RecordedList,
  keys: ReadonlyMap<string, Key>,
  contents: Contents,
): Generator<readonly [string, KeyOperation]> {
  const { consistency, atVersion, limit, after } = options;
  if (consistency !== "strong" || atVersion !== undefined || limit !== undefined || after !== undefined)
    return;
  if (result === undefined || endedAt === undefined || "owner" in query) return;
  const seen = new Map(result.records.map((record) => [keyString(record.key), contents.nameOf(record)]));
  for (const [text, key] of keys) {
    if (!matches({ key, owner: undefined }, query)) continue;
    yield [text, readOf(seen.get(text) ?? ABSENT, { startedAt, endedAt }, `a list with ${key.name}`)];
  }
}

function readOf(
  seen: Value,
  span: { readonly startedAt: number; readonly endedAt: number },
  what: string,
): KeyOperation {
  return { ...span, isOptional: false, step: (before) => (before === seen ? before : undefined), what };
}

function* fromCommit(commit: RecordedCommit, contents: Contents): Generator<readonly [string, KeyOperation]> {
  const { operations, failure, startedAt } = commit;
  const isUnknown = commit.result === undefined;
  if (isUnknown && (commit.evaluateOnly || (failure !== undefined && failure !== "outcome-unknown"))) return;
  const byKey = new Map<string, Placed[]>();
  for (const placed of operations.entries()) {
    const text = keyString(placed[1].key);
    byKey.set(text, [...(byKey.get(text) ?? []), placed]);
  }
  for (const [text, placed] of byKey) {
    const endedAt = isUnknown ? Number.POSITIVE_INFINITY : (commit.endedAt ?? Number.POSITIVE_INFINITY);
    const step = stepOf(commit, placed, contents);
    const what = `a commit of ${operations.length} operations on ${placed[0]?.[1].key.name}`;
    yield [text, { startedAt, endedAt, isOptional: isUnknown, step, what }];
  }
}

/** What a commit does to one key, and for which values of it the answer is right. */
function stepOf(
  { result, evaluateOnly }: RecordedCommit,
  placed: readonly Placed[],
  contents: Contents,
): KeyOperation["step"] {
  if (result?.outcome !== "refused") {
    return (before) => {
      let value: Value | undefined = before;
      for (const [, operation] of placed) if (value !== undefined) value = after(operation, value, contents);
      return value === undefined || !evaluateOnly ? value : before;
    };
  }
  const { operationIndex, precondition } = result;
  const current = contents.nameOf(result.current);
  return (before) => {
    let value: Value = before;
    for (const [index, operation] of placed) {
      if (index > operationIndex) break;
      if (index === operationIndex)
        return value === current && holds(precondition, value, operation.key, contents) !== true
          ? before
          : undefined;
      const next = after(operation, value, contents);
      if (next === undefined) return undefined;
      value = next;
    }
    return before;
  };
}

/** What a key holds after an operation; undefined when the operation is refused. */
function after(operation: Operation, before: Value, contents: Contents): Value | undefined {
  const { kind, key, preconditions } = operation;
  if (preconditions.some((one) => holds(one, before, key, contents) === false)) return undefined;
  if (kind === "check") return before;
  return kind === "delete" ? ABSENT : contents.nameOf(operation.record);
}

/** Whether a precondition holds; undefined when the history does not tell. */
function holds(precondition: Precondition, value: Value, key: Key, contents: Contents): boolean | undefined {
  if (precondition.kind === "absent") return value === ABSENT;
  const content = contents.contentOf(value);
  if (content === undefined) return false;
  switch (precondition.kind) {
    case "version": {
      const meant = contents.atVersion(key, precondition.version);
      return meant === undefined ? undefined : meant === value;
    }
    case "generation":
      return content.generation === precondition.generation;
    case "exists":
    case "live":
      if (precondition.kind === "live" && content.marked) return false;
      return precondition.uid === undefined || precondition.uid === content.uid;
  }
}
