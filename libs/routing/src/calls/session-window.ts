import type { Session, SessionRequest } from "@trellis/storage";

/** A request may be so far ahead of the oldest one without an answer. */
const MAX_AHEAD = 1_023;

/** One session and its sequences: which are in use, and which will not be repeated any more. */
export class SessionWindow {
  readonly session: Session;
  /** Without an answer, ascending: a set keeps the order in which it was filled. */
  readonly #unanswered = new Set<number>();
  #next = 1;

  constructor(session: Session) {
    this.session = session;
  }

  /** Whether another request fits in. */
  get hasRoom(): boolean {
    return this.#next - this.#lowest <= MAX_AHEAD;
  }

  /** The next sequence, which is then in use. */
  take(): number {
    const sequence = this.#next++;
    this.#unanswered.add(sequence);
    return sequence;
  }

  /** A sequence has its answer, or will never be repeated. */
  done(sequence: number): void {
    this.#unanswered.delete(sequence);
  }

  /** How a sequence goes out now. */
  request(sequence: number): SessionRequest {
    return { session: this.session, sequence, lowestUnanswered: Math.min(this.#lowest, sequence) };
  }

  get #lowest(): number {
    for (const sequence of this.#unanswered) return sequence;
    return this.#next;
  }
}
