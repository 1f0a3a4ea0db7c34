import { resourceType, type TypedResource } from "@trellis/client";
import { LeaseSchema } from "@trellis/protos/trellis/coordination/v1/coordination_pb";
import { DEFAULT_NAMESPACE, DEFAULT_PARTITION, MAX_NAME_LENGTH } from "@trellis/resource";

import { hashOf } from "../runtime/hash-of.ts";

/** Says who does something that only one may do at a time. */
export const Lease = resourceType(LeaseSchema);
/** A lease as it is stored. */
export type StoredLease = TypedResource<typeof Lease.schema>;

/** The status key under which a member renews. */
export const LEASE_STATUS_KEY = "trellis.dev/lease";

/** Where the leases of controllers are. */
export const LEASE_TENANCY = { partition: DEFAULT_PARTITION, namespace: DEFAULT_NAMESPACE } as const;

/** How the leases of domains' controllers begin. Whoever may write leases there may take them, as managers without the cluster's secret must. */
export const CONTROLLER_LEASES = "controller-";
/** How the leases of the system's own controllers begin. The system alone writes these. */
export const SYSTEM_LEASES = "trellis-";

/** How long leases last, and how often they are renewed, in milliseconds. */
export interface LeaseTiming {
  /** How long others must see a member's lease unchanged before they may take what the member holds. */
  readonly durationMs: number;
  /** How often a member renews. */
  readonly renewMs: number;
  /**
   * How much sooner than the others a member takes all that it holds for lost. It must be more than two clocks drift apart in `durationMs`; everything else is covered,
   * because the member counts from before it sent its renewal, and the others from when they saw it.
   */
  readonly marginMs: number;
}

/** A successor begins within five seconds of its predecessor's death; a holder outlives two seconds without the storage, as in an election. */
export const LEASE_TIMING: LeaseTiming = { durationMs: 4_000, renewMs: 1_000, marginMs: 500 };

/** The name of a controller's lease: the controller's own behind the prefix, where that is a name, and one made from it otherwise. */
export function leaseNameOf(prefix: string, controller: string): string {
  const plain = controller
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "");
  if (plain === controller && prefix.length + plain.length <= MAX_NAME_LENGTH) return prefix + plain;
  const mark = hashOf(controller).toString(36);
  const kept = plain.slice(0, MAX_NAME_LENGTH - prefix.length - mark.length - 1);
  return kept === "" ? prefix + mark : `${prefix}${kept}-${mark}`;
}

/** The name of one shard's lease; `controller` is the name of the controller's own. */
export function shardLeaseNameOf(controller: string, index: number): string {
  return leaseNameOf("", `${controller}-${index}`);
}

/** The names of the leases that share what a lease is for; none when it is not divided. */
export function shardLeasesOf(lease: StoredLease | undefined): readonly string[] {
  if (lease === undefined) return [];
  return Array.from({ length: lease.data.shards }, (_, index) => shardLeaseNameOf(lease.id.name, index));
}

/** The name of a member's lease: another for each time that one process is a member. */
export function memberLeaseNameOf(prefix: string, holderId: string, times: number): string {
  return leaseNameOf(prefix, `member-${holderId}${times === 1 ? "" : `-${times}`}`);
}
