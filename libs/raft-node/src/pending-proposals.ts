import type { LogIndex, Term } from "@trellis/raft";

import { RaftNodeError } from "./errors.ts";
import type { Applied } from "./raft-node.ts";

/** A proposal that a leader put into its log, and whose proposer waits. */
interface Pending {
  readonly term: Term;
  readonly bytes: number;
  readonly resolve: (applied: Applied) => void;
  readonly reject: (error: RaftNodeError) => void;
}

/**
 * The proposals whose fate is open, by their place in the log. What becomes of one shows when an entry at its index is applied: with its term it is
 * this one; with another it never will be, since committed entries stay. Until then, also after the leadership is lost, nobody knows.
 */
export class PendingProposals {
  /** Several at one index: a former leader's, overwritten, and its own as a later leader. */
  readonly #byIndex = new Map<LogIndex, Pending[]>();
  #count = 0;
  #bytes = 0;

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Notes a proposal that stands at `index` in the log of the leader of `term`. The answer forgets it, and says whether it was there. */
  add(index: LogIndex, pending: Pending): () => boolean {
    const there = this.#byIndex.get(index);
    if (there === undefined) this.#byIndex.set(index, [pending]);
    else there.push(pending);
    this.#count++;
    this.#bytes += pending.bytes;
    return () => this.#forget(index, pending);
  }

  /** The entry at `index` was applied. */
  applied(index: LogIndex, term: Term, result: unknown): void {
    const there = this.#byIndex.get(index);
    if (there === undefined) return;
    this.#byIndex.delete(index);
    // Emptied: a map that changes all the time keeps in its old tables, until the next major collection, what was in it.
    for (const pending of there.splice(0)) {
      this.#count--;
      this.#bytes -= pending.bytes;
      if (pending.term === term) pending.resolve({ index, result });
      else {
        pending.reject(
          new RaftNodeError(
            "not-leader",
            "another leader's entry took the place of this one, which was not applied; try again",
          ),
        );
      }
    }
  }

  /** A snapshot took the place of the log up to `index`: what became of the proposals there, it does not say. */
  hiddenThrough(index: LogIndex): void {
    for (const at of this.#byIndex.keys())
      if (at <= index) this.#settle(at, unknownOutcome("a snapshot took the place of its entry"));
  }

  /** Gives all up. */
  failAll(error: RaftNodeError): void {
    for (const at of this.#byIndex.keys()) this.#settle(at, error);
  }

  /** Gives up those of terms before this one. */
  failBefore(term: Term, error: RaftNodeError): void {
    for (const at of this.#byIndex.keys()) this.#settle(at, error, term);
  }

  #settle(index: LogIndex, error: RaftNodeError, beforeTerm = Number.POSITIVE_INFINITY): void {
    const there = this.#byIndex.get(index) ?? [];
    const stays = there.filter(({ term }) => term >= beforeTerm);
    if (stays.length > 0) this.#byIndex.set(index, stays);
    else this.#byIndex.delete(index);
    for (const pending of there) {
      if (pending.term >= beforeTerm) continue;
      this.#count--;
      this.#bytes -= pending.bytes;
      pending.reject(error);
    }
  }

  #forget(index: LogIndex, pending: Pending): boolean {
    const there = this.#byIndex.get(index);
    const at = there?.indexOf(pending) ?? -1;
    if (there === undefined || at < 0) return false;
    there.splice(at, 1);
    if (there.length === 0) this.#byIndex.delete(index);
    this.#count--;
    this.#bytes -= pending.bytes;
    return true;
  }
}

/** The answer when nobody knows. */
export function unknownOutcome(why: string, cause?: unknown): RaftNodeError {
  return new RaftNodeError("outcome-unknown", `${why}; the proposal may or may not be applied`, { cause });
}
