import type { Clock } from "@trellis/resource";
import {
  type CallOptions,
  type CommitOptions,
  type CommitResult,
  type EndedBy,
  type Key,
  type ListOptions,
  type ListResult,
  type Operation,
  type OwnerQuery,
  type Position,
  type ReadOptions,
  type ReadResult,
  type Session,
  type SessionRequest,
  StorageError,
  type Submitted,
  type TypeQuery,
  type Watch,
  type WatchBatch,
  type WatchOptions,
} from "@trellis/storage";
import { type ServerStatus, STATUS_EVERY_MS, type StorageLink } from "@trellis/storage/wire";

import type { Faults, TestServer } from "./test-network.ts";
import { nextTurn } from "./turns.ts";

/** A server that is silent for so long is given up. */
const SILENCE_MS = 3_000;

interface TestLinkOptions {
  readonly address: string;
  readonly server: TestServer;
  readonly faults: Faults;
  readonly clock: Clock;
  readonly calls: string[];
}

/** A link to an endpoint in this process that keeps to what links promise, and to the faults of its test. */
export class TestLink implements StorageLink {
  readonly capabilities;
  readonly ended: Promise<StorageError>;
  status: ServerStatus;
  readonly #options: TestLinkOptions;
  readonly #ended = Promise.withResolvers<StorageError>();
  readonly #listeners = new Set<(status: ServerStatus) => void>();
  readonly #pending = new Set<(error: StorageError) => void>();
  readonly #watches = new Set<Watch>();
  readonly #stopListening: () => void;
  #cancelTimer: () => void = () => undefined;
  #silentMs = 0;
  #end: StorageError | undefined;

  constructor(options: TestLinkOptions) {
    this.#options = options;
    this.ended = this.#ended.promise;
    this.capabilities = options.server.endpoint.capabilities;
    this.status = options.server.status.status();
    this.#stopListening = options.server.status.onChange(() => this.#hear());
    this.#listen();
  }

  get pendingCalls(): number {
    return this.#pending.size;
  }

  onStatus(listener: (status: ServerStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  position(): Position {
    const { position } = this.status;
    if (position === undefined) throw new StorageError("unavailable", "no store");
    return position;
  }

  read(key: Key, options: EndedBy<ReadOptions> = {}): Promise<ReadResult> {
    return this.#call("read", options, false, (signal) => this.#endpoint.read(key, { ...options, signal }));
  }

  list(query: TypeQuery | OwnerQuery, options: EndedBy<ListOptions> = {}): Promise<ListResult> {
    return this.#call("list", options, false, (signal) => this.#endpoint.list(query, { ...options, signal }));
  }

  commit(operations: readonly Operation[], options: EndedBy<CommitOptions> = {}): Promise<CommitResult> {
    return this.#call("commit", options, options.evaluateOnly !== true, (signal) =>
      this.#endpoint.commit(operations, { ...options, caller: undefined, signal }),
    );
  }

  openSession(id: string, options: EndedBy<CallOptions> = {}): Promise<Session> {
    return this.#call("openSession", options, true, (signal) => this.#endpoint.openSession(id, { signal }));
  }

  submit(
    request: SessionRequest,
    operations: readonly Operation[],
    options: EndedBy<CallOptions> = {},
  ): Promise<Submitted> {
    const { session, sequence, lowestUnanswered } = request;
    return this.#call(`submit ${session.id} ${sequence} ${lowestUnanswered}`, options, true, (signal) =>
      this.#endpoint.submit(request, operations, { signal }),
    );
  }

  keepAlive(session: Session, options: EndedBy<CallOptions> = {}): Promise<boolean> {
    return this.#call("keepAlive", options, true, (signal) => this.#endpoint.keepAlive(session, { signal }));
  }

  watch(query: TypeQuery, options: WatchOptions = {}): Watch {
    if (this.#end !== undefined) throw this.#end;
    this.#options.calls.push(`${this.#options.address} watch ${options.since?.version ?? "all"}`);
    const inner = this.#endpoint.watch(query, options);
    const lost = Promise.withResolvers<never>();
    lost.promise.catch(() => undefined);
    const watch: Watch = {
      next: async (): Promise<WatchBatch | undefined> => {
        const batch = await Promise.race([inner.next(), lost.promise]);
        await Promise.race([this.#heard(), lost.promise]);
        return batch;
      },
      take: () => undefined,
      close: () => {
        this.#watches.delete(inner);
        this.#pending.delete(fail);
        inner.close();
      },
      [Symbol.asyncIterator]: () => inner[Symbol.asyncIterator](),
    };
    const fail = (error: StorageError): void => {
      lost.reject(error);
      inner.close();
    };
    this.#pending.add(fail);
    return watch;
  }

  async close(): Promise<void> {
    this.cut("the link was closed");
  }

  /** Loses the connection. */
  cut(reason: string): void {
    if (this.#end !== undefined) return;
    this.#end = new StorageError("unavailable", reason);
    this.#stopListening();
    this.#cancelTimer();
    for (const fail of this.#pending) fail(this.#end);
    this.#pending.clear();
    this.#ended.resolve(this.#end);
  }

  get #endpoint() {
    return this.#options.server.endpoint;
  }

  #call<T>(
    method: string,
    { signal }: EndedBy<CallOptions>,
    isMutation: boolean,
    run: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    if (this.#end !== undefined) return Promise.reject(this.#end);
    const { address, calls, faults } = this.#options;
    if (signal?.aborted === true)
      return Promise.reject(
        new StorageError(isMutation ? "unavailable" : "aborted", "given up before it was sent"),
      );
    calls.push(`${address} ${method}`);
    const controller = new AbortController();
    return new Promise((resolve, reject) => {
      const done = (): void => void this.#pending.delete(fail);
      const fail = ({ message }: StorageError): void =>
        reject(new StorageError(isMutation ? "outcome-unknown" : "unavailable", message));
      signal?.addEventListener("abort", () => {
        done();
        if (!faults.isSilent) controller.abort();
        reject(new StorageError(isMutation ? "outcome-unknown" : "aborted", "given up under way"));
      });
      this.#pending.add(fail);
      void this.#answer(run, controller.signal).then(
        (answer) => {
          done();
          resolve(answer);
        },
        (error: unknown) => {
          done();
          reject(error);
        },
      );
    });
  }

  async #answer<T>(run: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    const { faults } = this.#options;
    await nextTurn();
    if (faults.isSilent || faults.isStuck) await new Promise(() => undefined);
    const answer = await run(signal);
    await nextTurn();
    if (faults.lostAnswers > 0) {
      faults.lostAnswers--;
      this.cut("an answer was lost with its connection");
    }
    await this.#heard();
    return answer;
  }

  async #heard(): Promise<void> {
    if (this.#options.faults.isSilent || this.#end !== undefined) await new Promise(() => undefined);
  }

  #hear(): void {
    if (this.#options.faults.isSilent || this.#end !== undefined) return;
    this.#silentMs = 0;
    this.status = this.#options.server.status.status();
    for (const listener of this.#listeners) listener(this.status);
  }

  #listen(): void {
    this.#cancelTimer = this.#options.clock.after(STATUS_EVERY_MS, () => {
      this.#hear();
      if (this.#options.faults.isSilent) this.#silentMs += STATUS_EVERY_MS;
      if (this.#silentMs >= SILENCE_MS) this.cut("it has said nothing for too long");
      else this.#listen();
    });
  }
}
