import type { DescMessage, Message } from "@bufbuild/protobuf";
import type { ID, Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";
import {
  type DeleteRequest,
  DeleteRequestSchema,
  type ReadRequest,
  ReadRequestSchema,
  type WriteRequest,
  WriteRequest_Mode,
  WriteRequestSchema,
  type WriteStatusRequest,
  WriteStatusRequestSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { isResourceName } from "@trellis/resource";

/**
 * Whether a request is seen at a glance to break no rule, which is most of what is sent. Undecided means nothing: the rules themselves (protovalidate's, in the protos) say of every
 * other what is wrong with it, if anything is.
 */
export function isPlainRequest(schema: DescMessage, message: Message): boolean {
  return PLAIN.get(schema)?.(message) ?? false;
}

const PLAIN: ReadonlyMap<DescMessage, (message: Message) => boolean> = new Map<
  DescMessage,
  (message: Message) => boolean
>([
  [ReadRequestSchema, (message) => isPlainId((message as ReadRequest).id)],
  [
    WriteRequestSchema,
    (message) => {
      const { resource, mode, preconditions } = message as WriteRequest;
      return isPlainResource(resource) && MODES.has(mode) && preconditions.length === 0;
    },
  ],
  [
    WriteStatusRequestSchema,
    (message) => {
      const { id, preconditions } = message as WriteStatusRequest;
      return isPlainId(id) && preconditions.length === 0;
    },
  ],
  [
    DeleteRequestSchema,
    (message) => {
      const { id, preconditions } = message as DeleteRequest;
      return isPlainId(id) && preconditions.length === 0;
    },
  ],
]);

const MODES: ReadonlySet<number> = new Set(Object.values(WriteRequest_Mode));

function isPlainResource(resource: Resource | undefined): boolean {
  if (resource === undefined) return false;
  const { id, owner } = resource;
  return isPlainId(id) && (owner === undefined || isPlainId(owner));
}

function isPlainId(id: ID | undefined): boolean {
  if (id?.type === undefined || !isResourceName(id.name)) return false;
  return id.tenancy === undefined || (isUnit(id.tenancy.partition) && isUnit(id.tenancy.namespace));
}

function isUnit(name: string): boolean {
  return name === "" || isResourceName(name);
}
