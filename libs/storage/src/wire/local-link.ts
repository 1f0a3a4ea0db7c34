import type {
  CallOptions,
  CommitOptions,
  ListOptions,
  ListResult,
  MinimumPosition,
  OwnerQuery,
  Position,
  ReadOptions,
  ReadResult,
  TypeQuery,
  WatchOptions,
  WithoutWaiting,
} from "../backend.ts";
import type { CallSignal, EndedBy } from "../call-signal.ts";
import { StorageError } from "../errors.ts";
import type { Key } from "../key.ts";
import type { CommitResult, Operation } from "../operation.ts";
import { REPLICATED } from "../replicated.ts";
import type { Session, SessionRequest, Submitted, SubmitOptions } from "../sessions.ts";
import type { Watch, WatchBatch } from "../watch.ts";
import { watchIterator } from "../watch-iterator.ts";
import { CallUnderWay } from "./call-under-way.ts";
import { givenUp, lostWith, notReached } from "./link-errors.ts";
import { STATUS_EVERY_MS } from "./protocol.ts";
import type { ServerStatus } from "./server-status.ts";
import type { StorageLink } from "./storage-link.ts";
import type { StorageEndpoint, StorageRoutesDeps } from "./storage-routes.ts";

/** What a link within a process works with: what that process serves over the network as well. */
export type LocalLinkDeps = Pick<StorageRoutesDeps, "clock" | "endpoint" | "status">;

/** What may be ended from outside. */
interface Endable {
  readonly isMutation: boolean;
  end(error: StorageError): void;
}

/** A call without an answer. */
class LocalCall<T> extends CallUnderWay implements Endable {
  readonly isMutation: boolean;
  readonly #answer = Promise.withResolvers<T>();
  readonly #calls: Set<Endable>;
  readonly #by: CallSignal | undefined;

  constructor(calls: Set<Endable>, { signal, isMutation }: HowEnded) {
    super();
    this.isMutation = isMutation;
    this.#calls = calls;
    this.#by = signal;
    calls.add(this);
    signal?.addEventListener("abort", this.#giveUp);
  }

  /** Has the work done, and answers as it does, unless the call is over by then. */
  run(work: (call: this) => Promise<T>): Promise<T> {
    try {
      work(this).then(this.#answered, this.#failed);
    } catch (error) {
      this.#failed(error);
    }
    return this.#answer.promise;
  }

  /** Ends it without an answer. */
  end(error: StorageError): void {
    this.#take();
    this.abort();
    this.#answer.reject(error);
  }

  readonly #giveUp = (): void => this.end(givenUp("while it was under way", this.isMutation, true));

  readonly #answered = (answer: T): void => {
    this.#take();
    this.#answer.resolve(answer);
  };

  readonly #failed = (error: unknown): void => {
    this.#take();
    if (StorageError.is(error)) return this.#answer.reject(error);
    const code = this.isMutation ? "outcome-unknown" : "unavailable";
    const message = `the storage of this process failed: ${String(error)}`;
    this.#answer.reject(new StorageError(code, message, { cause: error }));
  };

  #take(): void {
    this.#by?.removeEventListener("abort", this.#giveUp);
    this.#calls.delete(this);
  }
}

/** What ends a call, and whether what it does may have been done when no answer comes. */
interface HowEnded {
  readonly signal: CallSignal | undefined;
  readonly isMutation: boolean;
}

/**
 * A link to the server of this process. What it is asked goes to the endpoint as it is, without a wire; in all else it keeps to what links promise. The server's status
 * is looked at as often as others would be told of it.
 */
export class LocalLink implements StorageLink {
  readonly capabilities = REPLICATED;
  readonly ended: Promise<StorageError>;
  readonly #deps: LocalLinkDeps;
  readonly #ended = Promise.withResolvers<StorageError>();
  readonly #listeners = new Set<(status: ServerStatus) => void>();
  readonly #calls = new Set<Endable>();
  readonly #watches = new Set<LocalWatch>();
  #status: ServerStatus;
  #endStatus: () => void;
  #endTimer: () => void = () => undefined;
  #end: StorageError | undefined;

  constructor(deps: LocalLinkDeps) {
    this.#deps = deps;
    this.ended = this.#ended.promise;
    this.#status = deps.status.status();
    this.#endStatus = deps.status.onChange(() => this.#look());
    this.#lookAgain();
  }

  get status(): ServerStatus {
    return this.#status;
  }

  get pendingCalls(): number {
    return this.#calls.size;
  }

