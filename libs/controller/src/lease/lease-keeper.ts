import type { Client } from "@trellis/client";
import type { Clock, Random } from "@trellis/resource";

import type { ControllerLog } from "../log.ts";
import type { TenureEnd } from "../runtime/placement.ts";
import { errorText } from "../runtime/named-log.ts";
import { leaseToHandBack } from "./balance.ts";
import { removeDeparted } from "./departed-members.ts";
import { LEASE_TIMING, type LeaseTiming, shardLeasesOf } from "./lease.ts";
import { handBackLease, type LeaseHolder, UNRENEWED_DURATION_MS } from "./lease-calls.ts";
import { LeaseJudge } from "./lease-judge.ts";
import { LeaseTaking } from "./lease-taking.ts";
import type { LeaseTerm } from "./lease-term.ts";
import { Membership } from "./membership.ts";
import { ObservedLeases } from "./observed-leases.ts";
import { refreshLeases } from "./refresh-leases.ts";
import { repeatedly } from "./repeatedly.ts";
import { candidateOf, candidatesOf, type WantedLease } from "./wanted-lease.ts";

/** What a keeper runs on. */
export interface LeaseKeeperOptions {
  /** Who it is to the server decides which leases it may write. */
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: ControllerLog;
  readonly holder: LeaseHolder;
  /** How the names of the leases begin. */
  readonly prefix: string;
  /** What it would hold. */
  readonly leases: readonly WantedLease[];
  readonly timing?: LeaseTiming | undefined;
  /** A lease is held from now on. */
  readonly taken: (term: LeaseTerm) => void;
  /**
   * It is not any more; or, in good order, will not be once what this returns has resolved, and may be lost at once meanwhile. Until all that was returned has resolved, the lease is
   * not taken again.
   */
  readonly lost: (term: LeaseTerm, how: TenureEnd) => Promise<void>;
}

/** How long a handing back may take. */
const CALL_TIMEOUT_MS = 1_000;
/** How often it is looked whether others have too few, and one lease at most is handed back then. */
const BALANCE_MS = 2_000;
/** How long nothing is handed back once a lease was that nobody took. */
const UNWANTED_MS = 60_000;
/** How often it is looked for the leases of members that have gone. */
const REMOVE_MS = 15_000;
/** How often managers that judge each lease for itself are shown that theirs are held. */
const REFRESH_MS = UNRENEWED_DURATION_MS / 4;

