import type { Client } from "@trellis/client";
import type { Check } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import type { Clock, Random } from "@trellis/resource";

import type { ControllerLog } from "../log.ts";
import { hashOf } from "../runtime/hash-of.ts";
import { errorText } from "../runtime/named-log.ts";
import { Lease, LEASE_TENANCY, type StoredLease } from "./lease.ts";
import { divideLease, handBackLease, isOtherwise, type LeaseHolder, takeLease } from "./lease-calls.ts";
import type { LeaseJudge } from "./lease-judge.ts";
import { LeaseTerm } from "./lease-term.ts";
import { fenceOf, type MemberTerm } from "./member-term.ts";
import type { ObservedLeases } from "./observed-leases.ts";
import type { Division, WantedLease } from "./wanted-lease.ts";

/** What taking leases needs. */
export interface LeaseTakingOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: ControllerLog;
  readonly holder: LeaseHolder;
  readonly leases: readonly WantedLease[];
  readonly observed: ObservedLeases;
  readonly judge: LeaseJudge;
  /** The term as a member, under which leases are taken; undefined while there is none. */
  readonly member: () => MemberTerm | undefined;
  /** Whether a lease is held already, or what ran under it still ends. */
  readonly isTaken: (name: string) => boolean;
  /** How many leases are held. */
  readonly count: () => number;
  readonly taken: (term: LeaseTerm) => void;
}

/** How long each call may take. */
const CALL_TIMEOUT_MS = 1_000;
/** The wait after a taking that failed, and half of it more at random. */
const RETRY_MS = 250;
/** The wait between two leases, in which others get theirs. */
const PACE_MS = 20;
/** How much longer it waits with its next lease, for each lease that it holds more than another; and the longest such wait. */
const MODESTY_MS = 50;
const MAX_MODESTY_MS = 300;
/** How long a lease that was left to others is not taken. */
const LEFT_MS = 2_000;
/** How long after it was left a lease that is held again counts as taken back: nobody wanted it. */
const TAKEN_BACK_MS = 10_000;
/** How often a lease that cannot be taken is told in the log. */
const REMIND_MS = 10_000;

/**
 * Takes leases that are free, or whose holder has gone, one after the other. Several processes share leases by chance: each goes through them in an order of its own,
 * and waits a little while it holds more than another.
 */
export class LeaseTaking {
  readonly #options: LeaseTakingOptions;
  readonly #order: readonly WantedLease[];
  /** Before when a lease is not tried again, by `clock.monotonic()`. */
  readonly #notBeforeMs = new Map<string, number>();
  /** When leases were left to others. */
  readonly #leftMs = new Map<string, number>();
  #toldMs = Number.NEGATIVE_INFINITY;
  #lastTakenMs = Number.NEGATIVE_INFINITY;
  #stopped = false;
  #underWay: Promise<void> | undefined;
  #cancelLook = (): void => undefined;

  constructor(options: LeaseTakingOptions) {
    const { leases, holder } = options;
    this.#options = options;
    this.#order = leases.toSorted((a, b) => hashOf(holder.id + a.name) - hashOf(holder.id + b.name));
  }

  /** Resolves with the taking that is under way. */
  get underWay(): Promise<void> | undefined {
    return this.#underWay;
  }

  /** Takes nothing from now on. */
  stop(): void {
    this.#stopped = true;
    this.#cancelLook();
  }

  /** Does not take a lease for a while, so that others may. */
  leave(name: string): void {
    const nowMs = this.#options.clock.monotonic();
    this.#leftMs.set(name, nowMs);
    this.#notBeforeMs.set(name, nowMs + LEFT_MS);
  }

  /** Whether a lease was left to others lately, none of whom took it. */
  tookBack(name: string): boolean {
    const leftMs = this.#leftMs.get(name) ?? Number.NEGATIVE_INFINITY;
    return this.#options.clock.monotonic() - leftMs < TAKEN_BACK_MS;
  }

