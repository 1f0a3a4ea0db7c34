import type { TypeQuery } from "../backend.ts";
import type { Version } from "../record.ts";
import type { CommitBatch, StoredEvent } from "../watch.ts";
import { matchingEvents, sameQuery } from "./query-match.ts";

/** What watches read with cursors: the last commits of a store, at positions that count from the beginning. */
export interface CommitsInOrder {
  /** The position that the next commit will get. */
  readonly next: number;
  /** The commit at a position that is kept. */
  at(position: number): { readonly version: Version; readonly events: readonly StoredEvent[] };
}

/** Commits that one look of many goes through. Who is farther behind looks by itself. */
const MAX_COMMITS = 64;

/** What one look found. */
interface Look {
  readonly query: TypeQuery;
  readonly from: number;
  readonly next: number;
  readonly found: readonly CommitBatch[];
}

/** What the watches of a group find in the history, looked for once for all who ask alike and stand at the same point, and kept until something else happens. */
export class SharedLooks {
  #query: TypeQuery | undefined;
  #last: Look | undefined;

  /** The same query, and the same object for who asks alike one after the other: what all of them look at stays at hand for the processor. */
  queryOf(query: TypeQuery): TypeQuery {
    if (this.#query === undefined || !sameQuery(this.#query, query)) this.#query = { ...query };
    return this.#query;
  }

  /** What the commits from a kept position on are to a query, all of them; undefined where they are too many for one look. */
  from(history: CommitsInOrder, from: number, query: TypeQuery): readonly CommitBatch[] | undefined {
    const { next } = history;
    const last = this.#last;
    if (last !== undefined && last.query === query && last.from === from && last.next === next)
      return last.found;
    if (next - from > MAX_COMMITS) return undefined;
    const found: CommitBatch[] = [];
    for (let at = from; at < next; at++) {
      const { version, events } = history.at(at);
      const matching = matchingEvents(query, events);
      if (matching.length > 0) found.push({ kind: "commit", version, events: matching });
    }
    // The history is to keep what is old, nobody else.
    if (last === undefined) queueMicrotask(() => (this.#last = undefined));
    this.#last = { query, from, next, found };
    return found;
  }
}
