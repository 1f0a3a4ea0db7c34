import { create } from "@bufbuild/protobuf";
import {
  type Resource,
  ResourceSchema,
  TombstoneSchema,
} from "@trellis/protos/trellis/resource/v1/resource_pb";
import { resourceType } from "@trellis/resource";

import type { Environment } from "./environment.ts";
import type { PlannedOperation } from "./mutate.ts";
import { writePayload } from "./payload.ts";
import { keyOf, recordOf } from "./record.ts";
import { rfc3339 } from "./rfc3339.ts";

/** What a deletion leaves behind for the reaper. */
const Tombstone = resourceType(TombstoneSchema);

/** The metadata key of the time at which a tombstone was left. */
export const GENERATED_AT_KEY = "generated_at";

/**
 * The step that leaves a tombstone in the commit that deletes a resource: the two happen together, or neither does. It stands in the
 * resource's tenancy and is named by its uid, which is a legal name whatever the resource is called. Nothing follows a tombstone's own end.
 */
export function tombstoneOf(environment: Environment, { id }: Resource): readonly PlannedOperation[] {
  const { type, tenancy, uid = "" } = id ?? {};
  const isTombstone = type?.group === Tombstone.group && type.kind === Tombstone.kind;
  if (environment.config.tombstones !== true || id === undefined || isTombstone) return [];
  const { group, groupVersion, kind } = Tombstone;
  const { any } = writePayload(TombstoneSchema, create(TombstoneSchema, { owner: id }));
  const tombstone = create(ResourceSchema, {
    id: {
      type: { group, groupVersion, kind },
      ...(tenancy === undefined ? {} : { tenancy }),
      name: uid.toLowerCase(),
      uid: environment.ulid(),
    },
    generation: environment.ulid(),
    metadata: { [GENERATED_AT_KEY]: rfc3339(environment.clock.now()) },
    ...(any === undefined ? {} : { data: any }),
  });
  const key = keyOf(tombstone.id ?? id);
  return [{ operation: { kind: "put", key, record: recordOf(tombstone), preconditions: [] } }];
}
