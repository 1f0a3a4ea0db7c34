import { create, type DescMessage } from "@bufbuild/protobuf";
import type { Client, ConditionInput } from "@trellis/client";
import { StatusSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { type ResourceType, statusEquals, type TypedResource } from "@trellis/resource";

/** What a controller observed of a resource, under the key that it owns. */
export interface Observation {
  readonly key: string;
  readonly conditions: readonly ConditionInput[];
}

/** Writes what was observed of this generation, unless the resource says so already: each write wakes everyone who watches it. */
export async function updateStatus<Desc extends DescMessage>(
  client: Client,
  type: ResourceType<Desc>,
  resource: TypedResource<Desc>,
  { key, conditions }: Observation,
): Promise<void> {
  const observedGeneration = resource.generation;
  const status = create(StatusSchema, {
    observedGeneration,
    conditions: conditions.map(({ type: name, state, reason = "", message = "" }) => ({
      type: name,
      state,
      reason,
      message,
    })),
  });
  if (statusEquals(resource.status[key], status, { updatedAt: false })) return;
  await client.writeStatus(type, resource, { key, observedGeneration, conditions });
}
