import { randomUUID } from "node:crypto";

import {
  type Backend,
  type CommitResult,
  type Operation,
  StorageError,
  type TypeQuery,
  type Version,
  type Watch,
  type WatchBatch,
  type Session,
  toCommitResult,
} from "@trellis/storage";

import type { StorageNode } from "./storage-node.ts";

/** How long one try may take, until another node is asked. */
const TRY_MS = 2_000;
/** How long a commit is tried, at most. */
const PATIENCE_MS = 60_000;
const PAUSE_MS = 50;

/**
 * One client of a cluster, as a backend: commits go in a session to whoever leads, again and again until there is an answer; reads, lists and watches
 * go to the node that it was made with.
 */
export class ClusterClient implements Backend {
  readonly capabilities = {
    multiOperationCommits: true,
    strongReads: true,
    historyReads: true,
    resumableWatches: true,
    durable: true,
  } as const;
  readonly #nodes: readonly StorageNode[];
  readonly #reader: StorageNode;
  #leader: number;
  #session: Promise<Session> | undefined;
  #lastSequence = 0;
  #isClosed = false;

  constructor(nodes: readonly StorageNode[], reader: StorageNode) {
    this.#nodes = nodes;
    this.#reader = reader;
    this.#leader = nodes.indexOf(reader);
  }

  position(): never {
    throw new StorageError("unsupported", "a client knows of no position but by reading");
  }

  read: Backend["read"] = async (key, options = {}) =>
    await inTime(this.#reader.call("read", { key, options }));

  list: Backend["list"] = async (query, options = {}) =>
    await inTime(this.#reader.call("list", { query: query as TypeQuery, options }));

  watch: Backend["watch"] = (query, options) => watchOn(this.#reader, query, options?.since?.version);

  /** Commits once, whoever has to be asked how often. Rejects with `outcome-unknown` when its patience ends. One commit at a time. */
  async commit(operations: readonly Operation[]): Promise<CommitResult> {
    this.#session ??= this.#openSession();
    const session = await this.#session;
    const sequence = ++this.#lastSequence;
    const request = { session, sequence, lowestUnanswered: sequence };
    const answer = await this.#ask((node) => node.call("submit", { request, operations }));
    if (answer.outcome === "unknown") throw new StorageError("outcome-unknown", answer.reason);
    if (answer.outcome === "refused" && answer.isRemembered)
      throw new StorageError("unavailable", "refused, and by what is not known any more");
    return toCommitResult(answer, operations);
  }

  /** Has it try nothing again. */
  async close(): Promise<void> {
    this.#isClosed = true;
  }

  async #openSession(): Promise<Session> {
    const id = randomUUID();
    return await this.#ask((node) => node.call("openSession", id));
  }

  async #ask<Answer>(call: (node: StorageNode) => Promise<Answer>): Promise<Answer> {
    for (const untilMs = performance.now() + PATIENCE_MS; ;) {
      try {
        return await inTime(call(this.#nodes[this.#leader % this.#nodes.length] as StorageNode));
      } catch (error) {
        if (!StorageError.is(error)) throw error;
        if (this.#isClosed || performance.now() > untilMs)
          throw new StorageError("outcome-unknown", `no answer, and no patience any more: ${error.message}`);
        this.#leader++;
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    }
  }
}

async function inTime<Answer>(call: Promise<Answer>): Promise<Answer> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new StorageError("outcome-unknown", `no answer in ${TRY_MS} ms`)),
    TRY_MS,
  );
  try {
    return await Promise.race([call, promise]);
  } finally {
    clearTimeout(timer);
  }
}

function watchOn(node: StorageNode, query: TypeQuery, since: Version | undefined): Watch {
  const opened = node.call("openWatch", { query, since });
  opened.catch(() => undefined);
  const next = async (): Promise<WatchBatch | undefined> => await node.call("nextBatch", await opened);
  return {
    next,
    take: () => undefined,
    close: () => void opened.then((watch) => node.call("closeWatch", watch)).catch(() => undefined),
    async *[Symbol.asyncIterator]() {
      for (let batch = await next(); batch !== undefined; batch = await next()) yield batch;
    },
  };
}
