import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import type { HelloSchema } from "@trellis/protos/trellis/storage/v1/storage_service_pb.js";
import type { Clock } from "@trellis/resource";

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
} from "../backend.ts";
import type { EndedBy } from "../call-signal.ts";
import { checkOperations } from "../check-commit.ts";
import { StorageError } from "../errors.ts";
import type { Key } from "../key.ts";
import type { CommitResult, Operation } from "../operation.ts";
import type { Version } from "../record.ts";
import { REPLICATED } from "../replicated.ts";
import {
  type AppliedCommit,
  type RefusedCommit,
  type Session,
  type SessionRequest,
  type Submitted,
  type SubmitOptions,
  toCommitResult,
} from "../sessions.ts";
import type { Watch } from "../watch.ts";
import type { ReceivedAnswer } from "./answer-bytes.ts";
import {
  fromCommitResultMessage,
  fromListResultMessage,
  fromReadResultMessage,
  fromReason,
  toListMessage,
} from "./call-codec.ts";
import { CallStream } from "./call-stream.ts";
import type { StorageConnection } from "./connect-storage.ts";
import { EncodedStorageService } from "./encoded-service.ts";
import { toOperationMessage } from "./operation-codec.ts";
import { notReached } from "./link-errors.ts";
import { listPages } from "./list-pages.ts";
import type { NextTurn } from "./outbox.ts";
import { STATUS_EVERY_MS } from "./protocol.ts";
import { RemoteWatch } from "./remote-watch.ts";
import type { ServerStatus } from "./server-status.ts";
import { fromSessionMessage, toSessionMessage } from "./session-codec.ts";
import type { StorageLink } from "./storage-link.ts";

/** What a link works with. */
export interface ConnectedLinkDeps {
  readonly clock: Clock;
  readonly nextTurn: NextTurn;
  readonly connection: StorageConnection;
  readonly hello: MessageInitShape<typeof HelloSchema>;
  /** `host:port`, for messages. */
  readonly address: string;
}

/** Bytes of calls that may wait to be sent on one stream. */
const QUEUE_BYTES = 16 * 1024 * 1024;
/** A server that says nothing while this many of its statuses were due is not there any more. */
const MISSED_STATUSES = 6;

/** A link over a connection. It is of use once `ready` has resolved. */
export class ConnectedLink implements StorageLink {
  readonly capabilities = REPLICATED;
  /** Resolves with the link once the server has said who it is; rejects with why it does not. */
  readonly ready: Promise<StorageLink>;
  readonly ended: Promise<StorageError>;
  readonly #deps: ConnectedLinkDeps;
  readonly #client;
  readonly #points: CallStream;
  #lists: CallStream | undefined;
  readonly #watches = new Set<RemoteWatch>();
  readonly #listeners = new Set<(status: ServerStatus) => void>();
  readonly #ready = Promise.withResolvers<StorageLink>();
  readonly #ended = Promise.withResolvers<StorageError>();
  #status: ServerStatus | undefined;
  #position: Position | undefined;
  #missed = 0;
  #endTimer: () => void = () => undefined;
  #end: StorageError | undefined;

  constructor(deps: ConnectedLinkDeps) {
    this.#deps = deps;
    this.ready = this.#ready.promise;
    this.ended = this.#ended.promise;
    this.#client = createClient(EncodedStorageService, deps.connection.transport);
    this.#points = this.#openStream();
    this.#listen();
  }

