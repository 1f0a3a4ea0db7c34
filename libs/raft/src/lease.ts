import type { ResolvedOptions } from "./options.ts";

/** A round of heartbeats: all with this number or a later one were sent at this tick or after it. */
interface Round {
  readonly sequence: number;
  readonly tick: number;
}

/**
 * How long a leader may take its leadership for granted (thesis §6.4.1). Who answered a heartbeat refuses votes for an election
 * timeout after it came; so when a quorum has answered a round, nobody else is elected for that time after the round was
 * *sent*. Counted in this node's ticks: a process that stands still does not see its lease run out.
 *
 * One tick less, as the members' ticks are not at the same moment; and one heartbeat interval less for clocks that do not run
 * at the same rate.
 */
export class Lease {
  readonly #lengthTicks: number;
  /** Ticks of this leadership. */
  #now = 0;
  /** When the lease began. The entry that opens the term was sent at 0; no read comes here before a quorum has it. */
  #begin = 0;
  #isVoid = false;
  /** Rounds that a quorum has not answered, oldest first: at most one per tick of the lease. */
  #rounds: Round[] = [];

  constructor({ electionTicks, heartbeatTicks }: Pick<ResolvedOptions, "electionTicks" | "heartbeatTicks">) {
    this.#lengthTicks = electionTicks - heartbeatTicks - 1;
  }

  tick(): void {
    this.#now++;
  }

  /** Somebody was told to campaign, at once or whenever the message arrives: he overrides what the others promised. */
  void(): void {
    this.#isVoid = true;
  }

  get holds(): boolean {
    return !this.#isVoid && this.#isYoung(this.#begin);
  }

  #isYoung(tick: number): boolean {
    return this.#now - tick < this.#lengthTicks;
  }

  /** A round is being sent. Of several in one tick the first stands for all. */
  roundSent(sequence: number): void {
    if (this.#rounds.at(-1)?.tick === this.#now) return;
    this.#rounds = this.#rounds.filter(({ tick }) => this.#isYoung(tick));
    this.#rounds.push({ sequence, tick: this.#now });
  }

  /** A quorum has answered all rounds up to this number. */
  roundConfirmed(sequence: number): void {
    const newest = this.#rounds.findLast((round) => round.sequence <= sequence);
    if (newest === undefined) return;
    this.#begin = newest.tick;
    this.#rounds = this.#rounds.filter((round) => round.sequence > sequence);
  }
}
