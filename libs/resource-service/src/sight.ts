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
  /** At once where nobody has to be waited for, as for nearly all records. */
  see(record: StoredRecord): Seen | Promise<Seen>;
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
  function judge(record: StoredRecord, shown: Shown | undefined): Seen | Promise<Seen> {
    if (shown === undefined) return { kind: "otherVersion" };
    if (selector.length > 0 && !matchesSelector(selector, shown.resource().metadata))
      return { kind: "notSelected" };
    const seen = (maySee: boolean): Seen => (maySee ? { kind: "seen", shown } : { kind: "accessLost" });
    const maySee = mayRead(environment, call, registration, { record, shown });
    return maySee instanceof Promise ? maySee.then(seen) : seen(maySee);
  }
  return {
    see(record) {
      const shown = show(registration, record, decode);
      return shown instanceof Promise
        ? shown.then((converted) => judge(record, converted))
        : judge(record, shown);
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
