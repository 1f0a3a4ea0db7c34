import type { MessageStream } from "./raw/raw-client.ts";

/** What the bench asks of a system, whichever it is. `client` chooses the connection; items are numbers of resources. Each throws when the answer is no success, or not the one asked for. */
export interface StoreCalls {
  /** Creates or replaces a resource; durable once it is answered. */
  write(client: number, item: number): Promise<void>;
  /** Replaces a resource if it is as it was last seen. */
  compareAndSwap(client: number, item: number): Promise<void>;
  /** Reads a resource. `strong`: linearizable; else from any replica. */
  read(client: number, item: number, strong: boolean): Promise<void>;
  /** Lists the resources of one thousand of items, and returns how many there are. */
  list(client: number, thousand: number): Promise<number>;
  /** Writes many in one call: as one commit (`together`), or each by itself where the system has a call for that. */
  writeMany(client: number, items: readonly number[], together: boolean): Promise<void>;
  /** Watches one resource; `onEvents` is told how many changes came. */
  watch(client: number, item: number, onEvents: (count: number) => void): Watch;
}

/** A watch. */
export interface Watch extends MessageStream {
  /** Resolves once every later change will be told. */
  readonly live: Promise<void>;
}