  /** Takes the next lease that is free, or waits until one is. */
  look(): void {
    this.#cancelLook();
    const { observed, member, isTaken, clock } = this.#options;
    const term = member();
    if (this.#stopped || this.#underWay !== undefined || !observed.isSynced || term === undefined) return;
    const vacant = this.#order.filter(({ name }) => !isTaken(name));
    if (vacant.length === 0) return;
    const modestyMs = this.#modestyMs();
    let first = vacant[0] as WantedLease;
    let dueMs = Number.POSITIVE_INFINITY;
    for (const lease of vacant) {
      const leaseMs = this.#dueMs(lease, modestyMs);
      if (leaseMs < dueMs) [first, dueMs] = [lease, leaseMs];
    }
    const waitMs = dueMs - clock.monotonic();
    if (waitMs > 0) {
      this.#cancelLook = clock.after(waitMs, () => this.look());
      return;
    }
    this.#underWay = this.#take(first, term).finally(() => {
      this.#underWay = undefined;
      this.look();
    });
  }

  /** How long it leaves the first choice to those that hold less. */
  #modestyMs(): number {
    const { holder, judge, count } = this.#options;
    const others = [...judge.holdings()].filter(([id]) => id !== holder.id);
    const more = count() - Math.min(count(), ...others.map(([, held]) => held));
    return Math.min(MAX_MODESTY_MS, more * MODESTY_MS);
  }

  #dueMs({ name, part }: WantedLease, modestyMs: number): number {
    if (this.#isStranded({ name, part })) return this.#notBeforeMs.get(name) ?? 0;
    const divisionMs = part === undefined || this.#isDivided(part) ? 0 : this.#freeFromMs(part.name);
    return Math.max(
      this.#freeFromMs(name) + modestyMs,
      divisionMs,
      this.#lastTakenMs + PACE_MS + modestyMs,
      this.#notBeforeMs.get(name) ?? 0,
    );
  }

  /** Whether a shard is this process's in a division that is not its own: others of that wait for it. */
  #isStranded({ name, part }: WantedLease): boolean {
    return (
      part !== undefined && !this.#isDivided(part) && this.#isOwn(this.#options.observed.get(name).lease)
    );
  }

  /** Whether something is divided as this process would have it. */
  #isDivided({ name, shards }: Division): boolean {
    return this.#options.observed.get(name).lease?.data.shards === shards;
  }

  #freeFromMs(name: string): number {
    const { observed, judge } = this.#options;
    // Taken here, and yet no term: the answer was lost, or came too late. Nobody else may take it sooner, and nobody here writes under it.
    return this.#isOwn(observed.get(name).lease) ? observed.get(name).sinceMs : judge.freeFromMs(name);
  }

  #isOwn(lease: StoredLease | undefined): boolean {
    return lease?.data.holder === this.#options.holder.id;
  }

  async #take({ name, part }: WantedLease, member: MemberTerm): Promise<void> {
    const { client, clock, holder, log, observed, taken, random } = this.#options;
    const seen = observed.get(name).lease;
    const witnesses = this.#witnesses(name, member);
    const concerned = [name, member.name, ...namesOf(witnesses)];
    if (part !== undefined) concerned.push(part.name, ...namesOf(this.#witnesses(part.name, member)));
    try {
      if (seen !== undefined && this.#isStranded({ name, part })) {
        await handBackLease(client, { name, lease: seen, fences: [fenceOf(seen)] }, CALL_TIMEOUT_MS);
        return;
      }
      const layout = part === undefined ? undefined : await this.#divide(part, member);
      const as = { holder, member, layout, witnesses, timeoutMs: CALL_TIMEOUT_MS };
      const lease = await takeLease(client, name, seen, as);
      observed.learn(lease);
      const term = new LeaseTerm({ lease, layout, member, client });
      // The watch may have told more by now than the answer did.
      if (!term.held || !this.#isAsTaken(term)) return;
      this.#lastTakenMs = clock.monotonic();
      const former = seen === undefined || seen.data.holder === "" ? undefined : seen.data.holderName;
      log.info({ lease: name, ...(former !== undefined && { from: former }) }, "lease taken");
      taken(term);
    } catch (error) {
      this.#notBeforeMs.set(name, clock.monotonic() + RETRY_MS * (1 + random() / 2));
      if (isOtherwise(error)) await this.#lookAgain(concerned);
      else this.#tell(name, errorText(error));
    }
  }

  /** Whether nobody was seen to write a lease, or what it is a shard of, since it was taken. */
  #isAsTaken({ lease, layout }: LeaseTerm): boolean {
    const { observed } = this.#options;
    return [lease, ...(layout === undefined ? [] : [layout])].every(
      ({ id, generation }) => observed.get(id.name).lease?.generation === generation,
    );
  }

  /** The lease that says into how many shards something is divided; divided anew if need be, once nobody holds it or a shard of its former division. */
  async #divide(part: Division, member: MemberTerm): Promise<StoredLease | undefined> {
    const { client, log, observed } = this.#options;
    const { name, shards } = part;
    const seen = observed.get(name).lease;
    if (this.#isDivided(part)) return seen;
    const as = { shards, member, witnesses: this.#witnesses(name, member), timeoutMs: CALL_TIMEOUT_MS };
    const lease = await divideLease(client, name, seen, as);
    observed.learn(lease);
    log.info({ lease: name, shards }, "lease divided");
    return lease;
  }

  /** Show that those who held a lease have not renewed; what this process held itself needs none. */
  #witnesses(name: string, member: MemberTerm): readonly Check[] {
    const { observed, judge } = this.#options;
    if (this.#isOwn(observed.get(name).lease)) return [];
    return judge.witnesses(name).filter(({ id }) => id?.name !== member.name);
  }

  /** Asks how things are that were not as they had been seen. */
  async #lookAgain(names: readonly string[]): Promise<void> {
    await Promise.all(names.map((name) => this.#lookAt(name)));
  }

  async #lookAt(name: string): Promise<void> {
    const { client, observed } = this.#options;
    try {
      const lease = await client.find(Lease, { ...LEASE_TENANCY, name }, { timeoutMs: CALL_TIMEOUT_MS });
      if (lease === undefined) observed.learnAbsent(name);
      else observed.learn(lease);
    } catch {
      // The watch will tell, or the next try.
    }
  }

  #tell(name: string, reason: string): void {
    const { clock, log } = this.#options;
    if (clock.monotonic() - this.#toldMs < REMIND_MS) return;
    this.#toldMs = clock.monotonic();
    log.warn({ lease: name, reason }, "lease not taken; tried again");
  }
}

function namesOf(checks: readonly Check[]): readonly string[] {
  return checks.flatMap(({ id }) => (id === undefined ? [] : [id.name]));
}
