import type { Client } from "@trellis/client";
import type { Clock, Random } from "@trellis/resource";

import type { ControllerLog } from "../controller.ts";
import type { Placement } from "../runtime/placement.ts";
import { Lease, leaseNameOf, type LeaseTiming } from "./lease.ts";
import type { LeaseHolder } from "./lease-calls.ts";
import { LeaseKeeper } from "./lease-keeper.ts";

/** What controllers under leases run on. */
export interface UnderLeasesOptions {
  /** The controllers' client, which takes their leases too. */
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: ControllerLog;
  readonly holder: LeaseHolder;
  /** How the names of the leases begin: `CONTROLLER_LEASES`, or `SYSTEM_LEASES` for the system's own. */
  readonly prefix: string;
  readonly timing?: LeaseTiming | undefined;
}

/** Each controller runs in one process of many, in the one that holds its lease; its writes carry the lease's generation as a fence. */
export function underLeases({ prefix, ...options }: UnderLeasesOptions): Placement {
  let keeper: LeaseKeeper | undefined;
  let undecided: Set<string> | undefined;
  const leaseOf = (controller: string): string => leaseNameOf(prefix, controller);
  return {
    start(controllers, { begin, end }) {
      const byLease = new Map(controllers.map((controller) => [leaseOf(controller), controller]));
      const controllerOf = (lease: string): string => byLease.get(lease) ?? lease;
      undecided = new Set(controllers);
      keeper = new LeaseKeeper({
        ...options,
        prefix,
        names: [...byLease.keys()],
        taken: (term) => begin(controllerOf(term.name), { client: term.client, since: term.lease.version }),
        lost: (term) => end(controllerOf(term.name)),
      });
      keeper.start();
    },
    retire: () => keeper?.retire(),
    stop: async () => await keeper?.stop(),
    waitingFor() {
      if (keeper?.isSynced !== true) return { type: Lease.gvk, error: keeper?.lastError };
      // Once somebody was seen to run a controller, another's loss of it is soon made good and no news to this process's health.
      for (const controller of undecided ?? []) {
        const lease = leaseOf(controller);
        if (keeper.term(lease) !== undefined || keeper.holderOf(lease) !== undefined)
          undecided?.delete(controller);
      }
      const [first] = undecided ?? [];
      return first === undefined
        ? undefined
        : { type: `the lease ${leaseOf(first)}`, error: keeper.lastError };
    },
    elsewhere: (controller) => keeper?.holderOf(leaseOf(controller)),
  };
}
