import type { Client } from "@trellis/client";
import type { Clock } from "@trellis/resource";

import type { ControllerLog } from "../log.ts";
import { Informer, isOlder } from "../runtime/informer.ts";
import { requestFrom } from "../runtime/request-key.ts";
import { Lease, LEASE_TENANCY, type StoredLease } from "./lease.ts";

/** What was last seen of a lease. */
export interface SeenLease {
  /** Undefined: there is none. */
  readonly lease: StoredLease | undefined;
  /** Since when it was not seen to change, by `clock.monotonic()`. */
  readonly sinceMs: number;
}

/**
 * The leases of one prefix as a watch tells of them, and since when each has not changed. Only this process's own clock is asked for that: what other clocks
 * wrote into a lease says nothing about when it runs out. What is seen may be old, and a member then seems to have gone that has not; taking what it holds fails
 * on the version of its lease.
 */
export class ObservedLeases {
  readonly #informer: Informer;
  readonly #clock: Clock;
  readonly #changed: (name: string) => void;
  readonly #seen = new Map<string, SeenLease>();
  #syncedMs: number | undefined;

  /**
   * `changed` is called when something new was seen of a lease, by the watch or by an answer, and once, without a name, when everything that is there was.
   */
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
    this.#changed = (name) => {
      if (this.isSynced) changed(name);
    };
    this.#informer.subscribe(({ key, previous, next }) => {
      if (next === undefined) this.#forget(requestFrom(key).name, previous?.id.uid);
      else this.learn(next as StoredLease);
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

  /** All that are there, by name. */
  all(): ReadonlyMap<string, SeenLease> {
    return this.#seen;
  }

  /** Takes note of a lease, of an answer or of the watch; what is no news is left: the watch may be behind an answer. */
  learn(lease: StoredLease): void {
    const { name, uid } = lease.id;
    const known = this.#seen.get(name)?.lease;
    if (known?.id.uid === uid && !isOlder(known.version, lease.version)) return;
    this.#seen.set(name, { lease, sinceMs: this.#clock.monotonic() });
    this.#changed(name);
  }

  /** Takes note that there is no lease of a name now. Of members' since when is not kept: each has another name. */
  learnAbsent(name: string): void {
    const known = this.#seen.get(name)?.lease;
    if (known === undefined || known.data.member === name) this.#seen.delete(name);
    else this.#seen.set(name, { lease: undefined, sinceMs: this.#clock.monotonic() });
    this.#changed(name);
  }

  /** The watch told of a deletion; of an incarnation before the one that is known, it is no news. */
  #forget(name: string, uid: string | undefined): void {
    const known = this.#seen.get(name)?.lease;
    if (known === undefined || known.id.uid === uid) this.learnAbsent(name);
  }
}
