import type { Clock } from "@trellis/resource";
import { createMemoryBackend, type MemoryBackend, type StoreLimits } from "@trellis/storage-memory";

import type {
  Backend,
  CallOptions,
  CommitOptions,
  ListOptions,
  OwnerQuery,
  ReadOptions,
  TypeQuery,
  WatchOptions,
} from "../../backend.ts";
import type { Key } from "../../key.ts";
import type { CommitResult, Operation } from "../../operation.ts";
import type { Session, SessionRequest, Submitted } from "../../sessions.ts";
import type { StorageEndpoint } from "../storage-routes.ts";

/** A memory backend that remembers what sessions were answered, whose answers may be held back. */
export class TestEndpoint implements StorageEndpoint {
  readonly memory: MemoryBackend;
  /** Calls that were begun and have not been answered. */
  underWay = 0;
  /** The signals of calls that were begun. */
  readonly signals: AbortSignal[] = [];
  /** Commits that were applied or refused. */
  commits = 0;
  readonly #sessions = new Map<string, Map<number, CommitResult>>();
  #gate: Promise<void> = Promise.resolve();
  #release: (() => void) | undefined;

  constructor(clock: Clock, limits?: Partial<StoreLimits>) {
    this.memory = createMemoryBackend({ clock, random: Math.random }, limits);
  }

  get capabilities(): Backend["capabilities"] {
    return this.memory.capabilities;
  }

  /** Calls from now on wait for `release`, or their signals. */
  hold(): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#gate = promise;
    this.#release = resolve;
  }

  release(): void {
    this.#release?.();
    this.#gate = Promise.resolve();
  }

  position() {
    return this.memory.position();
  }

  read(key: Key, options: ReadOptions = {}) {
    return this.#through(options, () => this.memory.read(key, options));
  }

  list(query: TypeQuery | OwnerQuery, options: ListOptions = {}) {
    return this.#through(options, () => this.memory.list(query, options));
  }

  commit(operations: readonly Operation[], options: CommitOptions = {}) {
    return this.#through(options, async () => {
      if (options.evaluateOnly !== true) this.commits++;
      return await this.memory.commit(operations, options);
    });
  }

  watch(query: TypeQuery, options: WatchOptions = {}) {
    return this.memory.watch(query, options);
  }

  async openSession(id: string): Promise<Session> {
    this.#sessions.set(id, new Map());
    return { id, openedAt: 7 };
  }

  submit({ session, sequence }: SessionRequest, operations: readonly Operation[], options: CallOptions = {}) {
    return this.#through(options, async (): Promise<Submitted> => {
      const answers = this.#sessions.get(session.id);
      if (answers === undefined) return { outcome: "unknown", reason: "session-unknown" };
      const isRemembered = answers.has(sequence);
      const result = answers.get(sequence) ?? (await this.memory.commit(operations, options));
      answers.set(sequence, result);
      if (result.outcome === "applied") return result;
      const { operationIndex, precondition, current, version } = result;
      const preconditionIndex = operations[operationIndex]?.preconditions.indexOf(precondition) ?? -1;
      return { outcome: "refused", version, operationIndex, preconditionIndex, current, isRemembered };
    });
  }

  async keepAlive({ id }: Session): Promise<boolean> {
    return this.#sessions.has(id);
  }

  async close(): Promise<void> {
    await this.memory.close();
  }

  async #through<T>({ signal }: CallOptions, run: () => Promise<T>): Promise<T> {
    this.underWay++;
    if (signal !== undefined) this.signals.push(signal);
    const given = Promise.withResolvers<void>();
    signal?.addEventListener("abort", () => given.resolve(), { once: true });
    try {
      await Promise.race([this.#gate, given.promise]);
      return await run();
    } finally {
      this.underWay--;
    }
  }
}
