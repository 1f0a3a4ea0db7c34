import {
  type Key,
  keyEquals,
  keyString,
  type Operation,
  type OwnerQuery,
  type Precondition,
  type StoredRecord,
  type TypeQuery,
  type Version,
  WILDCARD,
} from "@trellis/storage";

/** The records of one version, by key string. */
export type State = ReadonlyMap<string, StoredRecord>;

/** What one key went through in a commit. */
export interface Change {
  readonly key: Key;
  readonly before: StoredRecord | undefined;
  readonly after: StoredRecord | undefined;
}

/** What a commit does to a state: its changes in order, or the operation that is refused. */
export type Effect =
  | { readonly changes: readonly Change[] }
  | { readonly refused: { readonly operationIndex: number; readonly precondition: Precondition } };

/** Evaluates a commit so plainly that it is right by reading: each operation sees those before it, all or nothing. */
export function effectOf(state: State, operations: readonly Operation[], version: Version): Effect {
  const staged = new Map<string, StoredRecord | undefined>();
  const changes: Change[] = [];
  for (const [operationIndex, { kind, key, preconditions, ...rest }] of operations.entries()) {
    const text = keyString(key);
    const seen = staged.has(text) ? staged.get(text) : state.get(text);
    const precondition = preconditions.find((one) => !holds(one, seen));
    if (precondition !== undefined) return { refused: { operationIndex, precondition } };
    if (kind === "check" || (kind === "delete" && seen === undefined)) continue;
    const after =
      kind === "put" && "record" in rest
        ? { ...(rest.record as Omit<StoredRecord, "key" | "version">), key, version }
        : undefined;
    staged.set(text, after);
    changes.push({ key, before: seen, after });
  }
  return { changes };
}

function holds(precondition: Precondition, record: StoredRecord | undefined): boolean {
  if (precondition.kind === "absent") return record === undefined;
  if (record === undefined) return false;
  if (precondition.kind === "version") return record.version === precondition.version;
  if (precondition.kind === "generation") return record.generation === precondition.generation;
  if (precondition.kind === "live" && record.marked) return false;
  return precondition.uid === undefined || precondition.uid === record.uid;
}

/** The state with a commit's changes. */
export function applied(state: State, changes: readonly Change[]): State {
  const next = new Map(state);
  for (const { key, after } of changes) {
    if (after === undefined) next.delete(keyString(key));
    else next.set(keyString(key), after);
  }
  return next;
}

/** The records that a query means, in the order of their keys. */
export function matching(state: State, query: TypeQuery | OwnerQuery): readonly StoredRecord[] {
  return [...state]
    .filter(([, record]) => matches(record, query))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, record]) => record);
}

/** Whether a query means a record. */
export function matches(
  { key, owner }: Pick<StoredRecord, "key" | "owner">,
  query: TypeQuery | OwnerQuery,
): boolean {
  if ("owner" in query) {
    return owner !== undefined && owner.uid === query.owner.uid && keyEquals(owner.key, query.owner.key);
  }
  return (
    key.group === query.group &&
    key.kind === query.kind &&
    (query.partition === WILDCARD || query.partition === key.partition) &&
    (query.namespace === WILDCARD || query.namespace === key.namespace) &&
    key.name.startsWith(query.namePrefix ?? "") &&
    (query.name === undefined || query.name === key.name)
  );
}

/** Whether two records are the same in everything that storage keeps. */
export function sameRecord(a: StoredRecord | undefined, b: StoredRecord | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return (
    keyEquals(a.key, b.key) &&
    a.version === b.version &&
    a.uid === b.uid &&
    a.generation === b.generation &&
    a.groupVersion === b.groupVersion &&
    a.marked === b.marked &&
    a.owner?.uid === b.owner?.uid &&
    Buffer.compare(a.bytes, b.bytes) === 0
  );
}
