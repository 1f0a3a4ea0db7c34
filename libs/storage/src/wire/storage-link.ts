import type { Backend } from "../backend.ts";
import type { StorageError } from "../errors.ts";
import type { SessionedCommits } from "../sessions.ts";
import type { ServerStatus } from "./server-status.ts";

/**
 * One connection to one server of the storage service: the contract of storage, and commits in sessions, as that server answers them. It repeats nothing
 * and looks for nobody else: when the connection is lost, calls that were not sent reject with `unavailable`, commits under way with
 * `outcome-unknown`, reads with `unavailable`, watches end with `unavailable`; then the link is of no use any more.
 */
export interface StorageLink extends Backend, SessionedCommits {
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
