import { create } from "@bufbuild/protobuf";
import { durationFromMs, durationMs } from "@bufbuild/protobuf/wkt";
import { Condition_State } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { type Check, CheckSchema } from "@trellis/protos/trellis/resource/v1/resource_service_pb";

import { CONTROLLER_LEASES, Lease, LEASE_STATUS_KEY, LEASE_TIMING, type StoredLease } from "../lease.ts";
import type { Process } from "./lease-world.ts";

/**
 * A manager of before there were members, as others see it: it renews each lease that it holds, and takes one that is free or that it saw unchanged for as long as that says.
 */
export class FormerManager {
  readonly #process: Process;
  readonly #name = `${CONTROLLER_LEASES}a`;
  readonly #lookMs: number;
  #seen: { readonly lease: StoredLease | undefined; readonly sinceMs: number } | undefined;
  #generation: string | undefined;
  #sentMs = Number.NEGATIVE_INFINITY;
  #renewal = 0;
  #stopped = false;
  /** The terms that it began. */
  terms = 0;

  /** `lookMs` is how often it looks at its lease. */
  constructor(process: Process, lookMs = 100) {
    this.#process = process;
    this.#lookMs = lookMs;
    void this.#run();
  }

  get held(): boolean {
    const { durationMs: lasts, marginMs } = LEASE_TIMING;
    return (
      this.#generation !== undefined && this.#process.clock.monotonic() < this.#sentMs + lasts - marginMs
    );
  }

  /** Holds in a commit while its term lasts; undefined while it has none. */
  get fence(): Check | undefined {
    const id = this.#seen?.lease?.id;
    if (this.#generation === undefined || id === undefined) return undefined;
    return create(CheckSchema, { id, generation: this.#generation });
  }

  stop(): void {
    this.#stopped = true;
  }

  async #run(): Promise<void> {
    const { clock } = this.#process;
    while (!this.#stopped) {
      await this.#look().catch(() => undefined);
      await new Promise<void>((resolve) => {
        clock.after(this.#lookMs, resolve);
      });
    }
  }

  async #look(): Promise<void> {
    const { client, clock } = this.#process;
    const lease = await client.find(Lease, { name: this.#name });
    if (this.#seen === undefined || this.#seen.lease?.version !== lease?.version)
      this.#seen = { lease, sinceMs: clock.monotonic() };
    if (lease?.generation !== this.#generation || !this.held) this.#generation = undefined;
    if (this.#generation !== undefined) await this.#renew();
    else if (this.#isFree()) await this.#take(lease);
  }

  #isFree(): boolean {
    const { lease, sinceMs = 0 } = this.#seen ?? {};
    if (lease === undefined || lease.data.holder === "" || lease.data.holder === this.#process.name)
      return true;
    const { duration } = lease.data;
    return this.#process.clock.monotonic() >= sinceMs + (duration === undefined ? 0 : durationMs(duration));
  }

  async #take(lease: StoredLease | undefined): Promise<void> {
    const { client, clock, name } = this.#process;
    const sentMs = clock.monotonic();
    const { resource } = await client.write(Lease, {
      name: this.#name,
      ...(lease !== undefined && { version: lease.version }),
      data: {
        holder: name,
        holderName: name,
        duration: durationFromMs(LEASE_TIMING.durationMs),
        transitions: (lease?.data.transitions ?? 0n) + 1n,
      },
    });
    this.#generation = resource.generation;
    this.#sentMs = sentMs;
    this.terms += 1;
  }

  async #renew(): Promise<void> {
    const { client, clock, name } = this.#process;
    const { fence } = this;
    const sentMs = clock.monotonic();
    if (fence === undefined || sentMs < this.#sentMs + LEASE_TIMING.renewMs) return;
    this.#renewal += 1;
    await client.resources.writeStatus({
      id: fence.id,
      key: LEASE_STATUS_KEY,
      status: {
        observedGeneration: fence.generation,
        conditions: [
          { type: "Renewed", state: Condition_State.TRUE, message: `${this.#renewal} times by ${name}` },
        ],
      },
      preconditions: [fence],
    });
    this.#sentMs = sentMs;
  }
}
