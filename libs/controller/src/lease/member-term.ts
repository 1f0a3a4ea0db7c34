import { create } from "@bufbuild/protobuf";
import { type Check, CheckSchema } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import type { Clock } from "@trellis/resource";

import type { LeaseTiming, StoredLease } from "./lease.ts";

/** What a member's term is made of. */
export interface MemberTermInit {
  /** The member's lease as it was stored. */
  readonly lease: StoredLease;
  /** When the request for it was sent, by `clock.monotonic()`. */
  readonly sentMs: number;
  readonly timing: LeaseTiming;
  readonly clock: Clock;
}

/**
 * One time of being a member, from the making of its lease to its end; never the next one. It is over when nobody renewed it in time by this process's own clock,
 * counted from before the renewal was sent, which is sooner than anybody else may take what the member holds.
 */
export class MemberTerm {
  readonly lease: StoredLease;
  readonly #clock: Clock;
  readonly #lastsMs: number;
  #untilMs: number;
  #ended = false;

  constructor({ lease, sentMs, timing, clock }: MemberTermInit) {
    this.lease = lease;
    this.#clock = clock;
    this.#lastsMs = timing.durationMs - timing.marginMs;
    this.#untilMs = sentMs + this.#lastsMs;
  }

  get name(): string {
    return this.lease.id.name;
  }

  /** Holds in a commit as long as nobody wrote or deleted the member's lease; its renewals leave it as it is. */
  get fence(): Check {
    return fenceOf(this.lease);
  }

  /** Until when it lasts, by `clock.monotonic()`. */
  get untilMs(): number {
    return this.#untilMs;
  }

  get held(): boolean {
    return !this.#ended && this.#clock.monotonic() < this.#untilMs;
  }

  /** Lasts longer, by a renewal that was sent at `sentMs` and succeeded. What is over stays over. */
  extend(sentMs: number): void {
    if (this.held) this.#untilMs = Math.max(this.#untilMs, sentMs + this.#lastsMs);
  }

  /** Is over from now on. */
  end(): void {
    this.#ended = true;
  }
}

/** Holds in a commit as long as nobody wrote or deleted a lease since it was stored like this. */
export function fenceOf({ id: { type, tenancy, name, uid }, generation }: StoredLease): Check {
  return create(CheckSchema, {
    id: { name, uid, ...(type && { type }), ...(tenancy && { tenancy }) },
    generation,
  });
}
