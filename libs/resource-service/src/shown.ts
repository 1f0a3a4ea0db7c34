import type { Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";
import type { Registration } from "@trellis/registry";
import type { StoredRecord } from "@trellis/storage";

import { presentAs } from "./group-version.ts";
import { resourceOf } from "./record.ts";
import type { StoredForm } from "./stored-form.ts";

/** A record as readers of a group version see it; decoded only for those who look into it. */
export interface Shown {
  /** The resource. Where it is shared, nobody may change it. */
  readonly resource: () => Resource;
  /** Its bytes, unless a converter made something else of it. */
  readonly stored: StoredForm | undefined;
}

/** Shows a record. Undefined when it is stored in a group version that cannot be shown as that of the registration. */
export function show(
  registration: Registration,
  record: StoredRecord,
): Shown | undefined | Promise<Shown | undefined> {
  if (record.groupVersion === registration.type.groupVersion) {
    let resource: Resource | undefined;
    return {
      resource: () => (resource ??= resourceOf(record)),
      stored: { record, version: String(record.version) },
    };
  }
  return presentAs(registration, record).then((converted) =>
    converted === undefined ? undefined : { resource: () => converted, stored: undefined },
  );
}
