import type { Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";
import type { Registration } from "@trellis/registry";
import { matchesSelector, type Selector } from "@trellis/resource";
import type { StoredRecord } from "@trellis/storage";

import { mayRead } from "./authorization.ts";
import type { Call } from "./call.ts";
import type { Environment } from "./environment.ts";
import { resourceOf } from "./record.ts";
import { show, type Shown } from "./shown.ts";

/** What one caller sees of a record. */
export type Seen =
  | { readonly kind: "seen"; readonly shown: Shown }
  /** Stored in a group version that cannot be shown as the one that is asked for. */
  | { readonly kind: "otherVersion" }
  /** The selector does not choose it. */
  | { readonly kind: "notSelected" }
  /** The caller may not read it. */
  | { readonly kind: "accessLost" };

/** One caller's view of the records of a type. */
export interface Sight {
  see(record: StoredRecord): Promise<Seen>;
}

/** Messages by record, shared by all watchers: a record is decoded once, however many look into it. They are sent and never changed. */
const decoded = new WeakMap<StoredRecord, Resource>();

/** Makes the view of one caller. */
export function createSight(
  environment: Environment,
  call: Call,
  registration: Registration,
  selector: Selector,
  decode: (record: StoredRecord) => Resource = resourceOf,
): Sight {
  return {
    async see(record) {
      const shown = await show(registration, record, decode);
      if (shown === undefined) return { kind: "otherVersion" };
      if (selector.length > 0 && !matchesSelector(selector, shown.resource().metadata))
        return { kind: "notSelected" };
      const maySee = await mayRead(environment, call, registration, { record, shown });
      return maySee ? { kind: "seen", shown } : { kind: "accessLost" };
    },
  };
}

/** Decodes a record for all watchers. */
export function decodeShared(record: StoredRecord): Resource {
  let resource = decoded.get(record);
  if (resource === undefined) {
    resource = resourceOf(record);
    decoded.set(record, resource);
  }
  return resource;
}