  get status(): ServerStatus {
    if (this.#status === undefined)
      throw new Error("broken invariant of a link: it is used before it is ready");
    return this.#status;
  }

  get pendingCalls(): number {
    return this.#points.pending + (this.#lists?.pending ?? 0);
  }

  onStatus(listener: (status: ServerStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  position(): Position {
    const { address } = this.#deps;
    if (this.#position !== undefined) return this.#position;
    throw new StorageError("unavailable", `${address} has no store to show yet; ask another`);
  }

  read(key: Key, { consistency, minimum, signal }: EndedBy<ReadOptions> = {}): Promise<ReadResult> {
    const strong = consistency === "strong";
    return this.#points
      .call({ case: "read", value: { key, strong, minimum } }, { signal, isMutation: false })
      .then(
        (answer) => this.#found(answer),
        (error: unknown) => this.#refine(error, minimum),
      );
  }

  #found(answer: ReceivedAnswer): ReadResult {
    if (answer.case !== "found" && answer.case !== "read") throw this.#unexpected(answer);
    const found = answer.case === "found" ? answer.value : fromReadResultMessage(answer.value);
    this.#saw(found.position);
    return found;
  }

  list(query: TypeQuery | OwnerQuery, options: EndedBy<ListOptions> = {}): Promise<ListResult> {
    return listPages((asked, page) => this.#listPage(asked, page), query, options);
  }

  watch(query: TypeQuery, options: WatchOptions = {}): Watch {
    if (this.#end !== undefined) throw this.#end;
    const watch = new RemoteWatch(
      {
        client: this.#client,
        hello: this.#deps.hello,
        toError: (reason) => this.#toError(reason),
        onEnd: (ended) => this.#watches.delete(ended),
      },
      query,
      options,
    );
    if (!watch.isEnded) this.#watches.add(watch);
    return watch;
  }

  async commit(
    operations: readonly Operation[],
    { evaluateOnly, signal }: EndedBy<CommitOptions> = {},
  ): Promise<CommitResult> {
    checkOperations(operations);
    const isMutation = evaluateOnly !== true && operations.some(({ kind }) => kind !== "check");
    const answer = await this.#points.call(
      isMutation
        ? { case: "commit", value: { request: undefined, operations } }
        : { case: "evaluate", value: { operations: operations.map(toOperationMessage) } },
      { signal, isMutation },
    );
    const toResult = (): CommitResult => toCommitResult(this.#committed(answer), operations);
    return isMutation ? this.#understood(toResult) : toResult();
  }

  async openSession(id: string, { signal }: EndedBy<CallOptions> = {}): Promise<Session> {
    const answer = await this.#points.call(
      { case: "openSession", value: { id } },
      { signal, isMutation: true },
    );
    if (answer.case !== "opened") throw this.#unexpected(answer);
    return fromSessionMessage(answer.value);
  }

  submit(
    request: SessionRequest,
    operations: readonly Operation[],
    { signal, encoded }: EndedBy<SubmitOptions> = {},
  ): Promise<Submitted> {
    const content = { case: "commit", value: { request, operations, encoded } } as const;
    return this.#points.call(content, { signal, isMutation: true }).then((answer) => this.#submitted(answer));
  }

  #submitted(answer: ReceivedAnswer): Submitted {
    if (answer.case === "applied") return answer.value;
    return this.#understood(() =>
      answer.case === "unknown"
        ? { outcome: "unknown", reason: fromReason(answer.value.reason) }
        : this.#committed(answer),
    );
  }

  async keepAlive(session: Session, { signal }: EndedBy<CallOptions> = {}): Promise<boolean> {
    const answer = await this.#points.call(
      { case: "keepAlive", value: { session: toSessionMessage(session) } },
      { signal, isMutation: true },
    );
    if (answer.case !== "kept") throw this.#unexpected(answer);
    return answer.value;
  }

  async close(): Promise<void> {
    const closed = new StorageError("watch-closed", "the link was closed, and its watches with it");
    for (const watch of this.#watches) watch.fail(closed);
    this.lose(new StorageError("unavailable", `the connection to ${this.#deps.address} was closed`));
  }

  async #listPage(query: TypeQuery | OwnerQuery, options: EndedBy<ListOptions>): Promise<ListResult> {
    this.#lists ??= this.#openStream();
    const answer = await this.#lists
      .call(
        { case: "list", value: toListMessage(query, options) },
        { signal: options.signal, isMutation: false },
      )
      .catch((error: unknown) => this.#refine(error, options.minimum));
    const found = this.#listed(answer);
    // A list of the past says nothing about the present.
    if (options.atVersion === undefined) this.#saw(found.position);
    return found;
  }

  /** Says of a read that was given up whether what it waited for was the version. */
  #refine(error: unknown, minimum: MinimumPosition | undefined): never {
    throw notReached(error, { minimum, reached: this.#position?.version ?? 0, where: this.#deps.address });
  }

  #listed(answer: ReceivedAnswer): ListResult {
    if (answer.case === "listed") return answer.value;
    if (answer.case !== "list") throw this.#unexpected(answer);
    return fromListResultMessage(answer.value);
  }

  #committed(answer: ReceivedAnswer): AppliedCommit | RefusedCommit {
    if (answer.case === "applied") return answer.value;
    if (answer.case !== "committed") throw this.#unexpected(answer);
    return fromCommitResultMessage(answer.value);
  }

  /** What an answer says of a commit: one that cannot be understood leaves open what was done. */
  #understood<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      const { address } = this.#deps;
      throw new StorageError(
        "outcome-unknown",
        `${address} answered a commit with what this version does not know; read what is stored`,
        { cause: error },
      );
    }
  }

  #openStream(): CallStream {
    const { nextTurn, hello, address, connection } = this.#deps;
    if (this.#end !== undefined) throw this.#end;
    return new CallStream({
      nextTurn,
      transport: connection.transport,
      hello,
      queueBytes: QUEUE_BYTES,
      onMessage: (status) => this.#heard(status),
      onEnd: (reason) =>
        this.lose(
          reason === undefined
            ? new StorageError("unavailable", `${address} ended the connection`)
            : this.#toError(reason),
        ),
    });
  }

  #heard(status: ServerStatus | undefined): void {
    this.#missed = 0;
    if (status === undefined || this.#end !== undefined) return;
    this.#status = status;
    if (status.position !== undefined) this.#saw(status.position);
    this.#ready.resolve(this);
    for (const listener of this.#listeners) listener(status);
  }

  #saw(position: Position): Position {
    const known: { storeId: string; version: Version } | undefined = this.#position;
    if (known?.storeId !== position.storeId || known.version < position.version) this.#position = position;
    return position;
  }

  /** Counts statuses that did not come by the turns of a timer: a stall of this process is no silence of the server. */
  #listen(): void {
    const { clock, address } = this.#deps;
    this.#endTimer = clock.after(STATUS_EVERY_MS, () => {
      this.#missed++;
      if (this.#missed > MISSED_STATUSES) {
        const silentMs = MISSED_STATUSES * STATUS_EVERY_MS;
        this.lose(new StorageError("unavailable", `${address} has said nothing for ${silentMs} ms`));
        return;
      }
      this.#listen();
    });
  }

  #toError(reason: unknown): StorageError {
    if (StorageError.is(reason)) return reason;
    const { address } = this.#deps;
    const { code, rawMessage } = ConnectError.from(reason);
    if (code === Code.FailedPrecondition)
      return new StorageError("unsupported", rawMessage, { cause: reason });
    if (code === Code.Unimplemented) {
      return new StorageError(
        "unsupported",
        `${address} serves no storage; name a storage node or a forwarder`,
        { cause: reason },
      );
    }
    return new StorageError("unavailable", `the connection to ${address} was lost: ${rawMessage}`, {
      cause: reason,
    });
  }

  /** Gives the connection up, with all that is under way on it. */
  lose(error: StorageError): void {
    if (this.#end !== undefined) return;
    this.#end = error;
    this.#endTimer();
    this.#points.end(error.message);
    this.#lists?.end(error.message);
    for (const watch of this.#watches) watch.fail(error);
    this.#listeners.clear();
    this.#deps.connection.close();
    this.#ready.reject(error);
    this.#ended.resolve(error);
  }

  #unexpected({ case: kind }: ReceivedAnswer): StorageError {
    const found = kind === "applied" ? "committed" : kind === "found" ? "read" : kind;
    return new StorageError(
      "unsupported",
      `${this.#deps.address} answered with ${found ?? "something unknown"}, which was not asked for`,
    );
  }
}
