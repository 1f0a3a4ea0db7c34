import { create } from "@bufbuild/protobuf";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { type Check, CheckSchema } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import type { Clock } from "@trellis/resource";

import { Lease, LEASE_TENANCY, type LeaseTiming, shardLeasesOf, type StoredLease } from "./lease.ts";
import type { ObservedLeases } from "./observed-leases.ts";

/** A member that is there. */
export interface PresentMember {
  /** The holder's id. */
  readonly id: string;
  readonly candidates: readonly string[];
  /** How many leases it holds. */
  readonly holds: number;
}

/** How many intervals of renewal a member may have been silent to count as present. */
const PRESENT_INTERVALS = 1.5;
/** The most that is shown in a commit, which takes 256 preconditions. */
const MAX_WITNESSES = 250;
/** How long a member's lease that ran out is kept, in milliseconds, so that people see whom the others waited for. */
const KEPT_MS = 60_000;

/** Judges what was seen of leases by this process's own clock: what is free, and since when. */
export class LeaseJudge {
  readonly #observed: ObservedLeases;
  readonly #timing: LeaseTiming;
  readonly #clock: Clock;

  constructor(
    observed: ObservedLeases,
    { timing, clock }: { readonly timing: LeaseTiming; readonly clock: Clock },
  ) {
    this.#observed = observed;
    this.#timing = timing;
    this.#clock = clock;
  }

  /** From when on a lease may be taken by others than its holder; of one that is divided, from when on all its shards may. By `clock.monotonic()`. */
  freeFromMs(name: string): number {
    const { lease, sinceMs } = this.#observed.get(name);
    return Math.max(
      sinceMs,
      ...shardLeasesOf(lease).map((shard) => this.#freeFromMs(shard)),
      this.#freeFromMs(name),
    );
  }

  /**
   * Show in a commit that nobody who held a lease, or a shard of it, has renewed since that was seen, and that nobody took a shard. The lease itself is compared as it is written.
   */
  witnesses(name: string): readonly Check[] {
    const shards = shardLeasesOf(this.#observed.get(name).lease);
    const members = [name, ...shards].flatMap((one) => {
      const { holder = "", member = "" } = this.#observed.get(one).lease?.data ?? {};
      return holder === "" || member === "" || member === one ? [] : [member];
    });
    // Who took a shard beyond the limit loses it: it is held under the division.
    return [...new Set([...members, ...shards])]
      .slice(0, MAX_WITNESSES)
      .map((one) => asSeen(one, this.#observed.get(one).lease));
  }

  /** How many leases each holder has, as far as they have not run out: members' own apart, and members that hold nothing among them. */
  holdings(): ReadonlyMap<string, number> {
    const holdings = new Map<string, number>();
    const nowMs = this.#clock.monotonic();
    for (const [name, { lease }] of this.#observed.all()) {
      const holder = lease?.data.holder ?? "";
      if (holder === "" || this.#freeFromMs(name) <= nowMs) continue;
      holdings.set(holder, (holdings.get(holder) ?? 0) + (isMember(lease) ? 0 : 1));
    }
    return holdings;
  }

  /** Members that renewed lately. */
  present(): readonly PresentMember[] {
    const holdings = this.holdings();
    const sinceMs = this.#clock.monotonic() - PRESENT_INTERVALS * this.#timing.renewMs;
    return [...this.#observed.all().values()].flatMap(({ lease, sinceMs: renewedMs }) => {
      if (lease === undefined || !isMember(lease) || renewedMs < sinceMs) return [];
      const { holder, candidates } = lease.data;
      return [{ id: holder, candidates, holds: holdings.get(holder) ?? 0 }];
    });
  }

  /** The leases of members that ran out some time ago. Without them what they held is free as it is with them. */
  departed(): readonly StoredLease[] {
    const nowMs = this.#clock.monotonic();
    return [...this.#observed.all()].flatMap(([name, { lease }]) =>
      lease !== undefined && isMember(lease) && this.#freeFromMs(name) + KEPT_MS <= nowMs ? [lease] : [],
    );
  }

  /** Of one that is not divided. */
  #freeFromMs(name: string): number {
    const { lease, sinceMs } = this.#observed.get(name);
    if (lease === undefined || lease.data.holder === "") return sinceMs;
    const { holder, member } = lease.data;
    if (member === "" || member === name) return sinceMs + this.#durationMs(lease);
    const renewed = this.#observed.get(member);
    // Gone, or somebody else's: nobody renews this one any more.
    if (renewed.lease?.data.holder !== holder) return Math.max(sinceMs, renewed.sinceMs);
    return renewed.sinceMs + this.#durationMs(renewed.lease);
  }

  #durationMs({ data: { duration } }: StoredLease): number {
    return duration === undefined ? this.#timing.durationMs : durationMs(duration);
  }
}

/** Whether a lease stands for a member, and not for something to do. */
function isMember(lease: StoredLease | undefined): boolean {
  return lease !== undefined && lease.data.holder !== "" && lease.data.member === lease.id.name;
}

/** Holds in a commit as long as a lease is exactly as it was seen. */
function asSeen(name: string, lease: StoredLease | undefined): Check {
  const { group, groupVersion, kind } = Lease;
  const id = { type: { group, groupVersion, kind }, tenancy: LEASE_TENANCY, name };
  return lease === undefined
    ? create(CheckSchema, { id, absent: true })
    : create(CheckSchema, { id: { ...id, uid: lease.id.uid }, version: lease.version });
}
