import type { Client } from "@trellis/client";
import type { Clock, Random } from "@trellis/resource";

import type { ControllerLog } from "../log.ts";
import { memberClient } from "../runtime/member-client.ts";
import type { PlacedDefinition, Placement, Tenure } from "../runtime/placement.ts";
import type { Shard } from "../runtime/shard-of.ts";
import { Lease, leaseNameOf, type LeaseTiming, shardLeaseNameOf } from "./lease.ts";
import type { LeaseHolder } from "./lease-calls.ts";
import { LeaseKeeper } from "./lease-keeper.ts";
import type { LeaseTerm } from "./lease-term.ts";
import type { WantedLease } from "./wanted-lease.ts";

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

/** A lease, and what its holder runs. */
interface PlacedLease extends WantedLease {
  readonly controller: string;
  readonly shard?: Shard | undefined;
}

/**
 * Each controller, or each shard of it, runs in one process of many, in the one that holds its lease; its writes carry the lease's generation as a fence. Controllers for every
 * process run here at once, under no lease.
 */
export function underLeases({ prefix, ...options }: UnderLeasesOptions): Placement {
  let keeper: LeaseKeeper | undefined;
  let leases: ReadonlyMap<string, PlacedLease> = new Map();
  let undecided = new Set<PlacedLease>();
  /** Whether a lease is held, or what it is for is still done in another division, as in an upgrade. */
  const isDecided = ({ name, part }: PlacedLease): boolean => {
    if (keeper === undefined) return false;
    if (keeper.term(name) !== undefined || keeper.holdersOf(name).length > 0) return true;
    return (
      part !== undefined &&
      keeper.shardsOf(part.name) !== part.shards &&
      keeper.holdersOf(part.name).length > 0
    );
  };
  return {
    start(controllers, { begin, end }) {
      leases = placedLeasesOf(prefix, controllers);
      undecided = new Set(leases.values());
      const tenures = new Map<LeaseTerm, Tenure>();
      keeper = new LeaseKeeper({
        ...options,
        prefix,
        leases: [...leases.values()],
        taken(term) {
          const { controller, shard } = leases.get(term.name) as PlacedLease;
          const tenure = { client: term.client, since: term.lease.version, shard };
          tenures.set(term, tenure);
          begin(controller, tenure);
        },
        async lost(term, how) {
          const tenure = tenures.get(term);
          const { controller } = leases.get(term.name) as PlacedLease;
          if (tenure !== undefined) await end(controller, tenure, how);
          tenures.delete(term);
        },
      });
      keeper.start();
      for (const { name, placement } of controllers)
        if (isForEveryMember({ name, placement }))
          begin(name, { client: memberClient(options.client, placement) });
    },
    retire: () => keeper?.retire(),
    stop: async () => await keeper?.stop(),
    waitingFor() {
      if (keeper?.isSynced !== true) return { type: Lease.gvk, error: keeper?.lastError };
      // Once somebody was seen to run a controller, another's loss of it is soon made good and no news to this process's health.
      for (const lease of undecided) if (isDecided(lease)) undecided.delete(lease);
      const [first] = undecided;
      return first === undefined ? undefined : { type: `the lease ${first.name}`, error: keeper.lastError };
    },
    elsewhere(controller) {
      const holders = keeper?.holdersOf(leaseNameOf(prefix, controller)) ?? [];
      return holders.length === 0 ? undefined : holders.join(", ");
    },
  };
}

function isForEveryMember({ placement }: PlacedDefinition): boolean {
  return placement === "everyMember" || (typeof placement === "object" && placement.kind === "everyMember");
}

/** The leases of controllers by their names. Throws a TypeError for two of one name. */
function placedLeasesOf(
  prefix: string,
  controllers: readonly PlacedDefinition[],
): ReadonlyMap<string, PlacedLease> {
  const leases = new Map<string, PlacedLease>();
  for (const lease of controllers.flatMap((controller) => leasesOf(prefix, controller))) {
    const other = leases.get(lease.name);
    if (other !== undefined)
      throw new TypeError(
        `the controllers "${other.controller}" and "${lease.controller}" would share the lease ${lease.name}: rename one`,
      );
    leases.set(lease.name, lease);
  }
  return leases;
}

function leasesOf(prefix: string, definition: PlacedDefinition): readonly PlacedLease[] {
  if (isForEveryMember(definition)) return [];
  const { name: controller, placement } = definition;
  const name = leaseNameOf(prefix, controller);
  if (typeof placement !== "object" || placement.kind !== "sharded") return [{ name, controller }];
  const { shards } = placement;
  return Array.from({ length: shards }, (_, index) => ({
    name: shardLeaseNameOf(name, index),
    controller,
    part: { name, shards },
    shard: { index, of: shards },
  }));
}