  onStatus(listener: (status: ServerStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  position(): Position {
    const { position } = this.#deps.status.status();
    if (this.#end === undefined && position !== undefined) return position;
    throw this.#end ?? noStore();
  }

  readNow(key: Key, options?: WithoutWaiting): ReadResult | undefined {
    return this.#endpoint().readNow?.(key, options);
  }

  read(key: Key, { consistency, minimum, signal }: EndedBy<ReadOptions> = {}): Promise<ReadResult> {
    return this.#call({ signal, isMutation: false }, async (endpoint, call) => {
      const now = endpoint.readNow?.(key, { consistency, minimum });
      return now ?? (await endpoint.read(key, { consistency, minimum, signal: call.signal }));
    }).catch((error: unknown) => this.#refine(error, minimum));
  }

  list(
    query: TypeQuery | OwnerQuery,
    { signal, ...options }: EndedBy<ListOptions> = {},
  ): Promise<ListResult> {
    return this.#call({ signal, isMutation: false }, (endpoint, call) =>
      endpoint.list(query, { ...options, caller: call.caller, signal: call.signal }),
    ).catch((error: unknown) => this.#refine(error, options.minimum));
  }

  watch(query: TypeQuery, options: WatchOptions = {}): Watch {
    const watch = new LocalWatch(this.#endpoint().watch(query, options), (ended) =>
      this.#watches.delete(ended),
    );
    this.#watches.add(watch);
    return watch;
  }

  commit(
    operations: readonly Operation[],
    { evaluateOnly, signal }: EndedBy<CommitOptions> = {},
  ): Promise<CommitResult> {
    const isMutation = evaluateOnly !== true && operations.some(({ kind }) => kind !== "check");
    return this.#call({ signal, isMutation }, (endpoint, call) =>
      endpoint.commit(operations, isMutation ? call : { evaluateOnly, signal: call.signal }),
    );
  }

  openSession(id: string, { signal }: EndedBy<CallOptions> = {}): Promise<Session> {
    return this.#call({ signal, isMutation: true }, (endpoint, call) => endpoint.openSession(id, call));
  }

  submit(
    request: SessionRequest,
    operations: readonly Operation[],
    { signal, encoded }: EndedBy<SubmitOptions> = {},
  ): Promise<Submitted> {
    return this.#call({ signal, isMutation: true }, (endpoint, call) => {
      call.encoded = encoded;
      return endpoint.submit(request, operations, call);
    });
  }

  keepAlive(session: Session, { signal }: EndedBy<CallOptions> = {}): Promise<boolean> {
    return this.#call({ signal, isMutation: true }, (endpoint, call) => endpoint.keepAlive(session, call));
  }

  async close(): Promise<void> {
    if (this.#end !== undefined) return;
    const closed = new StorageError("unavailable", "the link within the process was closed");
    this.#end = closed;
    this.#endStatus();
    this.#endTimer();
    this.#listeners.clear();
    for (const call of this.#calls) call.end(lostWith(closed.message, call.isMutation));
    for (const watch of this.#watches)
      watch.fail(new StorageError("watch-closed", "the link was closed, and its watches with it"));
    this.#ended.resolve(closed);
  }

  #call<T>(how: HowEnded, run: (endpoint: StorageEndpoint, call: CallUnderWay) => Promise<T>): Promise<T> {
    try {
      const endpoint = this.#endpoint();
      if (how.signal?.aborted === true) throw givenUp("before it was begun", how.isMutation, false);
      return new LocalCall<T>(this.#calls, how).run((call) => run(endpoint, call));
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }

  /** What the server serves. Throws `unavailable` while that is nothing, and once the link is closed. */
  #endpoint(): StorageEndpoint {
    if (this.#end !== undefined) throw this.#end;
    const endpoint = this.#deps.endpoint();
    if (endpoint !== undefined) return endpoint;
    throw noStore();
  }

  /** Says of a read that was given up whether what it waited for was the version. */
  #refine(error: unknown, minimum: MinimumPosition | undefined): never {
    const position = this.#end === undefined ? this.#deps.endpoint()?.position() : undefined;
    throw notReached(error, {
      minimum,
      reached: position?.version ?? 0,
      where: "the replica of this process",
    });
  }

  #look(): void {
    if (this.#end !== undefined) return;
    this.#status = this.#deps.status.status();
    for (const listener of this.#listeners) listener(this.#status);
  }

  #lookAgain(): void {
    this.#endTimer = this.#deps.clock.after(STATUS_EVERY_MS, () => {
      this.#look();
      this.#lookAgain();
    });
  }
}

function noStore(): StorageError {
  return new StorageError("unavailable", "this process has no store to serve yet; ask another");
}

/** A watch of the endpoint that ends with its link. */
class LocalWatch implements Watch {
  readonly #watch: Watch;
  readonly #onEnd: (watch: LocalWatch) => void;
  #failure: StorageError | undefined;

  constructor(watch: Watch, onEnd: (watch: LocalWatch) => void) {
    this.#watch = watch;
    this.#onEnd = onEnd;
  }

  async next(): Promise<WatchBatch | undefined> {
    try {
      const batch = await this.#watch.next();
      if (this.#failure !== undefined) throw this.#failure;
      if (batch === undefined) this.#onEnd(this);
      return batch;
    } catch (error) {
      this.#onEnd(this);
      throw error;
    }
  }

  take(): WatchBatch | undefined {
    return this.#failure === undefined ? this.#watch.take() : undefined;
  }

  close(): void {
    this.#onEnd(this);
    this.#watch.close();
  }

  /** Ends it with an error. */
  fail(error: StorageError): void {
    this.#failure = error;
    this.close();
  }

  [Symbol.asyncIterator](): AsyncIterator<WatchBatch, undefined> {
    return watchIterator(this);
  }
}
