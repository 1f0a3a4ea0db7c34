import { create } from "@bufbuild/protobuf";
import { type Client, withPreconditions } from "@trellis/client";
import { type Check, CheckSchema } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import type { Clock, TypedResource } from "@trellis/resource";

import type { Lease, LeaseTiming } from "./lease.ts";

/** A write that was not sent, because its lease is not held any more. */
export class LeaseLostError extends Error {
  override readonly name = "LeaseLostError";
}

/** What a term is made of. */
export interface LeaseTermInit {
  /** The lease as its taking stored it. */
  readonly lease: TypedResource<typeof Lease.schema>;
  /** When the taking was sent, by `clock.monotonic()`. */
  readonly sentMs: number;
  readonly timing: LeaseTiming;
  readonly client: Client;
  readonly clock: Clock;
}

/**
 * One time of holding a lease, from its taking to its loss; never the next one. It is over when nobody renewed it in time by this process's own clock, counted
 * from before the renewal was sent, which is sooner than anybody else may take the lease. Should that go wrong (a process that slept while it sent), the store
 * refuses what is written under it: its generation is no longer the lease's.
 */
export class LeaseTerm {
  readonly lease: TypedResource<typeof Lease.schema>;
  /** Writes under this term: with its fence, and only while it lasts. */
  readonly client: Client;
  readonly #clock: Clock;
  readonly #lastsMs: number;
  #untilMs: number;
  #ended = false;

  constructor({ lease, sentMs, timing, client, clock }: LeaseTermInit) {
    this.lease = lease;
    this.#clock = clock;
    this.#lastsMs = timing.durationMs - timing.marginMs;
    this.#untilMs = sentMs + this.#lastsMs;
    this.client = withPreconditions(client, () => {
      this.#assertHeld();
      return [this.fence];
    });
  }

  get name(): string {
    return this.lease.id.name;
  }

  /** Holds in a commit as long as nobody took, handed back or deleted the lease since this term began. */
  get fence(): Check {
    const { type, tenancy, name } = this.lease.id;
    return create(CheckSchema, {
      id: { name, ...(type && { type }), ...(tenancy && { tenancy }) },
      generation: this.lease.generation,
    });
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

  #assertHeld(): void {
    if (this.held) return;
    throw new LeaseLostError(
      `the lease ${this.name} is not held here any more, so nothing was sent; another process may have taken it`,
    );
  }
}
