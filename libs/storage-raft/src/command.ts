import type { Operation } from "@trellis/storage";

/** The first byte of this state machine's entries. */
export const STORAGE_KIND = 2;

/**
 * A session, as its origin knows it. Both parts are needed to use it: an opening that was on its way for so long that its session was opened
 * again meanwhile, and ended, opens another one, to which what was sent under the first means nothing.
 */
export interface Session {
  /** Random, chosen by the origin: up to 64 characters. */
  readonly id: string;
  /** The entry of the log that opened it. */
  readonly openedAt: number;
}

/** Which request of which session a commit is. */
export interface SessionRequest {
  readonly session: Session;
  /** Counts the requests of the session, from 1. */
  readonly sequence: number;
  /** All requests before this one were answered, and will not be repeated. */
  readonly lowestUnanswered: number;
}

/** A command of the storage state machine. */
export type Command =
  | {
      readonly kind: "commit";
      readonly request: SessionRequest | undefined;
      readonly operations: readonly Operation[];
    }
  | { readonly kind: "open-session"; readonly id: string }
  | { readonly kind: "close-sessions"; readonly sessions: readonly SilentSession[] }
  | { readonly kind: "keep-alive"; readonly session: Session };

/** A session that was not used since an entry of the log. */
export interface SilentSession {
  readonly id: string;
  readonly lastUsed: number;
}
