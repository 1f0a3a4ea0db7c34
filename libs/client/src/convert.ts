import { create, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import {
  type ID,
  IDSchema,
  type Resource,
  ResourceSchema,
  type Status,
  StatusSchema,
} from "@trellis/protos/trellis/resource/v1/resource_pb";
import { decodeResource, type ResourceType, type TypedResource } from "@trellis/resource";

import type { ResourceName, StatusInput, WriteInput } from "./client.ts";

/** The id of a name of a type. */
export function idOf(
  type: ResourceType,
  { name, partition = "", namespace = "", uid = "" }: ResourceName,
): ID {
  return create(IDSchema, { type: typeOf(type), tenancy: { partition, namespace }, name, uid });
}

/** The type as requests name it. */
export function typeOf({ group, groupVersion, kind }: ResourceType): {
  group: string;
  groupVersion: string;
  kind: string;
} {
  return { group, groupVersion, kind };
}

/** What a caller wants written, as the protocol has it. */
export function resourceToWrite<Desc extends DescMessage>(
  type: ResourceType<Desc>,
  input: WriteInput<Desc>,
): Resource {
  const { owner, metadata, data, version = "" } = input;
  return create(ResourceSchema, {
    id: idOf(type, input),
    version,
    metadata: { ...metadata },
    data: anyPack(type.schema, create(type.schema, data as MessageInitShape<Desc> | undefined)),
    ...(owner === undefined ? {} : { owner }),
  });
}

/** What a controller observed, as the protocol has it. */
export function statusOf({ observedGeneration, conditions }: StatusInput): Status {
  return create(StatusSchema, {
    observedGeneration,
    conditions: conditions.map(({ type, state, reason = "", message = "", resource }) => ({
      type,
      state,
      reason,
      message,
      ...(resource === undefined ? {} : { resource: referenceOf(resource) }),
    })),
  });
}

function referenceOf({ type, tenancy, name }: ID) {
  return { name, ...(type === undefined ? {} : { type }), ...(tenancy === undefined ? {} : { tenancy }) };
}

/** The resource of an answer, decoded. Throws for an answer without one, which no server gives. */
export function decodeAnswer<Desc extends DescMessage>(
  type: ResourceType<Desc>,
  resource: Resource | undefined,
): TypedResource<Desc> {
  if (resource === undefined)
    throw new TypeError(`the server answered without the ${type.gvk} that it was asked for`);
  return decodeResource(type, resource);
}

/** A text that tells names of one type apart, in the order of lists. */
export function nameKey({ tenancy, name }: ID): string {
  return `${tenancy?.partition ?? ""}\0${tenancy?.namespace ?? ""}\0${name}`;
}
