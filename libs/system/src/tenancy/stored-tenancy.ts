import type { TenancyGuard, TenancyPolicy, UnitState, Units } from "@trellis/resource-service";
import type { Clock } from "@trellis/resource";
import { type Backend, type Key, keyString, type ReadResult, TextKey } from "@trellis/storage";

import { Namespace, Partition } from "../types.ts";

/** How long a unit of a store that is elsewhere passes for live after it was seen so: the resources in it are gone before it is, and each of them is looked for. */
const LIVE_MS = 1_000;
/** Units of which that is remembered; beyond them all are forgotten. */
const MAX_LIVE = 1_024;
/** Tenancies whose keys are kept; beyond them all are forgotten. */
const MAX_KEYS = 1_024;

/** Partitions and namespaces as they are stored: a unit is there while its resource is, and takes nothing new once that is marked for deletion. */
export function createStoredTenancy(backend: Pick<Backend, "read" | "readNow">, clock: Clock): TenancyPolicy {
  /** Until when a unit passes for live, by the string form of its key. */
  const live = new Map<string, number>();
  const keysOf = rememberedKeys();

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
    guards: (units) => keysOf(units).guards,
  };
}

function stateOf({ record }: ReadResult): UnitState {
  if (record === undefined) return "absent";
  return record.marked ? "marked" : "live";
}

/** Under which keys a tenancy's units are stored; a blank unit has none. */
interface UnitKeys {
  readonly partition: Key | undefined;
  readonly namespace: Key | undefined;
  /** Those that there are. */
  readonly guards: readonly TenancyGuard[];
}

/** The keys of tenancies, kept for those that are asked for again: each mutation asks three times. */
function rememberedKeys(): (units: Units) => UnitKeys {
  const byPartition = new Map<string, Map<string, UnitKeys>>();
  let count = 0;
  return (units) => {
    const known = byPartition.get(units.partition)?.get(units.namespace);
    if (known !== undefined) return known;
    if (count >= MAX_KEYS) {
      byPartition.clear();
      count = 0;
    }
    const keys = unitKeys(units);
    const byNamespace = byPartition.get(units.partition) ?? new Map<string, UnitKeys>();
    byPartition.set(units.partition, byNamespace.set(units.namespace, keys));
    count += 1;
    return keys;
  };
}

function unitKeys({ partition, namespace }: Units): UnitKeys {
  const { group } = Partition;
  const guards: TenancyGuard[] = [];
  const keep = (unit: keyof Units, key: Key): Key => {
    const kept = new TextKey(key);
    guards.push({ unit, key: kept });
    return kept;
  };
  return {
    partition:
      partition === ""
        ? undefined
        : keep("partition", { group, kind: Partition.kind, partition: "", namespace: "", name: partition }),
    namespace:
      namespace === ""
        ? undefined
        : keep("namespace", { group, kind: Namespace.kind, partition, namespace: "", name: namespace }),
    guards,
  };
}
