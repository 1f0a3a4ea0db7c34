import type { Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";
import type { Registration } from "@trellis/registry";
import { matchesSelector, type Selector } from "@trellis/resource";
import type { StoredRecord } from "@trellis/storage";

import { mayAccess } from "./authorization.ts";
import type { Call } from "./call.ts";
import type { Environment } from "./environment.ts";
import { presentAs } from "./group-version.ts";
import { resourceOf } from "./record.ts";

/** What one watcher sees of a record. */
export type Seen =
  | { readonly kind: "seen"; readonly resource: Resource }
  /** Stored in a group version that cannot be shown as the watched one. */
  | { readonly kind: "otherVersion" }
  /** The selector does not choose it. */
  | { readonly kind: "notSelected" }
  /** The watcher may not read it. */
  | { readonly kind: "accessLost" };

/** One watcher's view of the records of a type. */
export interface Sight {
  see(record: StoredRecord): Promise<Seen>;
}

/** Messages by record, shared by all watchers: a record is decoded once, however many watch it. They are sent and never changed. */
const decoded = new WeakMap<StoredRecord, Resource>();

/** Makes the view of one watcher. */
export function createSight(
  environment: Environment,
  call: Call,
  registration: Registration,
  selector: Selector,
): Sight {
  return {
    async see(record) {
      const resource = await presentAs(registration, record, decodeShared);
      if (resource === undefined) return { kind: "otherVersion" };
      if (!matchesSelector(selector, resource.metadata)) return { kind: "notSelected" };
      const access = await mayAccess(environment, call, "read", registration, { resource });
      return access === true ? { kind: "seen", resource } : { kind: "accessLost" };
    },
  };
}

function decodeShared(record: StoredRecord): Resource {
  let resource = decoded.get(record);
  if (resource === undefined) {
    resource = resourceOf(record);
    decoded.set(record, resource);
  }
  return resource;
}