/**
 * Holds leases as a member of those who share them: takes what is free or whose holder has gone, one after the other, gives all up in time when it cannot renew, and hands back
 * what is more than its share.
 */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  readonly #observed: ObservedLeases;
  readonly #judge: LeaseJudge;
  readonly #membership: Membership;
  readonly #taking: LeaseTaking;
  readonly #candidates: ReadonlyMap<string, string>;
  readonly #terms = new Map<string, LeaseTerm>();
  /** Terms that were lost or are handed back, and whose `lost` is not through: one may be both. */
  readonly #ending = new Set<{ readonly name: string }>();
  readonly #duties: (() => void)[] = [];
  #handingBack: Promise<void> | undefined;
  #noBalanceBeforeMs = 0;
  #retired = false;

  constructor(options: LeaseKeeperOptions) {
    const { leases, client, clock, random, log, holder, prefix, timing = LEASE_TIMING } = options;
    this.#options = options;
    this.#candidates = new Map(leases.map((lease) => [lease.name, candidateOf(lease)]));
    this.#observed = new ObservedLeases({ client, clock, log }, prefix, (name) => this.#seen(name));
    this.#judge = new LeaseJudge(this.#observed, { timing, clock });
    this.#membership = new Membership({
      client,
      clock,
      random,
      log,
      holder,
      prefix,
      timing,
      candidates: candidatesOf(leases),
      joined: (lease) => {
        this.#observed.learn(lease);
        this.#taking.look();
      },
      over: (reason) => {
        for (const term of this.#terms.values()) this.#lose(term, reason);
      },
    });
    this.#taking = new LeaseTaking({
      client,
      clock,
      random,
      log,
      holder,
      leases,
      observed: this.#observed,
      judge: this.#judge,
      member: () => this.#membership.term,
      isTaken: (name) => this.#terms.has(name) || this.#isEnding(name),
      count: () => this.#terms.size,
      taken: (term) => this.#taken(term),
    });
  }

  start(): void {
    this.#observed.start();
    this.#membership.start();
    const { clock, random } = this.#options;
    const duties = [
      { everyMs: BALANCE_MS, perform: () => this.#balance() },
      { everyMs: REMOVE_MS, perform: () => removeDeparted(this.#judge.departed(), this.#options) },
      { everyMs: REFRESH_MS, perform: () => refreshLeases(this.#held(), this.#options) },
    ];
    for (const duty of duties) this.#duties.push(repeatedly({ clock, random, ...duty }));
  }

  /** Takes no lease from now on; keeps what it holds. */
  retire(): void {
    this.#retired = true;
    this.#taking.stop();
  }

  /** Hands back what it holds, so that others need not wait until it runs out. */
  async stop(): Promise<void> {
    this.retire();
    for (const cancel of this.#duties) cancel();
    await this.#taking.underWay;
    await this.#handingBack;
    await Promise.all([...this.#terms.values()].map((term) => this.#handBack(term)));
    await this.#membership.stop();
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

  /** Who else holds a lease, or shards that it is divided into, in words. */
  holdersOf(name: string): readonly string[] {
    const names = [name, ...shardLeasesOf(this.#observed.get(name).lease)];
    return [...new Set(names.flatMap((one) => this.holderOf(one) ?? []))];
  }

  /** Into how many shards a lease is divided; 0 for none. */
  shardsOf(name: string): number {
    return this.#observed.get(name).lease?.data.shards ?? 0;
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
    if (name !== undefined) {
      const { lease } = this.#observed.get(name);
      if (name === this.#membership.term?.name) this.#membership.seen(lease);
      for (const term of this.#termsUnder(name)) {
        const known = term.name === name ? term.lease : term.layout;
        if (lease?.generation !== known?.generation)
          this.#lose(term, `${this.holderOf(name) ?? "somebody else"} took it`);
      }
    }
    this.#taking.look();
  }

  /** The terms that end when a lease is written: its own, and those of its shards. */
  #termsUnder(name: string): readonly LeaseTerm[] {
    return [...this.#terms.values()].filter((term) => term.name === name || term.layout?.id.name === name);
  }

  #taken(term: LeaseTerm): void {
    this.#terms.set(term.name, term);
    if (!this.#retired) this.#options.taken(term);
  }

  #lose(term: LeaseTerm, reason: string): void {
    const { name } = term;
    if (this.#terms.get(name) !== term) return;
    term.end();
    this.#terms.delete(name);
    this.#options.log.warn({ lease: name, reason }, "lease lost");
    void this.#end(term, "at once");
  }

  /** Has what runs under a term come to its end. */
  async #end(term: LeaseTerm, how: TenureEnd): Promise<void> {
    const { lost, log } = this.#options;
    const ending = { name: term.name };
    this.#ending.add(ending);
    try {
      await lost(term, how);
    } catch (error) {
      log.error({ lease: term.name, err: error }, "what ran under a lost lease did not end well");
    }
    this.#ending.delete(ending);
    this.#taking.look();
  }

  #isEnding(name: string): boolean {
    return [...this.#ending].some((one) => one.name === name);
  }

  /** What it holds and goes on to hold. */
  #held(): readonly LeaseTerm[] {
    return [...this.#terms.values()].filter(({ name, held }) => held && !this.#isEnding(name));
  }

  /** Hands back one lease when another member has too few. */
  async #balance(): Promise<void> {
    const { clock, holder } = this.#options;
    if (this.#retired || clock.monotonic() < this.#noBalanceBeforeMs) return;
    const held = this.#held().map(({ name }) => ({ name, candidate: this.#candidates.get(name) ?? name }));
    const others = this.#judge.present().filter(({ id }) => id !== holder.id);
    const name = leaseToHandBack({ held, others });
    const term = name === undefined ? undefined : this.#terms.get(name);
    if (term === undefined) return;
    if (this.#taking.tookBack(term.name)) {
      this.#noBalanceBeforeMs = clock.monotonic() + UNWANTED_MS;
      return;
    }
    this.#handingBack = this.#leave(term).finally(() => (this.#handingBack = undefined));
    await this.#handingBack;
  }

  /** Leaves a lease to others while this process goes on. */
  async #leave(term: LeaseTerm): Promise<void> {
    await this.#end(term, "in good order");
    if (this.#terms.get(term.name) !== term) return;
    this.#taking.leave(term.name);
    await this.#handBack(term);
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
