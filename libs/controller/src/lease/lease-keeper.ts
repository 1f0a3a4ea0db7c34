import type { Client } from "@trellis/client";
import type { Clock, Random } from "@trellis/resource";

import type { ControllerLog } from "../controller.ts";
import { errorText } from "../runtime/named-log.ts";
import { hashOf, Lease, LEASE_TENANCY, LEASE_TIMING, type LeaseTiming } from "./lease.ts";
import { handBackLease, isTakenByAnother, type LeaseHolder, takeLease } from "./lease-calls.ts";
import { LeaseRenewals } from "./lease-renewals.ts";
import { LeaseTerm } from "./lease-term.ts";
import { ObservedLeases } from "./observed-leases.ts";

/** What a keeper runs on. */
export interface LeaseKeeperOptions {
  /** Who it is to the server decides which leases it may write. */
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: ControllerLog;
  readonly holder: LeaseHolder;
  /** How the names of the leases begin, and the names: which it would hold. */
  readonly prefix: string;
  readonly names: readonly string[];
  readonly timing?: LeaseTiming | undefined;
  /** A lease is held from now on. */
  readonly taken: (term: LeaseTerm) => void;
  /** It is not any more. Until what this returns has resolved, the lease is not taken again. */
  readonly lost: (term: LeaseTerm) => Promise<void>;
}

/** How long a taking, and a handing back, may take. */
const CALL_TIMEOUT_MS = 1_000;
/** The wait after a taking that failed, and half of it more at random. */
const RETRY_MS = 250;
/** The wait between two leases, in which others get theirs. */
const PACE_MS = 20;
/** How much longer a keeper waits with its next lease, for each lease that it holds more than another; and the longest such wait. */
const MODESTY_MS = 50;
const MAX_MODESTY_MS = 300;
/** How often a lease that cannot be taken is told in the log. */
const REMIND_MS = 10_000;

