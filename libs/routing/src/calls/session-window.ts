import type { Session, SessionRequest } from "@trellis/storage";

/** A request may be so far ahead of the oldest one without an answer. */
const MAX_AHEAD = 1_023;
/** So many sequences may be without an answer: each has a place of its own. */
const PLACES = 1_024;

/** One session and its sequences: which are in use, and which will not be repeated any more. */
export class SessionWindow {
  readonly session: Session;
  /** By the place of a sequence: 1 while it is without an answer. */
  readonly #unanswered = new Uint8Array(PLACES);
  /** The lowest without an answer; the next one when there is none. */
  #lowest = 1;
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
    this.#unanswered[sequence % PLACES] = 1;
    return sequence;
  }

  /** A sequence has its answer, or will never be repeated. */
  done(sequence: number): void {
    if (sequence < this.#lowest) return;
    this.#unanswered[sequence % PLACES] = 0;
    while (this.#lowest < this.#next && this.#unanswered[this.#lowest % PLACES] === 0) this.#lowest++;
  }

  /** How a sequence goes out now. */
  request(sequence: number): SessionRequest {
    return { session: this.session, sequence, lowestUnanswered: Math.min(this.#lowest, sequence) };
  }
}
