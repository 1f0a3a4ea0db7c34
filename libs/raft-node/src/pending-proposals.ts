import type { Entry, LogIndex, Term } from "@trellis/raft";

import { RaftNodeError } from "./errors.ts";
import type { Proposal } from "./proposal.ts";

/**
 * The proposals whose fate is open, by their place in the log. What becomes of one shows when an entry at its index is applied: with its term it is
 * this one; with another it never will be, since committed entries stay. Until then, also after the leadership is lost, nobody knows.
 *
 * A list whose links are cut when one leaves: a map that changes all the time keeps in its old tables, until the next major collection, what was in it.
 */
export class PendingProposals {
  /** In the order of their indices. Several at one index: a former leader's, overwritten, and its own as a later leader. */
  #first: Proposal | undefined;
  #last: Proposal | undefined;
  /** All before this one stand before the entry that was last asked for: many are applied before the first of them is answered. */
  #asked: Proposal | undefined;
  #count = 0;
  #bytes = 0;

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Notes a proposal that stands at `index` in the log of the leader of `term`. */
  add(proposal: Proposal, index: LogIndex, term: Term): void {
    proposal.index = index;
    proposal.term = term;
    // From the end: only who lost the leadership and leads again has some behind it, until what became of those is told or given up.
    let before = this.#last;
    while (before !== undefined && before.index > index) before = before.before;
    const after = before === undefined ? this.#first : before.after;
    proposal.before = before;
    proposal.after = after;
    if (before === undefined) this.#first = proposal;
    else before.after = proposal;
    if (after === undefined) this.#last = proposal;
    else {
      after.before = proposal;
      this.#asked = undefined;
    }
    this.#count++;
    this.#bytes += proposal.data.length;
  }

  /** What was proposed with an entry that is being applied, when it is the very one: its bytes are those of the proposal, in memory, at its index and term. */
  commandOf({ index, term, data }: Entry): unknown {
    if (this.#last === undefined || this.#last.index < index) return undefined;
    let at = this.#asked !== undefined && this.#asked.index <= index ? this.#asked : this.#first;
    while (at !== undefined && at.index < index) at = at.after;
    this.#asked = at;
    for (; at?.index === index; at = at.after) if (at.term === term && at.data === data) return at.command;
    return undefined;
  }

  /** The entry was applied. */
  applied({ index, term }: Pick<Entry, "index" | "term">, result: unknown): void {
    let next: Proposal | undefined;
    for (let at = this.#first; at !== undefined && at.index <= index; at = next) {
      next = at.after;
      if (at.index !== index) continue;
      this.#remove(at);
      if (at.term === term) at.resolve({ index, result });
      else {
        at.reject(
          new RaftNodeError(
            "not-leader",
            "another leader's entry took the place of this one, which was not applied; try again",
          ),
        );
      }
    }
  }

  /** Commands are of no use any more: this node leads no longer. */
  forgetCommands(): void {
    for (let at = this.#first; at !== undefined; at = at.after) at.command = undefined;
  }

  /** Gives up those whose signal ended the wait. */
  failAborted(): void {
    if (this.#count === 0) return;
    this.#fail(({ signal }) => signal?.aborted === true, "the caller ended the wait");
  }

  /** A snapshot took the place of the log up to `index`: what became of the proposals there, it does not say. */
  hiddenThrough(index: LogIndex): void {
    this.#fail((proposal) => proposal.index <= index, "a snapshot took the place of its entry");
  }

  /** Gives all up. */
  failAll(error: RaftNodeError): void {
    this.#fail(() => true, error);
  }

  /** Gives up those of terms before this one. */
  failBefore(term: Term, error: RaftNodeError): void {
    this.#fail((proposal) => proposal.term < term, error);
  }

  #fail(isOver: (proposal: Proposal) => boolean, why: string | RaftNodeError): void {
    let next: Proposal | undefined;
    for (let at = this.#first; at !== undefined; at = next) {
      next = at.after;
      if (!isOver(at)) continue;
      this.#remove(at);
      at.reject(typeof why === "string" ? unknownOutcome(why) : why);
    }
  }

  #remove(proposal: Proposal): void {
    const { before, after } = proposal;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    if (this.#asked === proposal) this.#asked = after;
    proposal.before = undefined;
    proposal.after = undefined;
    this.#count--;
    this.#bytes -= proposal.data.length;
  }
}

/** The answer when nobody knows. */
export function unknownOutcome(why: string, cause?: unknown): RaftNodeError {
  return new RaftNodeError("outcome-unknown", `${why}; the proposal may or may not be applied`, { cause });
}
