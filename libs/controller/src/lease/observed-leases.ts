import { durationMs } from "@bufbuild/protobuf/wkt";
import type { Client } from "@trellis/client";
import type { Clock, TypedResource } from "@trellis/resource";

import type { ControllerLog } from "../controller.ts";
import { Informer, isOlder } from "../runtime/informer.ts";
import { requestFrom } from "../runtime/request-key.ts";
import { Lease, LEASE_TENANCY, LEASE_TIMING } from "./lease.ts";

type StoredLease = TypedResource<typeof Lease.schema>;

/** What was last seen of a lease. */
export interface SeenLease {
  /** Undefined: there is none. */
  readonly lease: StoredLease | undefined;
  /** Since when it was not seen to change, by `clock.monotonic()`. */
  readonly sinceMs: number;
}

/**
 * The leases of one prefix as a watch tells of them, and since when each has not changed. Only this process's own clock is asked for that: what other clocks
 * wrote into a lease says nothing about when it runs out. What is seen may be old, and a lease then seems to have run out that has not; taking it fails
 * on its version.
 */
export class ObservedLeases {
  readonly #informer: Informer;
  readonly #clock: Clock;
  readonly #seen = new Map<string, SeenLease>();
  #syncedMs: number | undefined;

  /** `changed` is called when something new was seen of a lease, and once, without a name, when everything that is there was. */
  constructor(
    { client, clock, log }: { readonly client: Client; readonly clock: Clock; readonly log: ControllerLog },
    prefix: string,
    changed: (name?: string) => void,
  ) {
    this.#clock = clock;
    this.#informer = new Informer(Lease, {
      client,
      clock,
      log,
      query: { ...LEASE_TENANCY, namePrefix: prefix },
    });
    this.#informer.subscribe(({ key, previous, next }) => {
      const { name } = requestFrom(key);
      const seen =
        next === undefined ? this.#forget(name, previous?.id.uid) : this.learn(next as StoredLease);
      if (seen && this.isSynced) changed(name);
    });
    void this.#informer.synced.then(() => {
      this.#syncedMs = clock.monotonic();
      changed();
    });
  }

  get isSynced(): boolean {
    return this.#syncedMs !== undefined;
  }

  /** Why the leases cannot be seen; undefined while they can. */
  get lastError(): unknown {
    return this.#informer.lastError;
  }

  start(): void {
    this.#informer.start();
  }

  async stop(): Promise<void> {
    await this.#informer.stop();
  }

  /** What was last seen under a name. Only once everything was seen is what was not seen known to be absent. */
  get(name: string): SeenLease {
    return this.#seen.get(name) ?? { lease: undefined, sinceMs: this.#syncedMs ?? this.#clock.monotonic() };
  }

  /** From when on a lease may be taken by others than its holder, by `clock.monotonic()`. */
  freeFromMs(name: string): number {
    const { lease, sinceMs } = this.get(name);
    if (lease === undefined || lease.data.holder === "") return sinceMs;
    const { duration } = lease.data;
    return sinceMs + (duration === undefined ? LEASE_TIMING.durationMs : durationMs(duration));
  }

  /** How many leases each holder has, as far as they have not run out. */
  holdings(): ReadonlyMap<string, number> {
    const holdings = new Map<string, number>();
    const nowMs = this.#clock.monotonic();
    for (const [name, { lease }] of this.#seen) {
      const holder = lease?.data.holder ?? "";
      if (holder !== "" && this.freeFromMs(name) > nowMs)
        holdings.set(holder, (holdings.get(holder) ?? 0) + 1);
    }
    return holdings;
  }

  /** Takes note of a lease, of an answer or of the watch; false when it is no news: the watch may be behind an answer. */
  learn(lease: StoredLease): boolean {
    const { name, uid } = lease.id;
    const known = this.#seen.get(name)?.lease;
    if (known?.id.uid === uid && !isOlder(known.version, lease.version)) return false;
    this.#seen.set(name, { lease, sinceMs: this.#clock.monotonic() });
    return true;
  }

  /** Takes note that there is no lease of a name now. */
  learnAbsent(name: string): void {
    this.#seen.set(name, { lease: undefined, sinceMs: this.#clock.monotonic() });
  }

  /** The watch told of a deletion; of an incarnation before the one that is known, it is no news. */
  #forget(name: string, uid: string | undefined): boolean {
    const known = this.#seen.get(name)?.lease;
    if (known !== undefined && known.id.uid !== uid) return false;
    this.learnAbsent(name);
    return true;
  }
}
