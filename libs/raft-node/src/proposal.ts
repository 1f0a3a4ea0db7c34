import type { EntryType, LogIndex, Proposal as RaftProposal, Term } from "@trellis/raft";

import type { RaftNodeError } from "./errors.ts";
import type { Applied, ProposeOptions } from "./raft-node.ts";

/** What a proposal is made of. */
export type ProposalInit = Pick<Proposal, "type" | "data" | "signal" | "command" | "resolve" | "reject">;

/** A proposal, and who waits for what becomes of it. */
export class Proposal implements RaftProposal {
  readonly type: EntryType;
  readonly data: Uint8Array;
  readonly signal: ProposeOptions["signal"];
  readonly resolve: (applied: Applied) => void;
  readonly reject: (error: RaftNodeError) => void;
  /** What the state machine reads from the bytes, as the proposer said. */
  command: unknown;
  /** Its place in the log of the leader of `term`, once it has one. */
  index: LogIndex = 0;
  term: Term = 0;
  /** Its neighbours among those that wait for an answer. */
  before: Proposal | undefined = undefined;
  after: Proposal | undefined = undefined;

  constructor({ type, data, signal, command, resolve, reject }: ProposalInit) {
    this.type = type;
    this.data = data;
    this.signal = signal;
    this.command = command;
    this.resolve = resolve;
    this.reject = reject;
  }
}
