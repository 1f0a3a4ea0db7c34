import { create } from "@bufbuild/protobuf";
import { IDSchema, type Resource, ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import type { Registration } from "@trellis/registry";
import type { StoredRecord } from "@trellis/storage";

import { hookFailed } from "./errors.ts";
import { resourceOf } from "./record.ts";

/**
 * A stored resource as readers of a group version see it: as it is when it is stored in that version, else through the type's
 * converter, of which only the payload is taken. Undefined when there is no way.
 */
export async function presentAs(
  registration: Registration,
  record: StoredRecord,
): Promise<Resource | undefined> {
  if (record.groupVersion === registration.type.groupVersion) return resourceOf(record);
  const convert = registration.hooks.convert;
  if (convert === undefined) return undefined;
  const stored = resourceOf(record);
  let converted: Resource | undefined;
  try {
    converted = await convert(stored);
  } catch (error) {
    throw hookFailed("convert hook", registration.type.gvk, error);
  }
  if (converted === undefined) return undefined;
  const { group, groupVersion, kind } = registration.type;
  const { uid = "", name = "", tenancy } = stored.id ?? {};
  const id = create(IDSchema, {
    uid,
    name,
    ...(tenancy === undefined ? {} : { tenancy }),
    type: { group, groupVersion, kind },
  });
  return create(ResourceSchema, {
    ...resourceOf(record),
    id,
    ...(converted.data === undefined ? {} : { data: converted.data }),
  });
}
