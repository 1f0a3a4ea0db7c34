import type { Client } from "@trellis/client";
import type { Clock, Random } from "@trellis/resource";

import type { ControllerLog } from "../log.ts";
import { errorText } from "../runtime/named-log.ts";
import { type LeaseTiming, memberLeaseNameOf, type StoredLease } from "./lease.ts";
import type { LeaseHolder } from "./lease-calls.ts";
import { isOver, joinMembers, leaveMembers, renewMember } from "./member-calls.ts";
import { MemberTerm } from "./member-term.ts";

/** What being a member needs. */
export interface MembershipOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: ControllerLog;
  readonly holder: LeaseHolder;
  /** How the name of its lease begins. */
  readonly prefix: string;
  /** The leases that it would hold, for others to know. */
  readonly candidates: readonly string[];
  readonly timing: LeaseTiming;
  /** It is a member from now on. */
  readonly joined: (lease: StoredLease) => void;
  /** Its term is over, and why in words: all that it held under it is lost. */
  readonly over: (reason: string) => void;
}

/** How long making and deleting the lease may take. */
const CALL_TIMEOUT_MS = 1_000;
/** The wait after a failure, and half of it more at random. */
const RETRY_MS = 250;
/** How often a failure is told in the log. */
const REMIND_MS = 10_000;
/** How much more often a renewal that failed is tried. */
const RETRIES_PER_INTERVAL = 4;
const RAN_OUT = "it was not renewed in time";

/**
 * Makes this process a member, and keeps it one: with one renewal at each interval, whatever it holds. A term that is over is followed by one of another name: what was held
 * under the former is never held again by it.
 */
export class Membership {
  readonly #options: MembershipOptions;
  #term: MemberTerm | undefined;
  #times = 0;
  #renewal = 0;
  #toldMs = Number.NEGATIVE_INFINITY;
  #stopped = false;
  #joining: Promise<void> | undefined;
  #cancelJoin = (): void => undefined;
  #cancelRenewal = (): void => undefined;

  constructor(options: MembershipOptions) {
    this.#options = options;
  }

  /** The term that lasts; undefined while it is no member. */
  get term(): MemberTerm | undefined {
    return this.#term;
  }

  start(): void {
    this.#joining = this.#join().finally(() => (this.#joining = undefined));
  }

  /** Deletes the lease, so that others need not wait until it runs out. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelJoin();
    await this.#joining;
    this.#cancelRenewal();
    const term = this.#term;
    this.#term = undefined;
    term?.end();
    if (term !== undefined) await this.#leave(term);
  }

  /** Looks at what was seen of its lease: somebody may have written or deleted it. */
  seen(lease: StoredLease | undefined): void {
    const term = this.#term;
    if (term !== undefined && lease?.generation !== term.lease.generation)
      this.#end(term, "somebody wrote or deleted the member's lease");
  }

  async #join(): Promise<void> {
    const { client, clock, random, holder, prefix, candidates, timing, joined } = this.#options;
    // Another name each time: of one whose answer was lost nobody knows whether it is there. It runs out, and goes.
    this.#times += 1;
    const name = memberLeaseNameOf(prefix, holder.id, this.#times);
    const sentMs = clock.monotonic();
    try {
      const as = { holder, candidates, durationMs: timing.durationMs, timeoutMs: CALL_TIMEOUT_MS };
      const lease = await joinMembers(client, name, as);
      const term = new MemberTerm({ lease, sentMs, timing, clock });
      if (!term.held) throw new Error("the answer came too late");
      this.#term = term;
      this.#watchOver(term);
      this.#schedule(term);
      if (!this.#stopped) joined(lease);
    } catch (error) {
      this.#tell(errorText(error));
      if (!this.#stopped) this.#cancelJoin = clock.after(RETRY_MS * (1 + random() / 2), () => this.start());
    }
  }

  /** Tells when a term runs out, unless it is over before for another reason. */
  #watchOver(term: MemberTerm): void {
    const { clock } = this.#options;
    if (this.#term !== term) return;
    if (term.held) clock.after(term.untilMs - clock.monotonic(), () => this.#watchOver(term));
    else this.#end(term, RAN_OUT);
  }

  #end(term: MemberTerm, reason: string): void {
    if (this.#term !== term) return;
    this.#term = undefined;
    term.end();
    this.#cancelRenewal();
    const { clock, over } = this.#options;
    over(reason);
    if (this.#stopped) return;
    // What it says is not true any more, and others need not wait; they need no word of it either.
    void this.#leave(term);
    this.#cancelJoin = clock.after(0, () => this.start());
  }

  /**
   * One request at a time: the interval is counted from when one is sent, and one that takes longer is followed by the next at once. One that failed is made good
   * sooner.
   */
  #schedule(term: MemberTerm, delayMs = this.#options.timing.renewMs): void {
    const { clock, timing } = this.#options;
    this.#cancelRenewal = clock.after(delayMs, () => {
      const sentMs = clock.monotonic();
      void this.#renew(term).then((renewed) => {
        const intervalMs = renewed ? timing.renewMs : timing.renewMs / RETRIES_PER_INTERVAL;
        if (this.#term === term) this.#schedule(term, Math.max(0, sentMs + intervalMs - clock.monotonic()));
      });
    });
  }

  async #renew(term: MemberTerm): Promise<boolean> {
    const { client, clock, holder, log, timing } = this.#options;
    // A process that slept learns it here, if its timers are late.
    if (!term.held) {
      this.#end(term, RAN_OUT);
      return false;
    }
    this.#renewal += 1;
    const sentMs = clock.monotonic();
    try {
      await renewMember(client, term, { holder, renewal: this.#renewal, timeoutMs: timing.renewMs });
      term.extend(sentMs);
      return true;
    } catch (error) {
      if (isOver(error)) this.#end(term, errorText(error));
      else
        log.debug(
          { lease: term.name, reason: errorText(error) },
          "a member's lease was not renewed; tried again",
        );
      return false;
    }
  }

  async #leave(term: MemberTerm): Promise<void> {
    const { client, log } = this.#options;
    try {
      await leaveMembers(client, term, CALL_TIMEOUT_MS);
    } catch (error) {
      if (!isOver(error))
        log.debug(
          { lease: term.name, reason: errorText(error) },
          "a member's lease was not deleted; it runs out",
        );
    }
  }

  #tell(reason: string): void {
    const { clock, log } = this.#options;
    if (clock.monotonic() - this.#toldMs < REMIND_MS) return;
    this.#toldMs = clock.monotonic();
    log.warn({ reason }, "a member's lease was not made; tried again");
  }
}
