import type {
  Backend,
  CallOptions,
  CommitOptions,
  ListOptions,
  ListResult,
  OwnerQuery,
  ReadOptions,
  ReadResult,
  TypeQuery,
} from "../backend.ts";
import type { EndedBy } from "../call-signal.ts";
import type { StorageError } from "../errors.ts";
import type { Key } from "../key.ts";
import type { CommitResult, Operation } from "../operation.ts";
import type { Session, SessionedCommits, SessionRequest, Submitted, SubmitOptions } from "../sessions.ts";
import type { ServerStatus } from "./server-status.ts";

/**
 * One connection to one server of the storage service: the contract of storage, and commits in sessions, as that server answers them. It repeats nothing
 * and looks for nobody else: when the connection is lost, calls that were not sent reject with `unavailable`, commits under way with
 * `outcome-unknown`, reads with `unavailable`, watches end with `unavailable`; then the link is of no use any more.
 */
export interface StorageLink extends Backend, SessionedCommits {
  read(key: Key, options?: EndedBy<ReadOptions>): Promise<ReadResult>;
  list(query: TypeQuery | OwnerQuery, options?: EndedBy<ListOptions>): Promise<ListResult>;
  commit(operations: readonly Operation[], options?: EndedBy<CommitOptions>): Promise<CommitResult>;
  openSession(id: string, options?: EndedBy<CallOptions>): Promise<Session>;
  submit(
    request: SessionRequest,
    operations: readonly Operation[],
    options?: EndedBy<SubmitOptions>,
  ): Promise<Submitted>;
  keepAlive(session: Session, options?: EndedBy<CallOptions>): Promise<boolean>;
  /** What the server last said of itself. */
  readonly status: ServerStatus;
  /** Told after every status; the answer ends that. */
  onStatus(listener: (status: ServerStatus) => void): () => void;
  /** Calls that were sent and not answered, or wait to be sent. */
  readonly pendingCalls: number;
  /** Resolves with why, once the connection is lost or the link closed. */
  readonly ended: Promise<StorageError>;
}

/** Opens a link: resolves once the server has said who it is. Rejects with `unavailable`, or `unsupported` for a server that refuses this client. */
export type OpenStorageLink = (address: string, signal?: AbortSignal) => Promise<StorageLink>;
