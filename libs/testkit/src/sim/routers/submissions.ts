import type { SessionRequest } from "@trellis/storage";

/** How often a request of a session was sent by its origin, and how often one forwarder's sending may have done it. */
interface Sent {
  byOrigin: number;
  readonly byForwarder: Map<string, number>;
}

/** All requests of all sessions: who may send one again is its origin, and nobody else. */
export class Submissions {
  /** Requests that an origin sent once more. */
  repeated = 0;
  readonly #report: (violation: string) => void;
  readonly #sent = new Map<string, Sent>();

  constructor(report: (violation: string) => void) {
    this.#report = report;
  }

  /** The origin of a session sends a request. */
  originSends(request: SessionRequest): void {
    const sent = this.#of(request);
    if (++sent.byOrigin > 1) this.repeated++;
  }

  /** A forwarder sends a request on. To be taken back when the answer is that nothing was applied. */
  forwarderSends(forwarder: string, request: SessionRequest): () => void {
    const { byForwarder, byOrigin } = this.#of(request);
    const times = (byForwarder.get(forwarder) ?? 0) + 1;
    byForwarder.set(forwarder, times);
    if (times > byOrigin) {
      const { session, sequence } = request;
      this.#report(
        `${forwarder} sends request ${sequence} of session ${session.id} ${times} times, its origin sent it ${byOrigin} times`,
      );
    }
    return () => void byForwarder.set(forwarder, (byForwarder.get(forwarder) ?? 1) - 1);
  }

  #of({ session, sequence }: SessionRequest): Sent {
    const name = `${session.id} ${session.openedAt} ${sequence}`;
    const known = this.#sent.get(name) ?? { byOrigin: 0, byForwarder: new Map<string, number>() };
    this.#sent.set(name, known);
    return known;
  }
}