/**
 * Takes leases that are free or have run out, one after the other, renews what it holds, and gives it up in time. Several keepers share leases by chance: each
 * goes through them in an order of its own, and waits a little while it holds more than another.
 */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  readonly #timing: LeaseTiming;
  readonly #order: readonly string[];
  readonly #observed: ObservedLeases;
  readonly #renewals: LeaseRenewals;
  readonly #terms = new Map<string, LeaseTerm>();
  /** Leases that were lost, and whose `lost` is not through. */
  readonly #ending = new Set<string>();
  /** Before when a lease is not tried again, by `clock.monotonic()`. */
  readonly #notBeforeMs = new Map<string, number>();
  #toldMs = Number.NEGATIVE_INFINITY;
  #lastTakenMs = Number.NEGATIVE_INFINITY;
  #retired = false;
  #taking: Promise<void> | undefined;
  #cancelLook = (): void => undefined;

  constructor(options: LeaseKeeperOptions) {
    const { names, holder, client, clock, log, prefix, timing = LEASE_TIMING } = options;
    this.#options = options;
    this.#timing = timing;
    this.#order = names.toSorted((a, b) => hashOf(holder.id + a) - hashOf(holder.id + b));
    this.#observed = new ObservedLeases({ client, clock, log }, prefix, (name) => this.#seen(name));
    this.#renewals = new LeaseRenewals({
      client,
      clock,
      log,
      holder,
      timing,
      terms: () => [...this.#terms.values()],
      over: (term, why) => this.#lose(term, why),
    });
  }

  start(): void {
    this.#observed.start();
    this.#renewals.start();
  }

  /** Takes no lease from now on; keeps what it holds. */
  retire(): void {
    this.#retired = true;
    this.#cancelLook();
  }

  /** Hands back what it holds, so that others need not wait until it runs out. */
  async stop(): Promise<void> {
    this.retire();
    await this.#taking;
    this.#renewals.stop();
    await Promise.all([...this.#terms.values()].map((term) => this.#handBack(term)));
    await this.#observed.stop();
  }

  /** What it holds under a name. */
  term(name: string): LeaseTerm | undefined {
    return this.#terms.get(name);
  }

  /** Who else holds a lease, in words; undefined when nobody does. */
  holderOf(name: string): string | undefined {
    const { lease } = this.#observed.get(name);
    const { holder = "", holderName = "" } = lease?.data ?? {};
    return holder === "" || holder === this.#options.holder.id ? undefined : holderName || holder;
  }

  /** Whether it has seen who holds what. */
  get isSynced(): boolean {
    return this.#observed.isSynced;
  }

  /** Why it cannot see the leases; undefined while it can. */
  get lastError(): unknown {
    return this.#observed.lastError;
  }

  #seen(name?: string): void {
    const term = name === undefined ? undefined : this.#terms.get(name);
    if (term !== undefined && this.#observed.get(term.name).lease?.generation !== term.lease.generation)
      this.#lose(term, `${this.holderOf(term.name) ?? "somebody else"} took it`);
    this.#look();
  }

  /** Takes the next lease that is free, or waits until one is. */
  #look(): void {
    this.#cancelLook();
    if (this.#retired || this.#taking !== undefined || !this.#observed.isSynced) return;
    const vacant = this.#order.filter((name) => !this.#terms.has(name) && !this.#ending.has(name));
    const [first] = vacant
      .map((name) => ({ name, dueMs: this.#dueMs(name) }))
      .toSorted((a, b) => a.dueMs - b.dueMs);
    if (first === undefined) return;
    const waitMs = first.dueMs - this.#options.clock.monotonic();
    if (waitMs > 0) {
      this.#cancelLook = this.#options.clock.after(waitMs, () => this.#look());
      return;
    }
    this.#taking = this.#take(first.name).finally(() => {
      this.#taking = undefined;
      this.#look();
    });
  }

  #dueMs(name: string): number {
    const { holder } = this.#options;
    const { lease, sinceMs } = this.#observed.get(name);
    // Taken here, and yet no term: the answer was lost, or came too late. Nobody else may take it sooner, and nobody here writes under it.
    const isOwn = lease?.data.holder === holder.id;
    const freeMs = isOwn ? sinceMs : this.#observed.freeFromMs(name);
    const others = [...this.#observed.holdings()].filter(([id]) => id !== holder.id);
    const more = this.#terms.size - Math.min(this.#terms.size, ...others.map(([, count]) => count));
    const modestyMs = Math.min(MAX_MODESTY_MS, more * MODESTY_MS);
    return Math.max(
      freeMs + modestyMs,
      this.#lastTakenMs + PACE_MS + modestyMs,
      this.#notBeforeMs.get(name) ?? 0,
    );
  }

  async #take(name: string): Promise<void> {
    const { client, clock, holder, log, taken } = this.#options;
    const { lease: seen } = this.#observed.get(name);
    const sentMs = clock.monotonic();
    try {
      const { durationMs } = this.#timing;
      const lease = await takeLease(client, name, seen, { holder, durationMs, timeoutMs: CALL_TIMEOUT_MS });
      this.#observed.learn(lease);
      const term = new LeaseTerm({ lease, sentMs, timing: this.#timing, client, clock });
      if (!term.held) return;
      this.#terms.set(name, term);
      this.#lastTakenMs = clock.monotonic();
      const former = seen === undefined || seen.data.holder === "" ? undefined : seen.data.holderName;
      log.info({ lease: name, ...(former !== undefined && { from: former }) }, "lease taken");
      this.#renewals.watchOver(term);
      if (!this.#retired) taken(term);
    } catch (error) {
      this.#notBeforeMs.set(name, clock.monotonic() + RETRY_MS * (1 + this.#options.random() / 2));
      if (isTakenByAnother(error)) await this.#lookAgain(name);
      else this.#tell(name, errorText(error));
    }
  }

  #tell(name: string, reason: string): void {
    const { clock, log } = this.#options;
    if (clock.monotonic() - this.#toldMs < REMIND_MS) return;
    this.#toldMs = clock.monotonic();
    log.warn({ lease: name, reason }, "lease not taken; tried again");
  }

  /** Asks who has a lease that was not as it had been seen. */
  async #lookAgain(name: string): Promise<void> {
    const { client } = this.#options;
    try {
      const lease = await client.find(Lease, { ...LEASE_TENANCY, name }, { timeoutMs: CALL_TIMEOUT_MS });
      if (lease === undefined) this.#observed.learnAbsent(name);
      else this.#observed.learn(lease);
    } catch {
      // The watch will tell, or the next try.
    }
  }

  #lose(term: LeaseTerm, reason: string): void {
    const { name } = term;
    if (this.#terms.get(name) !== term) return;
    term.end();
    this.#terms.delete(name);
    this.#ending.add(name);
    this.#options.log.warn({ lease: name, reason }, "lease lost");
    void this.#options
      .lost(term)
      .catch((error: unknown) =>
        this.#options.log.error({ lease: name, err: error }, "what ran under a lost lease did not end well"),
      )
      .then(() => {
        this.#ending.delete(name);
        this.#look();
      });
  }

  async #handBack(term: LeaseTerm): Promise<void> {
    const { client, log } = this.#options;
    const wasHeld = term.held;
    term.end();
    this.#terms.delete(term.name);
    if (!wasHeld) return;
    try {
      await handBackLease(client, term, CALL_TIMEOUT_MS);
      log.info({ lease: term.name }, "lease handed back");
    } catch (error) {
      log.warn(
        { lease: term.name, reason: errorText(error) },
        "lease not handed back; others wait until it runs out",
      );
    }
  }
}
