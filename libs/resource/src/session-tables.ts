import type { Http2Session } from "node:http2";
import { types } from "node:util";

/** So many entries are taken out of a table, and half as many again as it has, before it is begun anew. */
const RENEWED_AFTER = 64;

/**
 * A map that is begun anew now and then. V8 links each table of a `Map` or `Set` that it replaces to its successor, for iterators to go on: once a table is among the old objects,
 * all that follow it are kept until the next full collection, with whatever was in them when they were replaced. In one that changes with every call
 * that is every other call, with its streams, headers and closures.
 */
export class RenewedMap<K, V> {
  #entries: Map<K, V>;
  #removed = 0;

  constructor(entries: Iterable<readonly [K, V]> = []) {
    this.#entries = new Map(entries);
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: K): V | undefined {
    return this.#entries.get(key);
  }

  set(key: K, value: V): this {
    this.#entries.set(key, value);
    return this;
  }

  delete(key: K): boolean {
    if (!this.#entries.delete(key)) return false;
    if (++this.#removed >= RENEWED_AFTER + this.#entries.size / 2) {
      this.#entries = new Map(this.#entries);
      this.#removed = 0;
    }
    return true;
  }

  has(key: K): boolean {
    return this.#entries.has(key);
  }

  clear(): void {
    this.#entries.clear();
  }

  keys(): IterableIterator<K> {
    return this.#entries.keys();
  }

  values(): IterableIterator<V> {
    return this.#entries.values();
  }

  entries(): IterableIterator<[K, V]> {
    return this.#entries.entries();
  }

  [Symbol.iterator](): IterableIterator<unknown> {
    return this.entries();
  }

  /** Calls back for each value that is there now; it may be taken out meanwhile. */
  forEach(callback: (value: V) => void): void {
    for (const value of this.#entries.values()) callback(value);
  }
}

/** The same as a set. */
class RenewedSet<V> extends RenewedMap<V, V> {
  add(value: V): this {
    return this.set(value, value);
  }

  override [Symbol.iterator](): IterableIterator<unknown> {
    return this.keys();
  }
}

/** Where Node keeps the streams of an HTTP/2 connection. */
interface SessionState {
  streams: unknown;
  pendingStreams: unknown;
}

/**
 * Has a connection keep its streams in tables that are begun anew. They are Node's own and no part of what it promises: where they are not found as they are known, all stays as it is,
 * and calls cost more. The tests tell for the versions of Node that they run with.
 *
 * @returns Whether they were found.
 */
export function renewStreamTables(session: Http2Session): boolean {
  for (const symbol of Object.getOwnPropertySymbols(session)) {
    const state = (session as unknown as Record<symbol, Partial<SessionState> | undefined>)[symbol];
    const { streams, pendingStreams } = state ?? {};
    if (state === undefined || !types.isMap(streams) || !types.isSet(pendingStreams)) continue;
    state.streams = new RenewedMap(streams);
    state.pendingStreams = new RenewedSet([...pendingStreams].map((stream) => [stream, stream] as const));
    return true;
  }
  return false;
}
