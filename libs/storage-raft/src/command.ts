import type { Operation, Session, SessionRequest } from "@trellis/storage";

/** The first byte of this state machine's entries. */
export const STORAGE_KIND = 2;

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
