import { create, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import { Scope } from "@trellis/protos/trellis/resource/v1/annotations_pb";
import { Condition_State, IDSchema, type Status } from "@trellis/protos/trellis/resource/v1/resource_pb";
import type { ConditionDetails } from "@trellis/controller";
import type { ResourceType, TypedResource } from "@trellis/resource";

/** The parts of a resource that a test cares about. */
export interface ResourceInit<Desc extends DescMessage> {
  readonly data?: MessageInitShape<Desc>;
  readonly owner?: TypedResource["owner"];
  readonly metadata?: Readonly<Record<string, string>>;
  readonly status?: Readonly<Record<string, Status>>;
  readonly partition?: string;
  readonly namespace?: string;
}

/** A resource as a server would hand it out, in the default tenancy of its scope; its uid is its name. */
export function resourceOf<Desc extends DescMessage>(
  type: ResourceType<Desc>,
  name: string,
  {
    data,
    owner,
    metadata = {},
    status = {},
    partition = "default",
    namespace = "default",
  }: ResourceInit<Desc> = {},
): TypedResource<Desc> {
  const { group, groupVersion, kind, scope } = type;
  const tenancy = { partition, namespace: scope === Scope.NAMESPACE ? namespace : "" };
  const id = create(IDSchema, { type: { group, groupVersion, kind }, tenancy, name, uid: name });
  return { id, owner, version: "1", generation: "01", metadata, status, data: create(type.schema, data) };
}

/** A condition as `status.set` takes it, as a server stores it. */
export function conditionOf([type, holds, { reason = "", message = "" }]: readonly [
  string,
  boolean,
  ConditionDetails,
]) {
  return { type, state: holds ? Condition_State.TRUE : Condition_State.FALSE, reason, message };
}
