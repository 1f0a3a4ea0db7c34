import {
  type CommitResult,
  type Key,
  keyString,
  type ListResult,
  type Operation,
  type OwnerQuery,
  type Position,
  type StoredRecord,
  toVersion,
  type TypeQuery,
  type Version,
} from "@trellis/storage";

import { Copies } from "./copies.ts";
import { evaluateCommit } from "./evaluate.ts";
import { History } from "./history.ts";
import type { StoreLimits } from "./limits.ts";
import { scanOf, shows, tableKey } from "./matching.ts";
import { createTables, replaceRecord, type Tables } from "./tables.ts";

/** What part of a list to give. */
export interface ListRange {
  /** The present when absent. */
  readonly atVersion?: Version | undefined;
  readonly limit?: number | undefined;
  readonly after?: Key | undefined;
}

/**
 * The versioned ordered store, as a synchronous state machine: the same operations in the same order give the same store. It knows neither clock nor randomness:
 * whoever applies a commit says what time it is, for the age of history and copies only.
 */
export interface Store {
  position(): Position;
  get(key: Key): StoredRecord | undefined;
  /** In byte order of (group, kind, partition, namespace, name). Throws `version-gone`, `invalid`. */
  list(query: TypeQuery | OwnerQuery, range: ListRange, nowMs: number): ListResult;
  /** Applies all operations as the next version, or none. `evaluateOnly` answers the same and changes nothing. Throws `invalid`. */
  commit(operations: readonly Operation[], nowMs: number, evaluateOnly?: boolean): CommitResult;
  readonly history: History;
  /** How much the store holds. */
  figures(): { readonly records: number; readonly historyCommits: number; readonly historyBytes: number; readonly copies: number };
}

/** Starts an empty store at a position. */
export function createStore(start: Position, limits: StoreLimits): Store {
  const records = new Map<string, StoredRecord>();
  const tables = createTables();
  const history = new History(start.version, limits);
  const copies = new Copies(limits);
  let version = start.version;
  const position = (): Position => ({ storeId: start.storeId, version });

  return {
    position,
    history,
    get: (key) => records.get(keyString(key)),
    list(query, { atVersion = version, limit = Infinity, after }, nowMs) {
      // What a first page shows is kept from then on, for the pages after it.
      const shown = atVersion === version ? tables : copies.at(atVersion, { tables, version, history }, nowMs);
      const { found, more } = scan(shown, query, limit, after);
      if (more && atVersion === version) copies.at(version, { tables, version, history }, nowMs);
      return { records: found, more, position: { storeId: start.storeId, version: atVersion } };
    },
    commit(operations, nowMs, evaluateOnly = false) {
      const next = toVersion(version + 1);
      const evaluation = evaluateCommit(operations, (key) => records.get(keyString(key)), next);
      if (evaluation.kind === "refused") {
        const { operationIndex, precondition, current } = evaluation;
        return { outcome: "refused", operationIndex, precondition, current, version };
      }
      if (evaluateOnly || evaluation.events.length === 0) return { outcome: "applied", version };
      for (const event of evaluation.events) {
        const key = keyString(event.record.key);
        if (event.kind === "put") {
          records.set(key, event.record);
          replaceRecord(tables, event.previous, event.record);
        } else {
          records.delete(key);
          replaceRecord(tables, event.record, undefined);
        }
      }
      version = next;
      history.append(version, evaluation.events, nowMs);
      return { outcome: "applied", version };
    },
    figures: () => ({ records: records.size, historyCommits: history.length, historyBytes: history.bytes, copies: copies.size }),
  };
}

function scan(
  tables: Tables,
  query: TypeQuery | OwnerQuery,
  limit: number,
  after: Key | undefined,
): { found: StoredRecord[]; more: boolean } {
  const plan = scanOf(query);
  const table = tables[plan.table];
  const found: StoredRecord[] = [];
  const afterKey = after === undefined ? undefined : tableKey(plan, keyString(after));
  const from = afterKey !== undefined && afterKey > plan.prefix ? afterKey : plan.prefix;
  for (const [key, record] of table.entries(from)) {
    if (!key.startsWith(plan.prefix)) break;
    if (key === afterKey || !shows(plan, record)) continue;
    if (found.length >= limit) return { found, more: true };
    found.push(record);
  }
  return { found, more: false };
}
