import type { AppliedCommit, RefusedCommit, UnknownOutcome } from "@trellis/storage";

/** What became of a commit that was proposed, as the state machine knows it. */
export type CommitAnswer =
  | AppliedCommit
  | RefusedCommit
  | UnknownOutcome
  /** It breaks a rule that holds for every commit: not applied, here or anywhere. */
  | { readonly outcome: "invalid"; readonly message: string };

/** What a session remembers of a request. */
export type RememberedAnswer = AppliedCommit | RefusedCommit;
