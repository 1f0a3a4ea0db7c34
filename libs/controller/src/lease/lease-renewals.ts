import type { Client } from "@trellis/client";
import type { Clock } from "@trellis/resource";

import type { ControllerLog } from "../controller.ts";
import { errorText } from "../runtime/named-log.ts";
import type { LeaseTiming } from "./lease.ts";
import { type LeaseHolder, MAX_RENEWALS, renewLeases, TermRefusedError } from "./lease-calls.ts";
import type { LeaseTerm } from "./lease-term.ts";

/** What renewing needs. */
export interface LeaseRenewalsOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: ControllerLog;
  readonly holder: LeaseHolder;
  readonly timing: LeaseTiming;
  /** The terms to renew. */
  readonly terms: () => readonly LeaseTerm[];
  /** A term is over, and why in words. */
  readonly over: (term: LeaseTerm, reason: string) => void;
}

/** Renews all terms of a process together, one request at each interval, and tells of those that are over. */
export class LeaseRenewals {
  readonly #options: LeaseRenewalsOptions;
  #renewal = 0;
  #stopped = false;
  #cancel = (): void => undefined;

  constructor(options: LeaseRenewalsOptions) {
    this.#options = options;
  }

  start(): void {
    this.#schedule();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  /** Tells when a term runs out, unless it is over before for another reason. */
  watchOver(term: LeaseTerm): void {
    const { clock, over } = this.#options;
    const look = (): void => {
      if (this.#stopped || !this.#options.terms().includes(term)) return;
      if (term.held) clock.after(term.untilMs - clock.monotonic(), look);
      else over(term, RAN_OUT);
    };
    look();
  }

  /**
   * One request at a time: the interval is counted from when one is sent, and one that takes longer is followed by the next at once. One that failed is made good
   * sooner.
   */
  #schedule(delayMs = this.#options.timing.renewMs): void {
    const { clock, timing } = this.#options;
    this.#cancel = clock.after(delayMs, () => {
      const sentMs = clock.monotonic();
      void this.#renewAll().then((renewed) => {
        const intervalMs = renewed ? timing.renewMs : timing.renewMs / RETRIES_PER_INTERVAL;
        if (!this.#stopped) this.#schedule(Math.max(0, sentMs + intervalMs - clock.monotonic()));
      });
    });
  }

  /** Whether nothing failed. */
  async #renewAll(): Promise<boolean> {
    const { terms, over } = this.#options;
    const held: LeaseTerm[] = [];
    // A process that slept learns it here, if its timers are late.
    for (const term of terms()) {
      if (term.held) held.push(term);
      else over(term, RAN_OUT);
    }
    let renewed = true;
    for (let start = 0; start < held.length; start += MAX_RENEWALS)
      renewed = (await this.#renew(held.slice(start, start + MAX_RENEWALS))) && renewed;
    return renewed;
  }

  /** Renews some in one commit; one that the store refuses is over, and the others are sent again. False when the request failed otherwise. */
  async #renew(terms: readonly LeaseTerm[]): Promise<boolean> {
    const { client, clock, holder, log, over, timing } = this.#options;
    let left = terms.filter((term) => term.held);
    while (left.length > 0 && !this.#stopped) {
      this.#renewal += 1;
      const sentMs = clock.monotonic();
      try {
        await renewLeases(client, left, { holder, renewal: this.#renewal, timeoutMs: timing.renewMs });
        for (const term of left) term.extend(sentMs);
        return true;
      } catch (error) {
        if (!(error instanceof TermRefusedError)) {
          log.debug({ leases: left.length, reason: errorText(error) }, "leases not renewed; tried again");
          return false;
        }
        over(error.term, errorText(error));
        left = left.filter((term) => term !== error.term && term.held);
      }
    }
    return true;
  }
}

/** How much more often a renewal that failed is tried. */
const RETRIES_PER_INTERVAL = 4;
const RAN_OUT = "it was not renewed in time";
