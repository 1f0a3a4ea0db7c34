import type { TenancyGuard, TenancyPolicy, UnitState, Units } from "@trellis/resource-service";
import type { Clock } from "@trellis/resource";
import { type Backend, type Key, keyString, type ReadResult } from "@trellis/storage";

import { Namespace, Partition } from "../types.ts";

/** How long a unit of a store that is elsewhere passes for live after it was seen so: the resources in it are gone before it is, and each of them is looked for. */
const LIVE_MS = 1_000;
/** Units of which that is remembered; beyond them all are forgotten. */
const MAX_LIVE = 1_024;

/** Partitions and namespaces as they are stored: a unit is there while its resource is, and takes nothing new once that is marked for deletion. */
export function createStoredTenancy(backend: Pick<Backend, "read" | "readNow">, clock: Clock): TenancyPolicy {
  /** Until when a unit passes for live, by the string form of its key. */
  const live = new Map<string, number>();

  function state(key: Key | undefined): UnitState | Promise<UnitState> {
    if (key === undefined) return "live";
    const found = backend.readNow?.(key);
    return found === undefined ? elsewhere(key) : stateOf(found);
  }

  async function elsewhere(key: Key): Promise<UnitState> {
    const text = keyString(key);
    const nowMs = clock.monotonic();
    if (nowMs < (live.get(text) ?? 0)) return "live";
    const found = stateOf(await backend.read(key));
    if (live.size >= MAX_LIVE) live.clear();
    if (found === "live") live.set(text, nowMs + LIVE_MS);
    else live.delete(text);
    return found;
  }
  return {
    state(units) {
      const keys = keysOf(units);
      const [partition, namespace] = [state(keys.partition), state(keys.namespace)];
      return partition instanceof Promise || namespace instanceof Promise
        ? Promise.all([partition, namespace]).then(([one, other]) => ({ partition: one, namespace: other }))
        : { partition, namespace };
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

function stateOf({ record }: ReadResult): UnitState {
  if (record === undefined) return "absent";
  return record.marked ? "marked" : "live";
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
