import { TombstoneSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { NamespaceSchema, PartitionSchema } from "@trellis/protos/trellis/tenancy/v1/tenancy_pb";
import { resourceType } from "@trellis/resource";

/** Left by a deletion in the deleted resource's tenancy, so that what it owned follows it. The one type without a scope. */
export const Tombstone = resourceType(TombstoneSchema);
/** The top-level administrative unit. */
export const Partition = resourceType(PartitionSchema);
/** A unit inside a partition. */
export const Namespace = resourceType(NamespaceSchema);

/** Says who does something that only one may do at a time. Anybody may use it; controllers have theirs in the default tenancy. */
export { Lease } from "@trellis/controller/runtime";
