import type { Session, SessionRequest } from "@trellis/storage";

/** What a commit carries so that it is executed once, however often it is sent. */
export interface Ticket {
  readonly session: Session;
  readonly sequence: number;
}

/** One client's session: numbers its commits and knows which are unanswered. */
export class ClientSession {
  readonly #drawId: () => string;
  #id: string | undefined;
  #opening: Promise<Session> | undefined;
  #unanswered = new Set<number>();
  #last = 0;

  constructor(drawId: () => string) {
    this.#drawId = drawId;
  }

  /** The place of the next commit in the session, which is opened by `open` when there is none. */
  async ticket(open: (id: string) => Promise<Session>): Promise<Ticket> {
    // An opening that failed is repeated under the same id: it may have got there.
    this.#id ??= this.#drawId();
    this.#opening ??= open(this.#id);
    const opening = this.#opening;
    try {
      const session = await opening;
      const sequence = ++this.#last;
      this.#unanswered.add(sequence);
      return { session, sequence };
    } catch (error) {
      if (this.#opening === opening) this.#opening = undefined;
      throw error;
    }
  }

  /** The ticket as a try of the commit carries it. */
  request({ session, sequence }: Ticket): SessionRequest {
    return { session, sequence, lowestUnanswered: Math.min(...this.#unanswered, sequence) };
  }

  /** A commit was answered, or given up: it is not sent again. */
  done({ sequence }: Ticket): void {
    this.#unanswered.delete(sequence);
  }

  /** The session is not to be used any more; the next ticket opens another. */
  forget(): void {
    this.#id = undefined;
    this.#opening = undefined;
    this.#unanswered = new Set();
    this.#last = 0;
  }
}
