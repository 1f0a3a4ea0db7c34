import type { TenancyGuard, TenancyPolicy, UnitState, Units } from "@trellis/resource-service";
import type { Backend, Key } from "@trellis/storage";

import { Namespace, Partition } from "../types.ts";

/** Partitions and namespaces as they are stored: a unit is there while its resource is, and takes nothing new once that is marked for deletion. */
export function createStoredTenancy(backend: Pick<Backend, "read">): TenancyPolicy {
  async function state(key: Key | undefined): Promise<UnitState> {
    if (key === undefined) return "live";
    const { record } = await backend.read(key);
    if (record === undefined) return "absent";
    return record.marked ? "marked" : "live";
  }
  return {
    async state(units) {
      const keys = keysOf(units);
      const [partition, namespace] = await Promise.all([state(keys.partition), state(keys.namespace)]);
      return { partition, namespace };
    },
    guards(units) {
      const { partition, namespace } = keysOf(units);
      const guards: TenancyGuard[] = [];
      if (partition !== undefined) guards.push({ unit: "partition", key: partition });
      if (namespace !== undefined) guards.push({ unit: "namespace", key: namespace });
      return guards;
    },
  };
}

/** Under which keys a tenancy's units are stored; a blank unit has none. */
function keysOf({ partition, namespace }: Units): { partition: Key | undefined; namespace: Key | undefined } {
  const { group } = Partition;
  return {
    partition:
      partition === ""
        ? undefined
        : { group, kind: Partition.kind, partition: "", namespace: "", name: partition },
    namespace:
      namespace === ""
        ? undefined
        : { group, kind: Namespace.kind, partition, namespace: "", name: namespace },
  };
}
